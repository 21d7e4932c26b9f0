"""Layer normalization in float32."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="kerasbert")
class LayerNorm(keras.layers.LayerNormalization):
    """Layer normalization over the last axis, in float32 under every dtype policy.

    Keras expands `(x - mean) * scale` into two products, which loses precision if the
    mean is large compared to the standard deviation. This layer computes the form of
    the paper.

    Args:
        epsilon: Constant added to the variance.

    Shapes:
        `[..., D]` -> `[..., D]`.

    Example:
        >>> tuple(LayerNorm()(keras.ops.array([[1.0, 3.0]])).shape)
        (1, 2)

    Reference:
        [Ba et al., 2016](https://arxiv.org/abs/1607.06450), section 3.
    """

    def __init__(self, epsilon: float = 1e-12, **kwargs: Any):
        super().__init__(axis=-1, epsilon=epsilon, **kwargs)

    def call(self, inputs):
        x = ops.cast(inputs, "float32")
        centred = x - ops.mean(x, axis=-1, keepdims=True)
        variance = ops.mean(ops.square(centred), axis=-1, keepdims=True)
        normalized = centred * ops.rsqrt(variance + self.epsilon)
        # Products of Keras, which also takes weights in half precision.
        scaled = ops.multiply(normalized, self.gamma)
        return ops.cast(ops.add(scaled, self.beta), self.compute_dtype)

    def get_config(self):
        config = keras.layers.Layer.get_config(self)
        return {**config, "epsilon": self.epsilon}
