"""Training on a stream: batches that are computed from the number of their step."""

import abc
from typing import Any

from kerasbert.training.counts import check_count


class TrainingStream(abc.ABC):
    """Batches of a training that has no epochs of its own.

    `fit` takes one in place of `EncodedExamples`. What it calls an epoch is
    `steps_per_epoch` steps, after which it validates and saves. A batch depends on
    the seed and the number of its step alone, so that a training resumes exactly.

    Args:
        steps_per_epoch: Number of steps between two validations.
    """

    weights = None  # all examples count alike

    def __init__(self, steps_per_epoch: int):
        check_count("steps_per_epoch", steps_per_epoch)
        self.steps_per_epoch = steps_per_epoch
        self.targets = {}

    @abc.abstractmethod
    def step(self, number: int, batch_size: int, seed: int) -> tuple[dict, dict]:
        """Returns the inputs and targets of a step.

        Args:
            number: Number of the step, from 0.
            batch_size: Number of examples.
            seed: Seed of the training.
        """

    @abc.abstractmethod
    def __len__(self):
        """Returns the number of examples."""

    @abc.abstractmethod
    def dataset(self, batch_size: int) -> Any:
        """Returns a `tf.data.Dataset` of all examples once, for validation.

        Args:
            batch_size: Number of examples of a batch.
        """

    @abc.abstractmethod
    def fixed(self, first: int, last: int) -> tuple[dict, dict]:
        """Returns examples in their order, always alike, for validation.

        Args:
            first: Number of the first.
            last: Number after the last.
        """

    @abc.abstractmethod
    def digest(self) -> str:
        """Returns a digest of all that the batches depend on."""

    def batch(self, rows: Any) -> tuple[dict, dict, None]:
        """Returns the first batch, of as many examples as there are rows."""
        return (*self.step(0, len(rows), 0), None)


def dataset_of(stream, generator, count):
    """Returns a `tf.data.Dataset` of batches whose rows, or tokens, may vary."""
    import tensorflow as tf

    inputs, targets, _ = stream.batch(range(1))
    specs = tf.nest.map_structure(
        lambda array: tf.TensorSpec([None, *array.shape[1:]], array.dtype),
        (inputs, targets),
    )
    dataset = tf.data.Dataset.from_generator(generator, output_signature=specs)
    return dataset.apply(tf.data.experimental.assert_cardinality(count)).prefetch(4)
