"""Which examples make which batch: of like length, in an order that a seed gives."""

import collections
import itertools

import numpy as np

from kerasbert.training.devices import check_divisible
from kerasbert.training.features import IGNORED

POOL = 50  # batches among which examples are sorted by length
WORTH = 32  # batches for which a graph is compiled, where each shape has its own


def epoch_batches(lengths, batch_size, seed=0, epoch=0):
    """The batches of an epoch: random, and yet each of examples of like length.

    The examples are shuffled, pools of `POOL` batches are sorted by length and cut,
    and the batches are shuffled. Little is left of padding, and any two examples
    still meet in a batch sooner or later.

    Args:
        lengths: Number of tokens of each example.
        batch_size: Examples of a batch; the last one may have fewer.
        seed: Gives the order, together with `epoch`.
        epoch: Number of the epoch, from 0.

    Returns:
        A list of arrays of example numbers.

    Example:
        >>> batches = epoch_batches([3, 9, 3, 9], batch_size=2)
        >>> sorted(sorted(batch.tolist()) for batch in batches)
        [[0, 2], [1, 3]]
    """
    lengths = np.asarray(lengths)
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(len(lengths))
    batches = []
    for start in range(0, len(order), POOL * batch_size):
        pool = order[start : start + POOL * batch_size]
        pool = pool[np.argsort(-lengths[pool], kind="stable")]
        batches += [
            pool[first : first + batch_size]
            for first in range(0, len(pool), batch_size)
        ]
    return [batches[place] for place in random.permutation(len(batches))]


class TrainingOrder:
    """The batches of any epoch, from the step on that a run has come to.

    Calling it gives those of the epoch that its `epoch` names. It may be called any
    number of times: Keras asks more than once for the batches of an epoch that several
    devices share.

    Args:
        features: `kerasbert.training.Features`.
        batch_size: Examples of a batch.
        seed: Gives the order.
        step: How many batches were seen before, in `epoch` and those before it.

    Attributes:
        epoch: Number of the epoch, from 0; at first, that of the next step.
    """

    def __init__(self, features, batch_size, seed=0, step=0):
        self.features = features
        self.lengths = features.lengths
        self.batch_size = batch_size
        self.seed = seed
        self.epoch, self._seen = divmod(step, self.steps_per_epoch)
        self._begun = self.epoch

    @property
    def steps_per_epoch(self):
        """Number of batches of a whole epoch."""
        return -(-len(self.lengths) // self.batch_size)

    @property
    def skip(self):
        """Number of batches of the epoch that were seen before."""
        return self._seen if self.epoch == self._begun else 0

    def __call__(self):
        batches = epoch_batches(self.lengths, self.batch_size, self.seed, self.epoch)
        batches = batches[self.skip :]
        features = self.features.in_epoch(self.seed, self.epoch)
        shape = _shaping(features, self.batch_size)
        for rows in batches:
            yield for_keras(shape(features.batch(rows), len(rows)))


def training_dataset(order):
    """A `tf.data.Dataset` of the batches of one epoch of a `TrainingOrder`.

    Every iteration gives those of the epoch that the order is at when it begins.

    Args:
        order: The `TrainingOrder`.
    """
    return _dataset(order.features, order, order.steps_per_epoch - order.skip)


def epochs_dataset(order):
    """A `tf.data.Dataset` of an epoch an iteration, each the one after the last.

    Args:
        order: The `TrainingOrder`, which goes on.
    """

    def batches():
        epoch = order()
        first = next(epoch)  # of this epoch, before the order goes on
        order.epoch += 1
        yield first
        yield from epoch

    return _dataset(order.features, batches, order.steps_per_epoch - order.skip)


def evaluation_dataset(features, batch_size, devices=1):
    """A `tf.data.Dataset` of all examples, once, the longest first.

    Args:
        features: `kerasbert.training.Features`.
        batch_size: Examples of a batch.
        devices: Number of devices that share a batch; examples that cannot be shared
            out evenly are a batch of their own.
    """
    check_divisible(features, devices)
    order = np.argsort(-features.lengths, kind="stable")
    shared = len(order) - len(order) % devices
    size = max(1, batch_size // devices) * devices
    starts = [*range(0, shared, size), shared, len(order)]
    batches = [
        order[start:end] for start, end in itertools.pairwise(starts) if start < end
    ]

    shape = _shaping(features, batch_size)

    def generator():
        for rows in batches:
            yield for_keras(shape(features.batch(rows), len(rows)))

    return _dataset(features, generator, len(batches))


def _shaping(features, batch_size):
    """What gives batches one of a few shapes, where each is compiled anew: on JAX.

    Rows have one of the `worthwhile_lengths`; those of a batch of fewer examples are
    always as long as the longest.

    Args:
        features: `kerasbert.training.Features` of all examples.
        batch_size: Examples of a batch.

    Returns:
        Function from a batch and its number of examples to the batch that is given.
    """
    import keras

    if keras.backend.backend() == "tensorflow":
        return lambda batch, count: batch
    known = worthwhile_lengths(features.lengths, batch_size)

    def shape(batch, count):
        inputs, targets, weights = batch
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


def worthwhile_lengths(lengths, batch_size):
    """The lengths of batches that are worth a graph of their own, which takes long.

    They are the longest of all, and those powers of two for which there are `WORTH`
    batches: in fewer, more padding costs less than another graph.

    Args:
        lengths: Number of tokens of each example.
        batch_size: Examples of a batch.

    Returns:
        The lengths, the least first.

    Example:
        >>> worthwhile_lengths([9] * 32 + [20] * 320 + [50] * 32, batch_size=8)
        [32, 50]
    """
    longest = int(max(lengths))
    counts = collections.Counter(min(longest, power_of_two(x)) for x in lengths)
    found, waiting = [], 0
    for length, count in sorted(counts.items()):
        waiting += count
        if length == longest or waiting >= WORTH * batch_size:
            found.append(length)
            waiting = 0
    return found


def power_of_two(number, least=16):
    """The least power of two that is no less than a number, nor than `least`.

    Args:
        number: A number from 1 on.
        least: A power of two.

    Example:
        >>> [power_of_two(number) for number in (3, 16, 17)]
        [16, 16, 32]
    """
    return max(least, 1 << int(number - 1).bit_length())


def _lengthened(rows, length, filler):
    more = max(0, length - rows.shape[1])
    return np.pad(rows, ((0, 0), (0, more)), constant_values=filler)  # [B, S]


def for_keras(batch):
    """What Keras takes: weights, if there are any, with an axis as wide as a token's.

    Keras spreads weights `[B]` over losses `[B, S]` along the wrong axis.

    Args:
        batch: What `Features.batch` gives.
    """
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
        shape = [None, None] if has_tokens else [None, *array.shape[1:]]
        return tf.TensorSpec(shape, array.dtype)

    specs = [
        {name: spec(array, has_tokens=True) for name, array in inputs.items()},
        {name: spec(array, name in rows) for name, array in targets.items()},
        *tf.nest.map_structure(spec, weights),
    ]
    dataset = tf.data.Dataset.from_generator(generator, output_signature=tuple(specs))
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(cardinality))
    return dataset.prefetch(2)
