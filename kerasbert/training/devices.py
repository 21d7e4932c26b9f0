"""Training on several devices, with the steps of a single device.

In the scope of a `tf.distribute.MirroredStrategy`, Keras splits a batch over the
devices, averages the loss over each part, and sums the gradients. That is the gradient
of the whole batch only if all parts have equally many targets; otherwise
`ShardedExamples` makes up for it with weights. On JAX the loss is that of the whole
batch, and weights make up for repeated rows only.
"""

import contextlib

import keras
import numpy as np

from kerasbert.training.adamw import AdamW
from kerasbert.training.distribution import batch_shards, check_placed
from kerasbert.training.features import GroupedExamples
from kerasbert.training.stream import TrainingStream

MEANS = ("sum_over_batch_size", "mean")  # reductions of losses


def device_count(model):
    """Returns the number of devices that share the batches of a model."""
    if keras.backend.backend() != "tensorflow":
        return batch_shards()
    return model.distribute_strategy.num_replicas_in_sync


def scope_of(model):
    """Returns the distribution scope of a model, where its optimizer must be made."""
    if is_mirrored(model):
        return model.distribute_strategy.scope()
    return contextlib.nullcontext()


def run_on_devices(model, function):
    """Calls a function without arguments on each device of a model."""
    if is_mirrored(model):
        model.distribute_strategy.run(function)
    else:
        function()


def is_mirrored(model):
    """Returns whether a model was made in the scope of a `MirroredStrategy`."""
    return keras.backend.backend() == "tensorflow" and device_count(model) > 1


def divided(features, model, compile_arguments, batch_size):
    """Returns features whose batches divide evenly over the devices of a model.

    Raises a `ValueError` if the steps would differ from those of one device.
    """
    check_placed(model)
    devices = device_count(model)
    if devices == 1:
        return features
    mirrored = is_mirrored(model)
    if mirrored and isinstance(features, TrainingStream):
        raise ValueError(
            f"Expected one device to pretrain on a Corpus, got {devices}: create the "
            "model outside of the scope of a strategy, pretrain on documents in "
            "memory, or use JAX."
        )
    if batch_size % devices:
        raise ValueError(
            f"Expected a batch_size that is a multiple of {devices}, the number of "
            f"devices, got {batch_size}."
        )
    if isinstance(features, TrainingStream):
        if getattr(features, "ramp", 0):
            raise ValueError(
                f"Expected no batch_ramp on {devices} devices, which share every batch "
                "evenly."
            )
        return features  # its batches are full
    check_divisible(features, devices, None if mirrored else batch_size)
    if mirrored:
        _check_optimizer(compile_arguments["optimizer"], devices)
    elif isinstance(features, GroupedExamples):
        return features
    losses = compile_arguments["loss"]
    if not isinstance(losses, dict):
        losses = dict.fromkeys(features.targets, losses)
    for loss in losses.values():
        if getattr(loss, "reduction", MEANS[0]) not in MEANS:
            raise ValueError(
                f"Expected losses that are means over the examples on {devices} "
                f"devices, got one with the reduction {loss.reduction!r}."
            )
    return ShardedExamples(features, devices, losses, devices if mirrored else 1)


def check_divisible(features, devices, batch_size=None):
    """Raises a `ValueError` if several devices cannot share the examples.

    With a `batch_size` losses that compare the texts of a batch are those of the whole
    batch, as on JAX.
    """
    if devices > 1 and isinstance(features, GroupedExamples):
        if batch_size is None:
            raise ValueError(
                "Expected one device for a text embedder, whose losses compare the "
                f"texts of a batch with each other, got {devices}. Create the embedder "
                "outside the strategy's scope, or use JAX."
            )
        rest = len(features) % batch_size
        if batch_size % devices or rest % devices:
            raise ValueError(
                f"Expected {devices} devices to share all batches of a text embedder "
                f"evenly, got batches of {batch_size} and a last one of {rest}. Its "
                "losses compare the texts of a batch, of which none can be there "
                "twice: leave examples out, or choose another batch_size."
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

    def __init__(self, features, devices, losses, parts=None):
        self.features = features
        self.devices = devices
        self.losses = losses
        self.parts = devices if parts is None else parts  # that have a mean each

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

    @property
    def pad_token_id(self):
        """See `EncodedExamples.pad_token_id`."""
        return self.features.pad_token_id

    def for_epoch(self, seed, epoch):
        """See `EncodedExamples.for_epoch`."""
        features = self.features.for_epoch(seed, epoch)
        return ShardedExamples(features, self.devices, self.losses, self.parts)

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
        of_parts = counted.reshape(self.parts, -1).sum(axis=1)
        factors = self.parts * of_parts / max(1, counted[:count].sum())
        shares = np.repeat(factors, len(targets) // self.parts).astype("float32")
        shares[count:] = 0.0
        return shares
