"""From token vectors to a sentence embedding."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kerasbert.account import quoted
from kerasbert.layers.activations import DENSE_ACTIVATIONS
from kerasbert.layers.layer_norm import LayerNorm
from kerasbert.layers.pooling import (
    CLSPooling,
    FirstTokenPooling,
    LastTokenPooling,
    MaxPooling,
    MeanPooling,
    SqrtLengthPooling,
    WeightedMeanPooling,
)

POOLINGS = {
    "cls": CLSPooling,
    "max": MaxPooling,
    "mean": MeanPooling,
    "sqrt_length": SqrtLengthPooling,
    "weighted_mean": WeightedMeanPooling,
    "last_token": LastTokenPooling,
}
KINDS = ("dense", "layer_norm", "normalize")
DENSE_DEFAULTS = {"activation": "linear", "use_bias": True}


@keras.saving.register_keras_serializable(package="kerasbert")
class SentenceHead(keras.layers.Layer):
    """Pooling, dense layers and normalization of a sentence embedding.

    Args:
        poolings: One or several of `"cls"`, `"max"`, `"mean"`, `"sqrt_length"`,
            `"weighted_mean"` and `"last_token"`, concatenated in this order.
        projections: One dictionary per layer between pooling and normalization. A dense
            layer has `units`, the name of its `activation` (of
            `kerasbert.layers.activations.DENSE_ACTIVATIONS`), `use_bias`, and
            `residual` if its input is added to its output; `{"kind": "layer_norm"}` is
            a layer normalization, `{"kind": "normalize"}` scales to unit length. Layers
            with `"of": "tokens"` precede the pooling.
        normalize: Whether to scale the embedding to unit length.
        include_prompt: Whether prompt tokens are pooled. If not, `call` takes the
            number of prompt tokens at the start of each row.

    Shapes:
        sequence_output `[B, S, D]`, padding_mask `[B, S]` -> `[B, E]`, float32.

    Raises:
        ValueError: If a pooling, layer or activation is unknown.

    Example:
        >>> tokens = keras.ops.array([[[3.0, 4.0], [9.0, 9.0]]])
        >>> head = SentenceHead(poolings=["cls"])
        >>> [round(float(x), 1) for x in head(tokens, keras.ops.ones((1, 2)))[0]]
        [0.6, 0.8]

    Reference:
        [Reimers and Gurevych, 2019](https://arxiv.org/abs/1908.10084), section 3.
    """

    def __init__(
        self,
        poolings: Sequence[str] = ("mean",),
        projections: Sequence[dict] = (),
        normalize: bool = True,
        include_prompt: bool = True,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        wrong = [name for name in poolings if name not in POOLINGS]
        if wrong or not poolings:
            raise ValueError(
                f"Expected one or several poolings among {', '.join(POOLINGS)}, got "
                f"{', '.join(map(quoted, poolings)) or 'none'}."
            )
        self.poolings = list(poolings)
        self.projections = [_checked(projection) for projection in projections]
        self.normalize = normalize
        self.include_prompt = include_prompt
        kinds = dict(POOLINGS)
        if not include_prompt:
            kinds["cls"] = FirstTokenPooling
        self.pooling_layers = [
            kinds[name](dtype="float32", name=f"{name}_{i}")
            for i, name in enumerate(self.poolings)
        ]
        self.dense_layers = [
            _layer(projection, i) for i, projection in enumerate(self.projections)
        ]

    def build(self, sequence_output_shape):
        size = sequence_output_shape[-1]
        for tokens, layer in self._stages():
            if layer is None:
                size *= len(self.poolings)
            else:
                layer.build((None, None, size) if tokens else (None, size))
                size = getattr(layer, "units", size)

    def call(self, sequence_output, padding_mask, prompt_length=0):
        if not self.include_prompt:
            position = ops.cumsum(ops.ones_like(padding_mask), axis=1)  # [B, S]
            inside = position > ops.cast(prompt_length, position.dtype)
            padding_mask = padding_mask * ops.cast(inside, padding_mask.dtype)
        vectors = ops.cast(sequence_output, "float32")
        for _, layer in self._stages():
            if layer is None:
                pooled = [pool(vectors, padding_mask) for pool in self.pooling_layers]
                vectors = ops.concatenate(pooled, axis=-1)  # [B, E]
            else:
                vectors = layer(vectors)
        if self.normalize:
            vectors = _unit(vectors)
        return vectors

    def compute_output_spec(self, sequence_output, padding_mask, prompt_length=0):
        size = sequence_output.shape[-1]
        for _, layer in self._stages():
            if layer is None:
                size *= len(self.poolings)
            else:
                size = getattr(layer, "units", size)
        return keras.KerasTensor((sequence_output.shape[0], size), "float32")

    def _stages(self):
        """Returns (is per token, layer) pairs in order; None is the pooling."""
        layers = list(zip(self.projections, self.dense_layers, strict=True))
        of_tokens = [
            (True, layer) for step, layer in layers if step.get("of") == "tokens"
        ]
        of_texts = [
            (False, layer) for step, layer in layers if step.get("of") != "tokens"
        ]
        return [*of_tokens, (False, None), *of_texts]

    def get_config(self):
        return {
            **super().get_config(),
            "poolings": self.poolings,
            "projections": self.projections,
            "normalize": self.normalize,
            "include_prompt": self.include_prompt,
        }


class _Dense(keras.layers.Dense):
    """A dense layer with an optional residual connection."""

    def __init__(self, units, residual=False, **kwargs):
        super().__init__(units, **kwargs)
        self.residual = residual
        self.shortcut = None

    def build(self, input_shape):
        super().build(input_shape)
        if self.residual and input_shape[-1] != self.units:
            self.shortcut = keras.layers.Dense(
                self.units, use_bias=False, dtype=self.dtype_policy, name="shortcut"
            )
            self.shortcut.build(input_shape)

    def call(self, inputs):
        outputs = super().call(inputs)
        if not self.residual:
            return outputs
        if self.shortcut is not None:
            inputs = self.shortcut(inputs)
        return outputs + inputs


class _Normalize(keras.layers.Layer):
    """Scales vectors to unit length."""

    def call(self, inputs):
        return _unit(inputs)


def _unit(vectors):
    return ops.normalize(vectors, axis=-1, epsilon=1e-12)


def _checked(projection):
    """Returns the description of a layer with its defaults."""
    kind = projection.get("kind", "dense")
    level = projection.get("of", "texts")
    activation = projection.get("activation", "linear")
    if (
        kind not in KINDS
        or level not in ("texts", "tokens")
        or activation not in DENSE_ACTIVATIONS
        or (kind == "dense" and "units" not in projection)
    ):
        raise ValueError(
            f"Expected a projection of the kind {', '.join(KINDS)}, a dense one with "
            f"units and an activation among {', '.join(DENSE_ACTIVATIONS)}, got "
            f"{quoted(dict(projection))}."
        )
    return (DENSE_DEFAULTS if kind == "dense" else {}) | dict(projection)


def _layer(projection, index):
    kind = projection.get("kind", "dense")
    options = {"dtype": "float32", "name": f"{kind}_{index}"}
    if kind == "layer_norm":
        return LayerNorm(1e-5, **options)
    if kind == "normalize":
        return _Normalize(**options)
    return _Dense(
        projection["units"],
        projection.get("residual", False),
        activation=DENSE_ACTIVATIONS[projection["activation"]],
        use_bias=projection["use_bias"],
        **options,
    )
