"""Quantization-aware training: weights that are rounded after every update."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from kerasbert.models.loading import variables_of
from kerasbert.packed.rounding import (
    bits_of,
    check_parts,
    checked_bits,
    largest,
    scales_of,
)
from kerasbert.training.recipe import Recipe


@dataclasses.dataclass(frozen=True)
class RoundedRecipe(Recipe):
    """Hyperparameters of a training that keeps weights rounded to a few bits.

    The gradient at the rounded weights is applied to exact ones, which the optimizer
    keeps (the straight-through estimator). The scale of each row, or of each column of
    a kernel, is that of the weights at the start. After the training,
    `save_pretrained(folder, bits=...)` with the same bits changes no weight.

    Args:
        bits: Bits of kernels and embedding tables, from 4 to 8; or of those whose
            paths have a part, such as `{"token_embedding": 4, "kernel": 6}`.

    Raises:
        ValueError: If a value is out of range, or gradients are accumulated.

    Example:
        >>> embedder = kerasbert.TextEmbedder.from_pretrained(tiny_bert)
        >>> embedder.compile(RoundedRecipe(1e-4, bits={"kernel": 6}), loss="cosent")

    Reference:
        [Jacob et al., 2017](https://arxiv.org/abs/1712.05877), section 3;
        [Bengio et al., 2013](https://arxiv.org/abs/1308.3432), for the estimator.
    """

    bits: int | dict = 8

    def __post_init__(self):
        super().__post_init__()
        checked_bits(self.bits)
        if self.accumulation > 1:
            raise ValueError(
                f"Expected accumulation=1 with bits, got {self.accumulation}: weights "
                "are rounded after every batch."
            )

    def optimizer(self, model: keras.Model, steps: int) -> "RoundedOptimizer":
        if model.encoder.dtype_policy.compute_dtype == "float16":
            raise ValueError(
                "Expected the dtype float32 or mixed_bfloat16 with bits, got float16."
            )
        inner = super().optimizer(model, steps)
        bits = checked_bits(self.bits)
        variables = variables_of(model)
        check_parts(bits, variables)
        found = {v.path: bits_of(path, bits) for path, v in variables.items()}
        return RoundedOptimizer(inner, {p: n for p, n in found.items() if n})


@keras.saving.register_keras_serializable(package="kerasbert")
class RoundedOptimizer(keras.optimizers.Optimizer):
    """Rounds weights after every update of an optimizer, and keeps exact ones for it.

    Args:
        inner_optimizer: The `keras.optimizers.Optimizer`.
        bits: Bits by the paths of variables; others are not rounded.
        name: Name of the optimizer.
    """

    def __init__(
        self,
        inner_optimizer: Any,
        bits: Mapping[str, int],
        name: str | None = None,
    ):
        super().__init__(learning_rate=0.0, name=name)
        self.inner_optimizer = inner_optimizer
        self.bits = dict(bits)

    def build(self, variables):
        self.inner_optimizer.build(variables)
        self._rounded = []
        for index, variable in enumerate(variables):
            if variable.path not in self.bits:
                continue
            bits = self.bits[variable.path]
            exact = self.add_variable_from_reference(variable, name="exact")
            exact.assign(variable)
            rows = ops.convert_to_numpy(variable)
            is_table = variable.path.endswith("embeddings")
            scales = scales_of(rows if is_table else rows.T, bits)
            scales = scales.reshape((-1, 1) if is_table else (1, -1))
            scale = self.add_variable(
                scales.shape, initializer="ones", dtype="float32", name="scale"
            )
            scale.assign(scales)
            self._rounded.append((index, exact, scale, largest(bits)))
        super().build(variables)
        for index, _, scale, limit in self._rounded:
            variables[index].assign(_rounded(variables[index], scale, limit))

    @property
    def variables(self):
        return [*self._variables, *self.inner_optimizer.variables]

    @property
    def iterations(self):
        return self.inner_optimizer.iterations

    @property
    def learning_rate(self):
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate):
        self.inner_optimizer.learning_rate = learning_rate

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        variables = trainable_variables or self._trainable_variables
        for index, exact, _, _ in self._rounded:
            variables[index].assign(exact)
        self.inner_optimizer.apply(grads, trainable_variables)
        for index, exact, scale, limit in self._rounded:
            exact.assign(variables[index])
            variables[index].assign(_rounded(variables[index], scale, limit))

    def get_config(self):
        inner = keras.saving.serialize_keras_object(self.inner_optimizer)
        return {"name": self.name, "inner_optimizer": inner, "bits": self.bits}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        inner = keras.saving.deserialize_keras_object(
            config["inner_optimizer"], custom_objects
        )
        return cls(**{**config, "inner_optimizer": inner})


def _rounded(weights, scale, limit):
    integers = ops.clip(ops.round(weights / scale), -limit, limit)
    return integers * scale
