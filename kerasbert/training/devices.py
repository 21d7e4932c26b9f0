"""Training on several devices, in steps that are those of one device.

In the scope of a `tf.distribute.MirroredStrategy` Keras gives each device a part of a
batch, takes the mean of the loss over each part, and adds the gradients. That is the
gradient of the batch only where all parts count alike: here they are made to.
"""

import contextlib

import keras
import numpy as np

from kerasbert.training.adamw import AdamW
from kerasbert.training.group_features import GroupFeatures

MEANS = ("sum_over_batch_size", "mean")  # reductions of losses


def device_count(model):
    """The number of devices that train a model together.

    Args:
        model: A `keras.Model`; the scope that it was made in says it.
    """
    strategy = getattr(model, "distribute_strategy", None)  # TensorFlow alone has it
    return 1 if strategy is None else strategy.num_replicas_in_sync


def scope_of(model):
    """The scope in which variables are made that go with those of a model.

    Args:
        model: A `keras.Model`.
    """
    if device_count(model) == 1:
        return contextlib.nullcontext()
    return model.distribute_strategy.scope()


def run_on_devices(model, function):
    """Calls a function on each of the devices of a model.

    Args:
        model: A `keras.Model`.
        function: A function without arguments.
    """
    if device_count(model) == 1:
        function()
    else:
        model.distribute_strategy.run(function)


def divided(features, model, compile_arguments, batch_size):
    """Features whose batches can be divided among the devices of a model.

    Args:
        features: `kerasbert.training.Features`.
        model: The model that is trained.
        compile_arguments: Those of `keras.Model.compile`, with an optimizer.
        batch_size: Examples of a batch, on all devices together.

    Returns:
        The features themselves if there is one device.

    Raises:
        ValueError: If the steps would not be those of one device.
    """
    devices = device_count(model)
    if devices == 1:
        return features
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
    return DividedFeatures(features, devices, losses)


def check_divisible(features, devices):
    """Refuses examples that several devices cannot share.

    Args:
        features: `kerasbert.training.Features`.
        devices: The number of devices.

    Raises:
        ValueError: If examples are groups of texts, or fewer than devices.
    """
    if devices > 1 and isinstance(features, GroupFeatures):
        raise ValueError(
            "Expected one device for a text embedder, whose losses compare the texts "
            f"of a batch with each other, got {devices}. Make the embedder outside of "
            "the scope of the strategy."
        )
    if len(features) < devices:
        raise ValueError(
            f"Expected at least {devices} examples, one a device, got {len(features)}."
        )


def _check_optimizer(optimizer, devices):
    name = type(optimizer).__name__
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        raise ValueError(
            f"Expected float32 or bfloat16 on {devices} devices, got float16, for "
            "which Keras scales the loss by what one device alone saw."
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
                "does it before the gradients of the devices are added. Take a "
                "kerasbert.Recipe, or kerasbert.training.AdamW, which add them first."
            )


class DividedFeatures:
    """Features with batches of as many rows for each device.

    Where rows are missing, some are there twice, the second time with the weight 0.
    Weights also make up for parts of a batch that have more targets than others.

    Args:
        features: `kerasbert.training.Features`.
        devices: The number of devices.
        losses: From an output of the model to its loss.

    Example:
        >>> from kerasbert.training import Features
        >>> rows = {"token_ids": [[2, 7, 3], [2, 3], [2, 3]]}
        >>> features = Features(rows, {"logits": np.array([0, 1, 1])})
        >>> _, targets, weights = DividedFeatures(features, 2, {}).batch([0, 1, 2])
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
        """As in `Features`."""
        return self.features.lengths

    @property
    def targets(self):
        """As in `Features`."""
        return self.features.targets

    def in_epoch(self, seed, epoch):
        """As in `Features`.

        Args:
            seed: The seed of the run.
            epoch: Number of the epoch, from 0.
        """
        features = self.features.in_epoch(seed, epoch)
        return DividedFeatures(features, self.devices, self.losses)

    def batch(self, rows):
        """As in `Features`, with weights for each output.

        Args:
            rows: Numbers of the examples.
        """
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
        """The weights with which the means of the parts add to that of the batch."""
        counted = np.ones(len(targets), "int64")
        ignored = getattr(self.losses.get(name), "ignore_class", None)
        if ignored is not None:
            counted = (targets != ignored).sum(axis=1)  # a mean over tokens
        of_devices = counted.reshape(self.devices, -1).sum(axis=1)
        factors = self.devices * of_devices / max(1, counted[:count].sum())
        shares = np.repeat(factors, len(targets) // self.devices).astype("float32")
        shares[count:] = 0.0
        return shares
