"""Settings with which a run would learn nothing, refused before the first step."""

import dataclasses
import math
import warnings

import numpy as np
from keras import ops
from keras.optimizers.schedules import LearningRateSchedule

from kerasbert.training.adamw import AdamW
from kerasbert.training.devices import device_count

PLACES = 33  # steps at which a learning rate is looked at


def check_learns(model, features):
    """Refuses a model and examples that nothing can be learnt with.

    Args:
        model: The model.
        features: `kerasbert.training.Features`.

    Raises:
        ValueError: If all weights of the model are frozen, or no example counts.
    """
    if not model.trainable_variables:
        raise ValueError(
            "Expected weights to train, but all of the model are frozen. Set "
            "layer.trainable = True for those that should learn."
        )
    if features.weights is not None and not np.any(features.weights):
        raise ValueError(
            "Expected sample_weight above 0 for an example at least, got 0 for all: "
            "nothing would be learnt."
        )


def check_updates(optimizer, steps):
    """Refuses an optimizer that would leave the weights as they are.

    Args:
        optimizer: A Keras optimizer.
        steps: Number of batches of the whole run.

    Raises:
        ValueError: If its learning rate is 0 throughout, or it would accumulate
            gradients and never use them.
    """
    optimizer = without_scaling(optimizer)
    rates = learning_rates(optimizer, steps)
    if rates is not None and not np.any(np.nan_to_num(rates, nan=1.0)):
        used = int(optimizer.iterations)
        before = f" after the {used} steps that it has seen before" if used else ""
        raise ValueError(
            f"Expected a learning rate above 0, got 0 in all {steps} steps{before}. "
            "Compile with a new optimizer, or another schedule."
        )
    if rates is not None and not np.all(np.isfinite(rates)):
        raise ValueError(f"Expected a finite learning rate, got {np.max(rates)}.")
    group = getattr(optimizer, "gradient_accumulation_steps", None) or 1
    if group == 1 or uses_rest(optimizer):
        return
    name = type(optimizer).__name__
    if group > steps:
        raise ValueError(
            f"Expected gradient_accumulation_steps of at most {steps}, the batches of "
            f"all epochs, got {group}: Keras' {name} would make no update. A "
            "kerasbert.Recipe uses the last group of gradients, however small."
        )
    if steps % group:
        warnings.warn(
            f"Keras' {name} accumulates the gradients of {group} batches, and makes no "
            f"update of the last {steps % group} of {steps}. A kerasbert.Recipe does.",
            stacklevel=4,
        )


def learning_rates(optimizer, steps):
    """The learning rate at steps of a run, from the first to the last.

    Args:
        optimizer: A Keras optimizer.
        steps: Number of batches.

    Returns:
        An array; None where it is a function that is not to be called here.
    """
    optimizer = without_scaling(optimizer)
    rate = getattr(optimizer, "_learning_rate", None)
    if not isinstance(rate, LearningRateSchedule):
        if rate is None or callable(rate) and not hasattr(rate, "value"):
            return None
        return np.array([float(ops.convert_to_numpy(rate))])
    group = getattr(optimizer, "gradient_accumulation_steps", None) or 1
    begin = int(optimizer.iterations)
    last = begin + max(1, math.ceil(steps / group)) - 1
    places = np.unique(np.linspace(begin, last, PLACES).astype("int64"))
    return np.array([float(ops.convert_to_numpy(rate(int(at)))) for at in places])


def without_scaling(optimizer):
    """The optimizer within one that scales the loss."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def uses_rest(optimizer):
    """Whether an optimizer accumulates gradients, and can use a last group of few."""
    optimizer = without_scaling(optimizer)
    group = getattr(optimizer, "gradient_accumulation_steps", None) or 1
    return isinstance(optimizer, AdamW) and group > 1


@dataclasses.dataclass(frozen=True)
class RunPlan:
    """What a run is about to do.

    Args:
        examples: Number of examples to train on.
        validation_examples: Number of those to test on.
        epochs: Number of epochs.
        batch_size: Examples of a batch.
        steps: Number of batches of all epochs.
        updates: Number of updates that they make.
        accumulation: Number of batches of an update.
        warmup: Number of updates in which the learning rate grows.
        learning_rate: The highest.
        devices: Number of devices that share a batch.
        trained: Number of weights that are trained.
        step: Number of batches that were seen before.
        max_length: The longest sequence in tokens, or None.
    """

    examples: int
    validation_examples: int
    epochs: int
    batch_size: int
    steps: int
    updates: int
    accumulation: int
    warmup: int
    learning_rate: float | None
    devices: int
    trained: int
    step: int
    max_length: int | None

    @classmethod
    def of(cls, model, features, validation, epochs, batch_size, step, max_length):
        """The plan of a compiled model.

        Args:
            model: The model.
            features: `kerasbert.training.Features`.
            validation: Those to test on, or None.
            epochs: As in `RunPlan`.
            batch_size: As there.
            step: As there.
            max_length: As there.
        """
        optimizer = without_scaling(model.optimizer)
        steps = epochs * -(-len(features) // batch_size)
        rates = learning_rates(optimizer, steps)
        schedule = getattr(optimizer, "_learning_rate", None)
        group = getattr(optimizer, "gradient_accumulation_steps", None) or 1
        trained = sum(math.prod(v.shape) for v in model.trainable_variables)
        return cls(
            examples=len(features),
            validation_examples=0 if validation is None else len(validation),
            epochs=epochs,
            batch_size=batch_size,
            steps=steps,
            updates=-(-steps // group) if uses_rest(optimizer) else steps // group,
            accumulation=group,
            warmup=getattr(schedule, "warmup_steps", 0),
            learning_rate=getattr(
                schedule, "peak", None if rates is None else float(rates.max())
            ),
            devices=device_count(model),
            trained=trained,
            step=step,
            max_length=max_length,
        )

    def line(self):
        """The plan as a line."""
        parts = [f"{self.examples} examples"]
        if self.validation_examples:
            parts[0] += f", {self.validation_examples} to test on"
        if self.max_length is not None:
            parts[0] += f", of up to {self.max_length} tokens"
        parts.append(
            f"{self.epochs} epochs of {self.steps // max(1, self.epochs)} batches of "
            f"up to {self.batch_size} on {self.devices} device"
            + ("s" if self.devices > 1 else "")
        )
        updates = f"{self.updates} updates"
        if self.accumulation > 1:
            updates += f" of {self.accumulation} batches each"
        if self.warmup:
            updates += f", {self.warmup} of them warm-up"
        if self.learning_rate is not None:
            updates += f", learning rate up to {self.learning_rate:g}"
        parts.append(f"{updates}, for {self.trained:,} weights")
        if self.step:
            parts.append(f"goes on from step {self.step}")
        return "; ".join(parts)
