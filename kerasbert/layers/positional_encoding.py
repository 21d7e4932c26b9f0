"""Sinusoidal positional encoding."""

from typing import Any

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="kerasbert")
class SinusoidalPositionalEncoding(keras.layers.Layer):
    """Adds sines and cosines of the positions; it has no weights and no maximum length.

    Args:
        max_wavelength: The longest wavelength in positions, divided by 2 pi.

    Shapes:
        `[B, S, D]` -> `[B, S, D]`, D even.

    Example:
        >>> encoded = SinusoidalPositionalEncoding()(keras.ops.zeros((1, 2, 4)))
        >>> keras.ops.convert_to_numpy(encoded)[0, 0].tolist()
        [0.0, 1.0, 0.0, 1.0]

    Reference:
        [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), section 3.5.
    """

    def __init__(self, max_wavelength: float = 10000.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.max_wavelength = max_wavelength

    def build(self, inputs_shape):
        hidden_size = inputs_shape[-1]
        if hidden_size % 2:
            raise ValueError(f"Expected an even hidden size, got {hidden_size}.")
        exponents = np.arange(0, hidden_size, 2) / hidden_size  # [D / 2]
        self.frequencies = (self.max_wavelength**-exponents).astype("float32")

    def call(self, inputs, position_offset=0, position_ids=None):
        if position_ids is None:
            position_ids = ops.arange(ops.shape(inputs)[1]) + position_offset  # [S]
        positions = ops.cast(position_ids, "float32")[..., None]
        angles = positions * self.frequencies  # [S, D / 2] or [B, S, D / 2]
        pairs = ops.stack([ops.sin(angles), ops.cos(angles)], axis=-1)
        shape = (*ops.shape(positions)[:-1], inputs.shape[-1])
        encoding = ops.reshape(pairs, shape)  # [S, D] or [B, S, D]
        return inputs + ops.cast(encoding, inputs.dtype)

    def compute_output_shape(self, inputs_shape):
        return inputs_shape

    def get_config(self):
        return {**super().get_config(), "max_wavelength": self.max_wavelength}
