"""The encoder of ALBERT."""

from typing import Any

import keras

from kerasbert.config import AlbertConfig
from kerasbert.layers import BertPooler, FactorizedEmbeddings
from kerasbert.models.encoder import Encoder, encoder_block


@keras.saving.register_keras_serializable(package="kerasbert")
class AlbertEncoder(Encoder):
    """ALBERT: BERT with factorized embeddings and shared layers.

    The layers fall into groups of equal length. All layers of a group run through the
    same `inner_group_num` blocks.

    Args:
        config: A `kerasbert.AlbertConfig`.
        dtype: A dtype policy such as `"mixed_bfloat16"`; the global one by default.
        add_pooler: Whether there is a pooler, and with it a `pooled_output`.
        **kwargs: `name` and `trainable` of a `keras.Model`.

    Shapes:
        token_ids, segment_ids, padding_mask, int32 `[B, S]` each
        -> sequence_output `[B, S, D]`, pooled_output `[B, D]` and hidden_states,
        a list of L + 1 tensors `[B, S, D]` of which the first are the projected
        embeddings.

    Raises:
        ValueError: If an input is missing, an id is outside its table, or a row is
            longer than the model has positions.

    Example:
        >>> config = kerasbert.AlbertConfig(
        ...     vocab_size=100, embedding_size=4, hidden_size=8, num_hidden_layers=3,
        ...     num_attention_heads=2, intermediate_size=16)
        >>> encoder = kerasbert.AlbertEncoder(config)
        >>> [layer.name for layer in encoder.blocks]
        ['group_0_inner_0']

    Reference:
        [Lan et al., 2019](https://arxiv.org/abs/1909.11942), section 3.1.
    """

    config_class = AlbertConfig

    def __init__(
        self,
        config: AlbertConfig,
        dtype: keras.DTypePolicy | str | None = None,
        add_pooler: bool = True,
        **kwargs: Any,
    ):
        # === Layers ===
        embeddings = FactorizedEmbeddings(
            config.vocab_size,
            config.embedding_size,
            config.hidden_size,
            max_positions=config.max_position_embeddings,
            num_segments=config.type_vocab_size,
            dropout=config.hidden_dropout_prob,
            epsilon=config.layer_norm_eps,
            initializer_range=config.initializer_range,
            dtype=dtype,
            name="embeddings",
        )
        groups = [
            [
                encoder_block(config, dtype, f"group_{group}_inner_{inner}")
                for inner in range(config.inner_group_num)
            ]
            for group in range(config.num_hidden_groups)
        ]
        pooler = None
        if add_pooler:
            pooler = BertPooler(config.initializer_range, dtype=dtype, name="pooler")

        # === Functional graph and config ===
        layers_of_groups = [
            groups[layer * config.num_hidden_groups // config.num_hidden_layers]
            for layer in range(config.num_hidden_layers)
        ]
        super().__init__(config, embeddings, layers_of_groups, pooler, **kwargs)
