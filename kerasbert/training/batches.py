"""Length-grouped batches in a seeded order."""

import collections
import concurrent.futures
import functools
import itertools

import keras
import numpy as np

from kerasbert.training.devices import check_divisible
from kerasbert.training.distribution import own_rows
from kerasbert.training.features import IGNORED
from kerasbert.training.stream import TrainingStream, dataset_of

MEGA_BATCH = 50  # batches among which examples are sorted by length
MIN_BATCHES = 32  # batches of a length that make a compiled graph worthwhile


def epoch_batches(lengths, batch_size, seed=0, epoch=0):
    """Groups examples of similar length into batches, in random order.

    The examples are shuffled, mega-batches of `MEGA_BATCH` batches are sorted by length
    and cut, and the batches are shuffled: little padding, and still any two examples
    may share a batch.

    Args:
        lengths: Number of tokens of each example.
        batch_size: Number of examples per batch; the last batch may be smaller.
        seed: Seed of the order, together with `epoch`.
        epoch: Index of the epoch, from 0.

    Returns:
        A list of arrays of example indices.

    Example:
        >>> batches = epoch_batches([3, 9, 3, 9], batch_size=2)
        >>> sorted(sorted(batch.tolist()) for batch in batches)
        [[0, 2], [1, 3]]
    """
    lengths = np.asarray(lengths)
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(len(lengths))
    batches = []
    for start in range(0, len(order), MEGA_BATCH * batch_size):
        pool = order[start : start + MEGA_BATCH * batch_size]
        pool = pool[np.argsort(-lengths[pool], kind="stable")]
        batches += [
            pool[first : first + batch_size]
            for first in range(0, len(pool), batch_size)
        ]
    return [batches[index] for index in random.permutation(len(batches))]


