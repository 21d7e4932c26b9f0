"""Checks for settings with which nothing would be learnt; the plan of a run."""

import dataclasses
import math
import warnings

import numpy as np
from keras import ops
from keras.optimizers.schedules import LearningRateSchedule

from kerasbert.training.adamw import AdamW
from kerasbert.training.devices import device_count
from kerasbert.training.distribution import mesh_size
from kerasbert.training.features import IGNORED

SAMPLES = 33  # steps at which a learning-rate schedule is evaluated


def check_trainable(model, features):
    """Raises a `ValueError` if all weights are frozen, or all example weights are 0.

    Warns if the targets of all examples are the same.
    """
    if not model.trainable_variables:
        raise ValueError(
            "Expected trainable weights, but all weights of the model are frozen. Set "
            "layer.trainable = True for the layers to train."
        )
    if features.weights is not None and not np.any(features.weights):
        raise ValueError(
            "Expected sample_weight above 0 for at least one example, got 0 for all: "
            "nothing would be learnt."
        )
    counted = np.arange(len(features))
    if features.weights is not None:
        counted = np.flatnonzero(features.weights)
    targets = features.targets.values()
    if len(counted) > 1 and targets and all(_are_same(t, counted) for t in targets):
        warnings.warn(
            f"All {len(counted):,} training examples have the same target, which the "
            "model would predict for every text. Check the targets.",
            stacklevel=4,
        )


def _are_same(targets, rows):
    """Whether the targets of rows, or of all their tokens, are the same."""
    if isinstance(targets, np.ndarray):
        return bool(np.all(targets[rows] == targets[rows[0]]))
    values = np.unique(np.concatenate([targets[row] for row in rows]))
    return np.sum(values != IGNORED) == 1


def check_updates(optimizer, steps):
    """Raises a `ValueError` if the optimizer would never change the weights."""
    optimizer = inner_optimizer(optimizer)
    rates = learning_rates(optimizer, steps)
    if rates is not None and not np.any(np.nan_to_num(rates, nan=1.0)):
        used = int(ops.convert_to_numpy(optimizer.iterations))
        before = f" after the {used} steps it has already taken" if used else ""
        raise ValueError(
            f"Expected a learning rate above 0, got 0 in all {steps} steps{before}. "
            "Compile with a new optimizer, or another schedule."
        )
    if rates is not None and not np.all(np.isfinite(rates)):
        raise ValueError(f"Expected a finite learning rate, got {np.max(rates)}.")
    group = getattr(optimizer, "gradient_accumulation_steps", None) or 1
    if group == 1 or flushes_remainder(optimizer):
        return
    name = type(optimizer).__name__
    if group > steps:
        raise ValueError(
            f"Expected gradient_accumulation_steps of at most {steps}, the batches of "
            f"all epochs, got {group}: Keras' {name} would make no update. A "
            "kerasbert.Recipe applies an incomplete last group of gradients."
        )
    if steps % group:
        warnings.warn(
            f"Keras' {name} accumulates the gradients of {group} batches, and drops "
            f"those of the last {steps % group} of {steps}. A kerasbert.Recipe "
            "applies them.",
            stacklevel=4,
        )


def learning_rates(optimizer, steps):
    """Samples the learning rate over all steps; None if it is an opaque function."""
    optimizer = inner_optimizer(optimizer)
    rate = getattr(optimizer, "_learning_rate", None)
    if not isinstance(rate, LearningRateSchedule):
        if rate is None or callable(rate) and not hasattr(rate, "value"):
            return None
        return np.array([float(ops.convert_to_numpy(rate))])
    group = getattr(optimizer, "gradient_accumulation_steps", None) or 1
    begin = int(ops.convert_to_numpy(optimizer.iterations))
    last = begin + max(1, math.ceil(steps / group)) - 1
    steps = np.unique(np.linspace(begin, last, SAMPLES).astype("int64"))
    return np.array([float(ops.convert_to_numpy(rate(int(step)))) for step in steps])


def inner_optimizer(optimizer):
    """Returns the optimizer inside a `LossScaleOptimizer`."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def flushes_remainder(optimizer):
    """Whether an optimizer accumulates gradients and can apply an incomplete group."""
    optimizer = inner_optimizer(optimizer)
    group = getattr(optimizer, "gradient_accumulation_steps", None) or 1
    return isinstance(optimizer, AdamW) and group > 1


@dataclasses.dataclass(frozen=True)
class RunPlan:
    """Summary of a training before its first step.

    Args:
        examples: Number of training examples.
        validation_examples: Number of validation examples.
        epochs: Number of epochs.
        batch_size: Number of examples per batch.
        steps: Number of batches of all epochs.
        updates: Number of optimizer updates.
        accumulation: Number of batches per update.
        warmup: Number of warm-up updates.
        learning_rate: The highest learning rate.
        devices: Number of devices that share a batch.
        trained: Number of trainable weights.
        step: Number of batches already seen.
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
        """Summarizes the training of a compiled model."""
        optimizer = inner_optimizer(model.optimizer)
        per_epoch = getattr(features, "steps_per_epoch", None)
        steps = epochs * (per_epoch or -(-len(features) // batch_size))
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
            updates=-(-steps // group)
            if flushes_remainder(optimizer)
            else steps // group,
            accumulation=group,
            warmup=getattr(schedule, "warmup_steps", 0),
            learning_rate=getattr(
                schedule, "peak", None if rates is None else float(rates.max())
            ),
            devices=max(device_count(model), mesh_size()),
            trained=trained,
            step=step,
            max_length=max_length,
        )

    def line(self):
        """Formats the plan as one line."""
        parts = [f"{self.examples} examples"]
        if self.validation_examples:
            parts[0] += f", {self.validation_examples} for validation"
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
            parts.append(f"resumes at step {self.step}")
        return "; ".join(parts)
