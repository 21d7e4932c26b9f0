"""The embeddings of an image: its patches, the class token, and positions."""

from typing import Any

import keras
from keras import ops

from kerasbert.layers.initializer import truncated_normal


@keras.saving.register_keras_serializable(package="kerasbert")
class PatchEmbeddings(keras.layers.Layer):
    """Embeddings of the patches of images, after a class token, with their positions.

    Args:
        hidden_size: Width of the embeddings, D.
        image_size: Height and width of an image in pixels.
        patch_size: Height and width of a patch in pixels.
        dropout: Dropout rate of the sum.
        initializer_range: Standard deviation of the initializers.

    Shapes:
        pixel_values `[B, image_size, image_size, channels]` -> `[B, S, D]`, where S is
        the number of patches and one.

    Example:
        >>> embeddings = PatchEmbeddings(8, image_size=4, patch_size=2)
        >>> tuple(embeddings(keras.ops.ones((1, 4, 4, 3))).shape)
        (1, 5, 8)

    Reference:
        [Dosovitskiy et al., 2020](https://arxiv.org/abs/2010.11929), equation 1.
    """

    def __init__(
        self,
        hidden_size: int,
        image_size: int,
        patch_size: int,
        dropout: float = 0.0,
        initializer_range: float = 0.02,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self._arguments = {
            "hidden_size": hidden_size,
            "image_size": image_size,
            "patch_size": patch_size,
            "dropout": dropout,
            "initializer_range": initializer_range,
        }
        self.hidden_size = hidden_size
        self.num_positions = (image_size // patch_size) ** 2 + 1
        self.initializer = truncated_normal(initializer_range)
        self.patches = keras.layers.Conv2D(
            hidden_size,
            patch_size,
            strides=patch_size,
            data_format="channels_last",
            kernel_initializer=truncated_normal(initializer_range),
            dtype=self.dtype_policy,
            name="patches",
        )
        self.position_embedding = keras.layers.Embedding(
            self.num_positions,
            hidden_size,
            embeddings_initializer=truncated_normal(initializer_range),
            dtype=self.dtype_policy,
            name="position_embedding",
        )
        self.dropout = keras.layers.Dropout(dropout, dtype=self.dtype_policy)

    def build(self, pixel_values_shape):
        self.class_token = self.add_weight(
            name="class_token", shape=(self.hidden_size,), initializer=self.initializer
        )
        self.patches.build(pixel_values_shape)
        self.position_embedding.build()

    def call(self, pixel_values, training=None):
        patches = self.patches(pixel_values)  # [B, height, width, D]
        shape = (-1, self.num_positions - 1, self.hidden_size)
        patches = ops.reshape(patches, shape)  # [B, S - 1, D]
        first = ops.cast(self.class_token, patches.dtype)
        first = ops.broadcast_to(first, (ops.shape(patches)[0], 1, self.hidden_size))
        states = ops.concatenate([first, patches], axis=1)  # [B, S, D]
        positions = ops.arange(self.num_positions, dtype="int32")
        states = states + self.position_embedding(positions)
        return self.dropout(states, training=training)

    def compute_output_shape(self, pixel_values_shape):
        return (pixel_values_shape[0], self.num_positions, self.hidden_size)

    def get_config(self):
        return {**super().get_config(), **self._arguments}
