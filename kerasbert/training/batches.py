"""Which examples make which batch: of like length, in an order that a seed gives."""

import numpy as np

POOL = 50  # batches among which examples are sorted by length


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
    """The batches of all epochs, from any step on.

    Iterating gives those of one epoch, or what is left of it, and the next time those
    of the next; that is how Keras asks for an epoch.

    Args:
        features: `kerasbert.training.Features`.
        batch_size: Examples of a batch.
        seed: Gives the order.
        step: How many batches were seen before, in this epoch and those before it.
    """

    def __init__(self, features, batch_size, seed=0, step=0):
        self.features = features
        self.lengths = features.lengths
        self.batch_size = batch_size
        self.seed = seed
        self.epoch, self.skip = divmod(step, self.steps_per_epoch)

    @property
    def steps_per_epoch(self):
        """Number of batches of a whole epoch."""
        return -(-len(self.lengths) // self.batch_size)

    def __call__(self):
        batches = epoch_batches(self.lengths, self.batch_size, self.seed, self.epoch)
        batches = batches[self.skip :]
        features = self.features.in_epoch(self.seed, self.epoch)
        self.epoch, self.skip = self.epoch + 1, 0
        for rows in batches:
            yield _without_none(features.batch(rows))


def training_dataset(order):
    """A `tf.data.Dataset` of the batches of a `TrainingOrder`, an epoch an iteration.

    Args:
        order: The `TrainingOrder`.
    """
    return _dataset(order.features, order, order.steps_per_epoch - order.skip)


def evaluation_dataset(features, batch_size):
    """A `tf.data.Dataset` of all examples, once, the longest first.

    Args:
        features: `kerasbert.training.Features`.
        batch_size: Examples of a batch.
    """
    order = np.argsort(-features.lengths, kind="stable")
    starts = range(0, len(features), batch_size)

    def batches():
        for start in starts:
            rows = order[start : start + batch_size]
            yield _without_none(features.batch(rows))

    return _dataset(features, batches, len(starts))


def _without_none(batch):
    return batch if batch[2] is not None else batch[:2]


def _dataset(features, generator, cardinality):
    import tensorflow as tf

    inputs, targets, weights = features.batch([0])
    rows = {name for name, v in features.targets.items() if isinstance(v, list)}

    def spec(array, has_tokens=False):
        shape = [None, None] if has_tokens else [None, *array.shape[1:]]
        return tf.TensorSpec(shape, array.dtype)

    specs = [
        {name: spec(array, has_tokens=True) for name, array in inputs.items()},
        {name: spec(array, name in rows) for name, array in targets.items()},
    ]
    if weights is not None:
        specs.append(spec(weights))
    dataset = tf.data.Dataset.from_generator(generator, output_signature=tuple(specs))
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(cardinality))
    return dataset.prefetch(2)
