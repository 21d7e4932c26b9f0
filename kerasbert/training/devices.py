"""Training on several devices, with the steps of a single device.

In the scope of a `tf.distribute.MirroredStrategy`, Keras splits a batch over the
devices, averages the loss over each part, and sums the gradients. That is the gradient
of the whole batch only if all parts have equally many targets; otherwise
`ShardedExamples` makes up for it with weights.
"""

import contextlib

import keras
import numpy as np

from kerasbert.training.adamw import AdamW
from kerasbert.training.features import GroupedExamples
from kerasbert.training.stream import TrainingStream

MEANS = ("sum_over_batch_size", "mean")  # reductions of losses


def device_count(model):
    """Returns the number of devices in the scope the model was made in."""
    strategy = getattr(model, "distribute_strategy", None)  # TensorFlow alone has it
    return 1 if strategy is None else strategy.num_replicas_in_sync


def scope_of(model):
    """Returns the distribution scope of a model, where its optimizer must be made."""
    if device_count(model) == 1:
        return contextlib.nullcontext()
    return model.distribute_strategy.scope()


def run_on_devices(model, function):
    """Calls a function without arguments on each device of a model."""
    if device_count(model) == 1:
        function()
    else:
        model.distribute_strategy.run(function)


def divided(features, model, compile_arguments, batch_size):
    """Returns features whose batches divide evenly over the devices of a model.

    Raises a `ValueError` if the steps would differ from those of one device.
    """
    devices = device_count(model)
    if devices == 1:
        return features
    if isinstance(features, TrainingStream):
        raise ValueError(
            f"Expected one device to pretrain on, got {devices}: create the model "
            "outside of the scope of a strategy."
        )
    check_divisible(features, devices)
    if batch_size % devices:
        raise ValueError(
            f"Expected a batch_size that is a multiple of {devices}, the number of "
            f"devices, got {batch_size}."
        )
    _check_optimizer(compile_arguments["optimizer"], devices)
    losses = compile_arguments["loss"]
    if not isinstance(losses, dict):
        losses = dict.fromkeys(features.targets, losses)
    for loss in losses.values():
        if getattr(loss, "reduction", MEANS[0]) not in MEANS:
            raise ValueError(
                f"Expected losses that are means over the examples on {devices} "
                f"devices, got one with the reduction {loss.reduction!r}."
            )
    return ShardedExamples(features, devices, losses)


def check_divisible(features, devices):
    """Raises a `ValueError` if several devices cannot share the examples."""
    if devices > 1 and isinstance(features, GroupedExamples):
        raise ValueError(
            "Expected one device for a text embedder, whose losses compare the texts "
            f"of a batch with each other, got {devices}. Create the embedder outside "
            "the strategy's scope."
        )
    if len(features) < devices:
        raise ValueError(
            f"Expected at least {devices} examples, one a device, got {len(features)}."
        )


def _check_optimizer(optimizer, devices):
    name = type(optimizer).__name__
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        raise ValueError(
            f"Expected float32 or bfloat16 on {devices} devices, got float16: Keras "
            "adapts the loss scale to the gradients of a single device."
        )
    if isinstance(optimizer, AdamW):
        if optimizer.amsgrad:
            raise ValueError(f"Expected amsgrad=False on {devices} devices.")
        return
    for option in (
        "clipnorm",
        "clipvalue",
        "global_clipnorm",
        "gradient_accumulation_steps",
    ):
        if getattr(optimizer, option, None):
            raise ValueError(
                f"Expected no {option} in Keras' {name} on {devices} devices: Keras "
                "applies it before the gradients are summed over the devices. Use a "
                "kerasbert.Recipe or kerasbert.training.AdamW, which sum them first."
            )


class ShardedExamples:
    """EncodedExamples whose batches have equally many rows for each device.

    Missing rows are repeated with weight 0. Weights also make up for parts of a batch
    that have more targets than others.

    Example:
        >>> from kerasbert.training import EncodedExamples
        >>> rows = {"token_ids": [[2, 7, 3], [2, 3], [2, 3]]}
        >>> features = EncodedExamples(rows, {"logits": np.array([0, 1, 1])})
        >>> _, targets, weights = ShardedExamples(features, 2, {}).batch([0, 1, 2])
        >>> targets["logits"].tolist(), (3 * weights["logits"]).round().tolist()
        ([0, 1, 1, 0], [4.0, 4.0, 4.0, 0.0])
    """

    def __init__(self, features, devices, losses):
        self.features = features
        self.devices = devices
        self.losses = losses

    def __len__(self):
        return len(self.features)

    @property
    def lengths(self):
        """See `EncodedExamples.lengths`."""
        return self.features.lengths

    @property
    def targets(self):
        """See `EncodedExamples.targets`."""
        return self.features.targets

    def for_epoch(self, seed, epoch):
        """See `EncodedExamples.for_epoch`."""
        features = self.features.for_epoch(seed, epoch)
        return ShardedExamples(features, self.devices, self.losses)

    def batch(self, rows):
        """Returns a batch as `EncodedExamples.batch` does, with weights per output."""
        filled = np.resize(rows, -(-len(rows) // self.devices) * self.devices)
        inputs, targets, weights = self.features.batch(filled)
        shares = {
            name: self._shares(name, values, len(rows))
            for name, values in targets.items()
        }
        if weights is not None:
            shares = {name: share * weights for name, share in shares.items()}
        return inputs, targets, shares

    def _shares(self, name, targets, count):
        """Returns weights with which the means of the parts sum to the batch mean."""
        counted = np.ones(len(targets), "int64")
        ignored = getattr(self.losses.get(name), "ignore_class", None)
        if ignored is not None:
            counted = (targets != ignored).sum(axis=1)  # a mean over tokens
        of_devices = counted.reshape(self.devices, -1).sum(axis=1)
        factors = self.devices * of_devices / max(1, counted[:count].sum())
        shares = np.repeat(factors, len(targets) // self.devices).astype("float32")
        shares[count:] = 0.0
        return shares