class TrainingOrder:
    """Generates the batches of epoch `epoch`, from the step at which training resumes.

    It may be called several times per epoch: Keras requests the batches of an epoch
    more than once when several devices share them.

    Args:
        features: The examples.
        batch_size: Number of examples per batch.
        seed: Seed of the order.
        step: Number of batches already seen, over all epochs.
    """

    def __init__(self, features, batch_size, seed=0, step=0):
        self.features = features
        self.batch_size = batch_size
        self.seed = seed
        self.epoch, self._seen = divmod(step, self.steps_per_epoch)
        self._begun = self.epoch

    @classmethod
    def of(cls, features, batch_size, seed=0, step=0):
        """Returns the order of examples, or of a `TrainingStream`."""
        if isinstance(features, TrainingStream):
            cls = StreamOrder
        return cls(features, batch_size, seed, step)

    @functools.cached_property
    def lengths(self):
        """Number of tokens of each example."""
        return self.features.lengths

    @property
    def steps_per_epoch(self):
        """Number of batches of a full epoch."""
        return -(-len(self.lengths) // self.batch_size)

    @property
    def skip(self):
        """Number of batches of the epoch that were seen before training resumed."""
        return self._seen if self.epoch == self._begun else 0

    def __call__(self):
        batches = epoch_batches(self.lengths, self.batch_size, self.seed, self.epoch)
        batches = batches[self.skip :]
        features = self.features.for_epoch(self.seed, self.epoch)
        shape = _bucketing(features, self.batch_size)
        for rows in batches:
            yield for_keras(shape(features.batch(rows), len(rows)))


class StreamOrder(TrainingOrder):
    """Generates the steps of a `TrainingStream`, see `TrainingOrder`."""

    @property
    def steps_per_epoch(self):
        return self.features.steps_per_epoch

    def __call__(self):
        first = self.epoch * self.steps_per_epoch
        for step in range(first + self.skip, first + self.steps_per_epoch):
            yield self.features.step(step, self.batch_size, self.seed)


class NumpyBatches(keras.utils.PyDataset):
    """Batches of arrays for backends other than TensorFlow, made one ahead.

    Each process takes its own rows of them, see `distribution.own_rows`.

    Args:
        generate: Function that returns an iterator of batches; it is called anew for
            every epoch.
        count: Number of batches.
        whole: Whether every process takes all rows.
    """

    def __init__(self, generate, count, whole=False):
        super().__init__()
        self.generate = generate
        self.count = count
        self.whole = whole
        self._executor = concurrent.futures.ThreadPoolExecutor(1)

    @property
    def num_batches(self):
        return self.count

    def __getitem__(self, index):
        if index == 0:
            self._batches = iter(self.generate())
            self._ahead = self._executor.submit(next, self._batches, None)
        batch = self._ahead.result()
        self._ahead = self._executor.submit(next, self._batches, None)
        return batch if self.whole else own_rows(batch)


def training_dataset(order):
    """Returns the batches of the order's current epoch, for `keras.Model.fit`."""
    count = order.steps_per_epoch - order.skip
    if keras.backend.backend() != "tensorflow":
        return NumpyBatches(order, count)
    make = dataset_of if isinstance(order, StreamOrder) else _dataset
    return make(order.features, order, count)


def epochs_dataset(order):
    """Returns a `tf.data.Dataset` whose iterations are successive epochs."""

    def batches():
        epoch = order()
        first = next(epoch)  # fixes the epoch before `order.epoch` is advanced
        order.epoch += 1
        yield first
        yield from epoch

    return _dataset(order.features, batches, order.steps_per_epoch - order.skip)


def evaluation_dataset(features, batch_size, devices=1):
    """Returns a `tf.data.Dataset` of all examples once, longest first.

    Examples that `devices` cannot share evenly form a last batch of their own.
    """
    if isinstance(features, TrainingStream):
        return features.dataset(batch_size)
    check_divisible(features, devices)
    shared, rest = evaluation_batches(features, batch_size, devices)
    batches = shared + rest
    generate = functools.partial(_batches_of, features, batch_size, batches)
    return _dataset(features, generate, len(batches))


def evaluation_arrays(features, batch_size, devices=1):
    """Returns all examples once, as a list of `NumpyBatches`.

    Examples that `devices` cannot share evenly are one of their own, which all compute.
    """
    if not isinstance(features, TrainingStream):
        check_divisible(features, devices, batch_size)
    shared, rest = evaluation_batches(features, batch_size, devices)
    parts = [(shared, False), (rest, True)]
    return [
        NumpyBatches(
            functools.partial(_batches_of, features, batch_size, batches),
            *(len(batches), whole),
        )
        for batches, whole in parts
        if batches
    ]


def _batches_of(features, batch_size, batches):
    if isinstance(features, TrainingStream):
        yield from (features.fixed(rows[0], rows[-1] + 1) for rows in batches)
        return
    shape = _bucketing(features, batch_size)
    for rows in batches:
        yield for_keras(shape(features.batch(rows), len(rows)))


def evaluation_batches(features, batch_size, devices=1):
    """Returns batches of indices that `devices` share evenly; and the rest."""
    order = range(len(features))
    if not isinstance(features, TrainingStream):
        order = np.argsort(-features.lengths, kind="stable")
    shared = len(order) - len(order) % devices
    size = max(1, batch_size // devices) * devices
    starts = [*range(0, shared, size), shared]
    batches = [order[start:end] for start, end in itertools.pairwise(starts)]
    return batches, [order[shared:]] if shared < len(order) else []


def _bucketing(features, batch_size):
    """Returns a function that pads a batch to one of few shapes.

    On JAX every shape is compiled, so rows are padded to one of the `bucket_lengths`,
    and those of an incomplete batch to the longest. On TensorFlow, nothing is padded.
    """
    if keras.backend.backend() == "tensorflow":
        return lambda batch, count: batch
    known = bucket_lengths(features.lengths, batch_size)

    def shape(batch, count):
        inputs, targets, weights = batch
        if "token_ids" not in inputs:
            return batch
        length = known[-1]
        if count == batch_size:
            length = next(x for x in known if x >= inputs["token_ids"].shape[1])
        lengths = dict.fromkeys(inputs, length)
        of_targets = length
        if "masked_positions" in inputs:
            of_targets = power_of_two(inputs["masked_positions"].shape[1])
            lengths["masked_positions"] = of_targets
        fillers = {"token_ids": features.pad_token_id}
        inputs = {
            name: _lengthened(rows, lengths[name], fillers.get(name, 0))
            for name, rows in inputs.items()
        }
        targets = {
            name: _lengthened(values, of_targets, IGNORED)
            if isinstance(features.targets[name], list)
            else values
            for name, values in targets.items()
        }
        return inputs, targets, weights

    return shape


def bucket_lengths(lengths, batch_size):
    """Returns the sequence lengths that are worth a compiled graph each.

    These are the longest length, and the powers of two that `MIN_BATCHES` batches or
    more share: for fewer batches, padding is cheaper than compiling.

    Example:
        >>> bucket_lengths([9] * 32 + [20] * 320 + [50] * 32, batch_size=8)
        [32, 50]
    """
    longest = int(max(lengths))
    counts = collections.Counter(min(longest, power_of_two(x)) for x in lengths)
    found, waiting = [], 0
    for length, count in sorted(counts.items()):
        waiting += count
        if length == longest or waiting >= MIN_BATCHES * batch_size:
            found.append(length)
            waiting = 0
    return found


def power_of_two(number, least=16):
    """Rounds a number up to a power of two, at least `least`.

    Example:
        >>> [power_of_two(number) for number in (3, 16, 17)]
        [16, 16, 32]
    """
    return max(least, 1 << int(number - 1).bit_length())


def _lengthened(rows, length, filler):
    more = max(0, length - rows.shape[1])
    return np.pad(rows, ((0, 0), (0, more)), constant_values=filler)  # [B, S]


def for_keras(batch):
    """Adds a token axis to example weights, for losses `[B, S]`."""
    inputs, targets, weights = batch
    if weights is None:
        return inputs, targets
    if isinstance(weights, dict):
        return inputs, targets, {name: w[:, None] for name, w in weights.items()}
    return inputs, targets, weights[:, None]  # [B, 1]


def _dataset(features, generator, cardinality):
    import tensorflow as tf

    inputs, targets, *weights = for_keras(features.batch([0]))
    rows = {name for name, v in features.targets.items() if isinstance(v, list)}

    def spec(array, has_tokens=False):
        rows_of_tokens = has_tokens and array.ndim == 2
        shape = [None, None] if rows_of_tokens else [None, *array.shape[1:]]
        return tf.TensorSpec(shape, array.dtype)

    specs = [
        {name: spec(array, has_tokens=True) for name, array in inputs.items()},
        {name: spec(array, name in rows) for name, array in targets.items()},
        *tf.nest.map_structure(spec, weights),
    ]
    dataset = tf.data.Dataset.from_generator(generator, output_signature=tuple(specs))
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(cardinality))
    return dataset.prefetch(2)
