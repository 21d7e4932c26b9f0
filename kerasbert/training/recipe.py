"""How BERT is fine-tuned: the few numbers that papers report."""

import dataclasses
import math

import keras

from kerasbert.training.adamw import AdamW
from kerasbert.training.counts import check_count
from kerasbert.training.schedule import DECAYS, WarmUpDecay


@dataclasses.dataclass(frozen=True)
class Recipe:
    """An optimizer that is made when the number of steps is known.

    Args:
        learning_rate: The highest learning rate.
        warmup: Part of all steps in which the learning rate grows from 0.
        decay: How it falls afterwards: `"linear"`, `"cosine"` or `"constant"`.
        weight_decay: AdamW's; biases and layer normalisations have none.
        clip_norm: The largest norm of all gradients together; None: any.
        layer_decay: Factor of the learning rate from a layer to the one below it; the
            head has the whole rate.
        accumulation: Number of batches whose gradients, their mean, make one update.
            A group may begin in one epoch and end in the next; the last one of a run
            is made of the batches that are left.

    Raises:
        ValueError: If a number is out of its range.

    Reference:
        [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), appendix A.3;
        [Howard and Ruder, 2018](https://arxiv.org/abs/1801.06146), section 3.2, for
        `layer_decay`.
    """

    learning_rate: float = 5e-5
    warmup: float = 0.1
    decay: str = "linear"
    weight_decay: float = 0.01
    clip_norm: float | None = 1.0
    layer_decay: float = 1.0
    accumulation: int = 1

    def __post_init__(self):
        positive = 0 < self.learning_rate < math.inf
        _check("learning_rate", self.learning_rate, positive, "above 0 and finite")
        _check("warmup", self.warmup, 0 <= self.warmup < 1, "from 0 up to below 1")
        _check("weight_decay", self.weight_decay, self.weight_decay >= 0, "0 or above")
        _check(
            "layer_decay", self.layer_decay, 0 < self.layer_decay <= 1, "above 0, to 1"
        )
        check_count("accumulation", self.accumulation)
        if self.clip_norm is not None:
            _check("clip_norm", self.clip_norm, self.clip_norm > 0, "above 0, or None")
        if self.decay not in DECAYS:
            raise ValueError(
                f"Expected a decay among {', '.join(DECAYS)}, got {self.decay!r}."
            )

    def optimizer(self, model, steps):
        """The optimizer for a model and a number of steps.

        Args:
            model: A model of `kerasbert.models`, with an `encoder`.
            steps: Number of batches of all epochs.

        Returns:
            An `AdamW`, whose schedule ends at the last update.
        """
        updates = -(-steps // self.accumulation)  # the last of what is left
        schedule = WarmUpDecay(
            self.learning_rate, updates, int(updates * self.warmup), self.decay
        )
        optimizer = AdamW(
            schedule,
            self.weight_decay,
            rates=layer_rates(model, self.layer_decay),
            global_clipnorm=self.clip_norm,
            gradient_accumulation_steps=(
                self.accumulation if self.accumulation > 1 else None
            ),
        )
        optimizer.exclude_from_weight_decay(
            var_list=[v for v in model.trainable_variables if len(v.shape) < 2]
        )
        return optimizer


def layer_rates(model, decay):
    """The factor of each variable's learning rate, by the depth of its layer.

    Args:
        model: A model with an `encoder`.
        decay: Factor from a layer to the one below it.

    Returns:
        A dictionary from the path of a variable to its factor; a block that several
        layers share has that of the first. What is above the encoder's layers is left
        out.
    """
    if decay == 1:
        return {}
    encoder = model.encoder
    depth = len(encoder.layer_blocks) + 1
    rates = {v.path: decay**depth for v in encoder.embeddings.variables}
    for layer, blocks in enumerate(encoder.layer_blocks):
        for block in blocks:
            for variable in block.variables:
                rates.setdefault(variable.path, decay ** (depth - 1 - layer))
    return rates


def as_optimizer(optimizer, model, steps):
    """An optimizer, of a recipe or as it is; of a model in float16 it scales the loss.

    Args:
        optimizer: A `Recipe`, a Keras optimizer or the name of one.
        model: As in `Recipe.optimizer`.
        steps: As there.
    """
    if isinstance(optimizer, Recipe):
        optimizer = optimizer.optimizer(model, steps)
    optimizer = keras.optimizers.get(optimizer)
    scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    if model.encoder.dtype_policy.compute_dtype == "float16" and not scaled:
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def _check(name, value, fits, expected):
    if not fits:
        raise ValueError(f"Expected {name} to be {expected}, got {value}.")
