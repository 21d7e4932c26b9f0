"""The position-wise feed-forward network."""

from typing import Any

import keras

from kerasbert.layers.activations import get_activation
from kerasbert.layers.initializer import truncated_normal


@keras.saving.register_keras_serializable(package="kerasbert")
class FeedForward(keras.layers.Layer):
    """Position-wise feed-forward network: two dense layers with an activation.

    Args:
        intermediate_size: Inner width, F.
        activation: A name of `kerasbert.config.ACTIVATIONS`.
        initializer_range: Standard deviation of the kernels' initializer.

    Shapes:
        `[..., D]` -> `[..., D]`.

    Example:
        >>> tuple(FeedForward(8)(keras.ops.ones((2, 3, 4))).shape)
        (2, 3, 4)

    Reference:
        [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), section 3.3.
    """

    def __init__(
        self,
        intermediate_size: int,
        activation: str = "gelu",
        initializer_range: float = 0.02,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.intermediate_size = intermediate_size
        self.activation = activation
        self.initializer_range = initializer_range

    def build(self, input_shape):
        def dense(units, name, activation="linear"):
            return keras.layers.Dense(
                units,
                activation=get_activation(activation),
                kernel_initializer=truncated_normal(self.initializer_range),
                dtype=self.dtype_policy,
                name=name,
            )

        self.intermediate = dense(
            self.intermediate_size, "intermediate", self.activation
        )
        self.output_dense = dense(input_shape[-1], "output")
        self.intermediate.build(input_shape)
        self.output_dense.build((*input_shape[:-1], self.intermediate_size))

    def call(self, inputs):
        return self.output_dense(self.intermediate(inputs))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "intermediate_size": self.intermediate_size,
            "activation": self.activation,
            "initializer_range": self.initializer_range,
        }
