"""The encoder of BERT."""

from typing import Any

import keras

from kerasbert.config import BertConfig
from kerasbert.layers import BertPooler
from kerasbert.models.encoder import Encoder, bert_embeddings, encoder_block


@keras.saving.register_keras_serializable(package="kerasbert")
class BertEncoder(Encoder):
    """BERT: embeddings and a stack of Transformer encoder blocks.

    Args:
        config: A `kerasbert.BertConfig`.
        dtype: A dtype policy such as `"mixed_bfloat16"`; the global one by default.
        add_pooler: Whether there is a pooler, and with it a `pooled_output`.
        **kwargs: `name` and `trainable` of a `keras.Model`.

    Shapes:
        token_ids, segment_ids, padding_mask, int32 `[B, S]` each
        -> sequence_output `[B, S, D]`, pooled_output `[B, D]` and hidden_states,
        a list of L + 1 tensors `[B, S, D]` of which the first are the embeddings.

    Raises:
        ValueError: If an input is missing, an id is outside its table, or a row is
            longer than the model has positions.

    Example:
        >>> config = kerasbert.BertConfig(
        ...     vocab_size=100, hidden_size=8, num_hidden_layers=2,
        ...     num_attention_heads=2, intermediate_size=16)
        >>> encoder = kerasbert.BertEncoder(config)
        >>> ones = keras.ops.ones((1, 5), "int32")
        >>> outputs = encoder(
        ...     {"token_ids": ones, "segment_ids": ones * 0, "padding_mask": ones})
        >>> tuple(outputs["sequence_output"].shape), len(outputs["hidden_states"])
        ((1, 5, 8), 3)

    Reference:
        [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), section 3.
    """

    config_class = BertConfig

    def __init__(
        self,
        config: BertConfig,
        dtype: keras.DTypePolicy | str | None = None,
        add_pooler: bool = True,
        **kwargs: Any,
    ):
        # === Layers ===
        embeddings = bert_embeddings(config, dtype)
        blocks = [
            encoder_block(config, dtype, f"layer_{layer}")
            for layer in range(config.num_hidden_layers)
        ]
        pooler = None
        if add_pooler:
            pooler = BertPooler(config.initializer_range, dtype=dtype, name="pooler")

        # === Functional graph and config ===
        super().__init__(
            config, embeddings, [[block] for block in blocks], pooler, **kwargs
        )
