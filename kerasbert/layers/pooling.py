"""Pooling of token vectors to one vector per text."""

from typing import Any

import keras
from keras import ops

from kerasbert.layers.activations import get_activation
from kerasbert.layers.initializer import truncated_normal


@keras.saving.register_keras_serializable(package="kerasbert")
class CLSPooling(keras.layers.Layer):
    """The vector of the first token, `[CLS]`.

    Shapes:
        sequence_output `[B, S, D]` -> `[B, D]`.
    """

    def call(self, sequence_output, padding_mask=None):
        return sequence_output[:, 0]  # [B, D]

    def compute_output_spec(self, sequence_output, padding_mask=None):
        shape = (sequence_output.shape[0], sequence_output.shape[-1])
        return keras.KerasTensor(shape, self.compute_dtype)


@keras.saving.register_keras_serializable(package="kerasbert")
class MeanPooling(CLSPooling):
    """Mean of the token vectors, in float32, ignoring padding.

    A row of padding gives zeros.

    Shapes:
        sequence_output `[B, S, D]`, padding_mask `[B, S]` -> `[B, D]`.

    Example:
        >>> tokens = keras.ops.array([[[1.0], [3.0], [9.0]]])
        >>> float(MeanPooling()(tokens, keras.ops.array([[1, 1, 0]]))[0, 0])
        2.0
    """

    def call(self, sequence_output, padding_mask):
        tokens = ops.cast(padding_mask, "float32")[..., None]  # [B, S, 1]
        total = ops.sum(ops.cast(sequence_output, "float32") * tokens, axis=1)
        count = ops.maximum(ops.sum(tokens, axis=1), 1.0)  # [B, 1]
        return ops.cast(total / count, self.compute_dtype)  # [B, D]


@keras.saving.register_keras_serializable(package="kerasbert")
class MaxPooling(CLSPooling):
    """Element-wise maximum of the token vectors, ignoring padding.

    A row of padding gives zeros.

    Shapes:
        sequence_output `[B, S, D]`, padding_mask `[B, S]` -> `[B, D]`.
    """

    def call(self, sequence_output, padding_mask):
        tokens = ops.cast(padding_mask, "bool")[..., None]  # [B, S, 1]
        values = ops.cast(sequence_output, "float32")
        largest = ops.max(ops.where(tokens, values, float("-inf")), axis=1)  # [B, D]
        largest = ops.where(ops.any(tokens, axis=1), largest, 0.0)
        return ops.cast(largest, self.compute_dtype)


