"""The encoder of ViT."""

from collections.abc import Sequence
from typing import Any

import keras

from kerasbert.config import ViTConfig
from kerasbert.layers import (
    BertPooler,
    LayerNorm,
    PatchEmbeddings,
    PreNormEncoderBlock,
)
from kerasbert.models.encoder import Encoder, encoder_block
from kerasbert.models.inputs import PIXELS


@keras.saving.register_keras_serializable(package="kerasbert")
class ViTEncoder(Encoder):
    """ViT: embeddings of patches and a stack of pre-norm Transformer encoder blocks.

    Args:
        config: A `kerasbert.ViTConfig`.
        dtype: A dtype policy such as `"mixed_bfloat16"`; the global one by default.
        add_pooler: Whether there is a pooler, and with it a `pooled_output`.
        **kwargs: `name` and `trainable` of a `keras.Model`.

    Shapes:
        pixel_values, float32 `[B, image_size, image_size, num_channels]`
        -> sequence_output `[B, S, D]`, pooled_output `[B, D]` and hidden_states,
        a list of L + 1 tensors `[B, S, D]` of which the first are the embeddings and
        the last is not normalized. S is the number of patches and one.

    Raises:
        ValueError: If images have another shape.

    Example:
        >>> config = kerasbert.ViTConfig(
        ...     hidden_size=8, num_hidden_layers=2, num_attention_heads=2,
        ...     intermediate_size=16, image_size=4, patch_size=2)
        >>> encoder = kerasbert.ViTEncoder(config)
        >>> outputs = encoder({"pixel_values": keras.ops.ones((1, 4, 4, 3))})
        >>> tuple(outputs["sequence_output"].shape), len(outputs["hidden_states"])
        ((1, 5, 8), 3)

    Reference:
        [Dosovitskiy et al., 2020](https://arxiv.org/abs/2010.11929), section 3.1.
    """

    config_class = ViTConfig

    def __init__(
        self,
        config: ViTConfig,
        dtype: keras.DTypePolicy | str | None = None,
        add_pooler: bool = True,
        **kwargs: Any,
    ):
        # === Layers ===
        embeddings = PatchEmbeddings(
            config.hidden_size,
            config.image_size,
            config.patch_size,
            dropout=config.hidden_dropout_prob,
            initializer_range=config.initializer_range,
            dtype=dtype,
            name="embeddings",
        )
        blocks = [
            encoder_block(config, dtype, f"layer_{layer}", PreNormEncoderBlock)
            for layer in range(config.num_hidden_layers)
        ]
        norm = LayerNorm(config.layer_norm_eps, dtype=dtype, name="norm")
        pooler = None
        if add_pooler:
            pooler = BertPooler(config.initializer_range, dtype=dtype, name="pooler")

        # === Functional graph and config ===
        layer_blocks = [[block] for block in blocks]
        super().__init__(config, embeddings, layer_blocks, pooler, norm, **kwargs)

    @staticmethod
    def symbolic_inputs(config: ViTConfig) -> dict[str, keras.KerasTensor]:
        shape = (config.image_size, config.image_size, config.num_channels)
        return {PIXELS: keras.Input(shape, name=PIXELS)}

    @staticmethod
    def states_of(
        embeddings: keras.Layer,
        layer_blocks: Sequence[Sequence[keras.Layer]],
        inputs: Any,
    ) -> list:
        states = [embeddings(inputs[PIXELS])]  # [B, S, D]
        for blocks in layer_blocks:
            for block in blocks:
                states.append(block(states[-1]))
        return states

    def checked(self, inputs: Any) -> dict[str, Any]:
        return inputs  # Keras checks names and shapes
