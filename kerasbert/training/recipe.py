"""Fine-tuning hyperparameters: optimizer, learning-rate schedule, frozen layers."""

import dataclasses
import math
import numbers

import keras
from keras import ops

from kerasbert.training.adamw import AdamW
from kerasbert.training.counts import check_count
from kerasbert.training.lamb import LAMB, StableAdamW

DECAYS = ("linear", "cosine", "constant", "inverse_sqrt", "warmup_stable_decay")
ALGORITHMS = {"adamw": AdamW, "lamb": LAMB, "stable_adamw": StableAdamW}


@keras.saving.register_keras_serializable(package="kerasbert")
class WarmUpDecay(keras.optimizers.schedules.LearningRateSchedule):
    """A linear warm-up from 0 to the peak, then a decay.

    Args:
        peak: The highest learning rate.
        steps: Number of all steps.
        warmup_steps: Number of warm-up steps.
        decay: `"linear"` or `"cosine"`, to 0 at the last step; `"constant"`, which
            stays at the peak; `"inverse_sqrt"`, the peak times the square root of
            `warmup_steps / step`; or `"warmup_stable_decay"`, which stays at the peak
            and goes to 0 in the last `decay_steps`, by one minus the square root.
        decay_steps: Number of steps of that last decay.

    Example:
        >>> schedule = WarmUpDecay(1.0, steps=10, warmup_steps=2)
        >>> [round(float(schedule(step)), 3) for step in (0, 1, 2, 6, 10)]
        [0.0, 0.5, 1.0, 0.5, 0.0]

    Reference:
        [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), appendix A.2;
        [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), section 5.3, for
        `"inverse_sqrt"`; [Hägele et al., 2024](https://arxiv.org/abs/2405.18392),
        section 3, for `"warmup_stable_decay"`.
    """

    def __init__(
        self,
        peak: float,
        steps: int,
        warmup_steps: int = 0,
        decay: str = "linear",
        decay_steps: int = 0,
    ):
        if decay not in DECAYS:
            raise ValueError(
                f"Expected a decay among {', '.join(DECAYS)}, got {decay!r}."
            )
        self.peak = peak
        self.steps = steps
        self.warmup_steps = warmup_steps
        self.decay = decay
        self.decay_steps = decay_steps

    def __call__(self, step):
        step = ops.cast(step, "float32")
        warmup = step / max(1, self.warmup_steps)
        return self.peak * ops.where(step < self.warmup_steps, warmup, self._rest(step))

    def _rest(self, step):
        """Computes which part of the peak is left after the warm-up."""
        if self.decay == "constant":
            return ops.ones_like(step)
        if self.decay == "inverse_sqrt":
            warmup_steps = float(max(1, self.warmup_steps))
            return ops.sqrt(warmup_steps / ops.maximum(step, warmup_steps))
        if self.decay == "warmup_stable_decay":
            left = (self.steps - step) / max(1, self.decay_steps)
            return 1 - ops.sqrt(1 - ops.clip(left, 0.0, 1.0))
        left = (self.steps - step) / max(1, self.steps - self.warmup_steps)
        left = ops.clip(left, 0.0, 1.0)
        if self.decay == "cosine":
            left = 0.5 * (1 - ops.cos(3.141592653589793 * left))
        return left

    def get_config(self):
        return {
            "peak": self.peak,
            "steps": self.steps,
            "warmup_steps": self.warmup_steps,
            "decay": self.decay,
            "decay_steps": self.decay_steps,
        }


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Fine-tuning hyperparameters, from which the optimizer is made.

    Args:
        learning_rate: The highest learning rate.
        warmup: Fraction of all steps in which the learning rate grows from 0.
        decay: Shape of the decay: `"linear"`, `"cosine"`, `"constant"`,
            `"inverse_sqrt"` or `"warmup_stable_decay"`, as in `WarmUpDecay`.
        decay_fraction: Fraction of all steps in which `"warmup_stable_decay"` goes
            from the peak to 0; the other shapes do not use it.
        weight_decay: Weight decay of AdamW; biases and layer norms have none.
        clip_norm: The largest global norm of the gradients; None disables clipping.
        layer_decay: Factor of the learning rate from a layer to the one below. The head
            has the full rate.
        accumulation: Number of batches whose mean gradient makes one update. A group
            may span two epochs; the last group of a training may be smaller.
        algorithm: `"adamw"`, `"lamb"` for large batches, or `"stable_adamw"`.
        beta_2: Decay of the mean of squared gradients.
        epsilon: Added to its root.

    Raises:
        TypeError: If a rate is not a number, such as `"1e-4"`, which YAML reads.
        ValueError: If a value is out of range.

    Reference:
        [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), appendix A.3;
        [Howard and Ruder, 2018](https://arxiv.org/abs/1801.06146), section 3.2, for
        `layer_decay`.
    """

    learning_rate: float = 5e-5
    warmup: float = 0.1
    decay: str = "linear"
    decay_fraction: float = 0.1
    weight_decay: float = 0.01
    clip_norm: float | None = 1.0
    layer_decay: float = 1.0
    accumulation: int = 1
    algorithm: str = "adamw"
    beta_2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            is_off = field.name == "clip_norm" and value is None
            if isinstance(field.default, float) and not is_off:
                _check_number(field.name, value)
        positive = 0 < self.learning_rate < math.inf
        _check("learning_rate", self.learning_rate, positive, "above 0 and finite")
        _check("warmup", self.warmup, 0 <= self.warmup < 1, "from 0 up to below 1")
        _check("weight_decay", self.weight_decay, self.weight_decay >= 0, "0 or above")
        _check(
            "layer_decay", self.layer_decay, 0 < self.layer_decay <= 1, "above 0, to 1"
        )
        check_count("accumulation", self.accumulation)
        _check("beta_2", self.beta_2, 0 < self.beta_2 < 1, "above 0 and below 1")
        _check("epsilon", self.epsilon, self.epsilon > 0, "above 0")
        if self.algorithm not in ALGORITHMS:
            raise ValueError(
                f"Expected an algorithm among {', '.join(ALGORITHMS)}, got "
                f"{self.algorithm!r}."
            )
        if self.clip_norm is not None:
            _check("clip_norm", self.clip_norm, self.clip_norm > 0, "above 0, or None")
        if self.decay not in DECAYS:
            raise ValueError(
                f"Expected a decay among {', '.join(DECAYS)}, got {self.decay!r}."
            )
        if self.decay == "inverse_sqrt":
            expected = "above 0 with inverse_sqrt, whose decay it scales"
            _check("warmup", self.warmup, self.warmup > 0, expected)
        if self.decay == "warmup_stable_decay":
            fits = 0 < self.decay_fraction <= 1 - self.warmup
            expected = f"above 0, to what the warmup of {self.warmup} leaves of 1"
            _check("decay_fraction", self.decay_fraction, fits, expected)

    def optimizer(self, model: keras.Model, steps: int) -> AdamW:
        """Creates the optimizer for a model and a number of steps.

        Args:
            model: A model of `kerasbert.models`, with an `encoder`.
            steps: Number of batches of all epochs.

        Returns:
            An `AdamW`, whose schedule ends at the last update.
        """
        updates = -(-steps // self.accumulation)  # the last group may be incomplete
        schedule = WarmUpDecay(
            *(self.learning_rate, updates, int(updates * self.warmup), self.decay),
            int(updates * self.decay_fraction),
        )
        optimizer = ALGORITHMS[self.algorithm](
            schedule,
            self.weight_decay,
            beta_2=self.beta_2,
            epsilon=self.epsilon,
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
    """Returns learning-rate multipliers by variable path, from the depth of the layers.

    A block that several layers share has the rate of the first.
    """
    if decay == 1:
        return {}
    encoder = getattr(model, "encoder", model)
    depth = len(encoder.layer_blocks) + 1
    rates = {v.path: decay**depth for v in encoder.embeddings.variables}
    for layer, blocks in enumerate(encoder.layer_blocks):
        for block in blocks:
            for variable in block.variables:
                rates.setdefault(variable.path, decay ** (depth - 1 - layer))
    return rates


def freeze_layers(encoder: keras.Model, count: int) -> None:
    """Freezes the embeddings and the first layers of an encoder.

    Args:
        encoder: A `BertEncoder` or `AlbertEncoder`.
        count: Number of layers; 0 freezes the embeddings alone.

    Raises:
        ValueError: If the encoder has fewer layers, or a frozen layer shares its
            weights with one that is not, as in ALBERT.

    Example:
        >>> encoder = kerasbert.BertEncoder.from_pretrained(tiny_bert)
        >>> freeze_layers(encoder, 2)
        >>> [layer.name for layer in encoder.layers if not layer.trainable]
        ['embeddings', 'layer_0', 'layer_1']

    Reference:
        [Lee et al., 2019](https://arxiv.org/abs/1911.03090), section 3.
    """
    layers = encoder.layer_blocks
    if not 0 <= count <= len(layers):
        raise ValueError(
            f"Expected from 0 to {len(layers)} layers to freeze (the encoder's), got "
            f"{count}."
        )
    frozen = {id(block): block for blocks in layers[:count] for block in blocks}
    shared = [block for blocks in layers[count:] for block in blocks]
    if any(id(block) in frozen for block in shared):
        raise ValueError(
            f"Expected 0 or {len(layers)} layers to freeze, got {count}: these layers "
            "share their weights with others."
        )
    for layer in (encoder.embeddings, *frozen.values()):
        layer.trainable = False


def recipe_of(settings):
    """Returns the recipe among the settings of a run, which has others, too."""
    names = {field.name for field in dataclasses.fields(Recipe)}
    return Recipe(**{name: x for name, x in settings.items() if name in names})


def as_optimizer(optimizer, model, steps):
    """Returns the optimizer of a recipe or name; for float16 it scales the loss."""
    if isinstance(optimizer, Recipe):
        optimizer = optimizer.optimizer(model, steps)
    optimizer = keras.optimizers.get(optimizer)
    scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    if model.dtype_policy.compute_dtype == "float16" and not scaled:
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def _check_number(name, value):
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"Expected {name} to be a number, got {value!r}.")


def _check(name, value, fits, expected):
    if not fits:
        raise ValueError(f"Expected {name} to be {expected}, got {value}.")