@keras.saving.register_keras_serializable(package="kerasbert")
class BertPooler(CLSPooling):
    """BERT's pooler: a dense layer with tanh on the vector of `[CLS]`.

    Args:
        initializer_range: Standard deviation of the kernel's initializer.
        activation: Activation, one of `kerasbert.config.ACTIVATIONS`.

    Shapes:
        sequence_output `[B, S, D]` -> pooled_output `[B, D]`.

    Reference:
        [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), section 3.1, task 2.
    """

    def __init__(
        self, initializer_range: float = 0.02, activation: str = "tanh", **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.initializer_range = initializer_range
        self.activation = activation

    def build(self, sequence_output_shape):
        self.dense = keras.layers.Dense(
            sequence_output_shape[-1],
            activation=get_activation(self.activation),
            kernel_initializer=truncated_normal(self.initializer_range),
            dtype=self.dtype_policy,
            name="dense",
        )
        self.dense.build((None, sequence_output_shape[-1]))

    def call(self, sequence_output, padding_mask=None):
        return self.dense(sequence_output[:, 0])  # [B, D]

    def get_config(self):
        config = super().get_config()
        return {
            **config,
            "initializer_range": self.initializer_range,
            "activation": self.activation,
        }


@keras.saving.register_keras_serializable(package="kerasbert")
class SqrtLengthPooling(CLSPooling):
    """Sum of the token vectors divided by the square root of their number.

    A row of padding gives zeros.

    Shapes:
        sequence_output `[B, S, D]`, padding_mask `[B, S]` -> `[B, D]`.
    """

    def call(self, sequence_output, padding_mask):
        tokens = ops.cast(padding_mask, "float32")[..., None]  # [B, S, 1]
        total = ops.sum(ops.cast(sequence_output, "float32") * tokens, axis=1)
        count = ops.maximum(ops.sum(tokens, axis=1), 1.0)  # [B, 1]
        return ops.cast(total / ops.sqrt(count), self.compute_dtype)  # [B, D]


@keras.saving.register_keras_serializable(package="kerasbert")
class WeightedMeanPooling(CLSPooling):
    """Mean of the token vectors, weighted by their positions from 1.

    A row of padding gives zeros.

    Shapes:
        sequence_output `[B, S, D]`, padding_mask `[B, S]` -> `[B, D]`.

    Example:
        >>> tokens = keras.ops.array([[[1.0], [4.0], [9.0]]])
        >>> float(WeightedMeanPooling()(tokens, keras.ops.array([[1, 1, 0]]))[0, 0])
        3.0

    Reference:
        [Muennighoff, 2022](https://arxiv.org/abs/2202.08904), section 3.1.
    """

    def call(self, sequence_output, padding_mask):
        tokens = ops.cast(padding_mask, "float32")  # [B, S]
        weights = ops.cumsum(ops.ones_like(tokens), axis=1) * tokens  # [B, S]
        values = ops.cast(sequence_output, "float32") * weights[..., None]
        count = ops.maximum(ops.sum(weights, axis=1, keepdims=True), 1.0)  # [B, 1]
        return ops.cast(ops.sum(values, axis=1) / count, self.compute_dtype)  # [B, D]


@keras.saving.register_keras_serializable(package="kerasbert")
class FirstTokenPooling(CLSPooling):
    """Vector of the first unmasked token; a row of padding gives that of position 0.

    It equals `CLSPooling` if all rows begin with a token.

    Shapes:
        sequence_output `[B, S, D]`, padding_mask `[B, S]` -> `[B, D]`.
    """

    def call(self, sequence_output, padding_mask):
        tokens = ops.cast(padding_mask, "float32")  # [B, S]
        first = tokens * ops.cast(ops.cumsum(tokens, axis=1) == 1.0, "float32")
        values = ops.where(
            first[..., None] > 0, ops.cast(sequence_output, "float32"), 0.0
        )
        empty = ops.max(tokens, axis=1, keepdims=True) == 0.0  # [B, 1]
        slot_0 = ops.cast(sequence_output[:, 0], "float32")  # [B, D]
        pooled = ops.where(empty, slot_0, ops.sum(values, axis=1))  # [B, D]
        return ops.cast(pooled, self.compute_dtype)


@keras.saving.register_keras_serializable(package="kerasbert")
class LastTokenPooling(CLSPooling):
    """Vector of the last unmasked token.

    A row of padding gives zeros.

    Shapes:
        sequence_output `[B, S, D]`, padding_mask `[B, S]` -> `[B, D]`.

    Example:
        >>> tokens = keras.ops.array([[[1.0], [3.0], [9.0]]])
        >>> float(LastTokenPooling()(tokens, keras.ops.array([[1, 1, 0]]))[0, 0])
        3.0
    """

    def call(self, sequence_output, padding_mask):
        tokens = ops.cast(padding_mask, "float32")  # [B, S]
        count = ops.sum(tokens, axis=1, keepdims=True)  # [B, 1]
        last = tokens * ops.cast(ops.cumsum(tokens, axis=1) == count, "float32")
        values = ops.where(
            last[..., None] > 0, ops.cast(sequence_output, "float32"), 0.0
        )
        return ops.cast(ops.sum(values, axis=1), self.compute_dtype)  # [B, D]
