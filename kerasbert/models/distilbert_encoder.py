"""Encoder of DistilBERT."""

import keras

from kerasbert.config import DistilBertConfig
from kerasbert.layers import BertPooler
from kerasbert.models.encoder import Encoder, bert_embeddings, encoder_block


@keras.saving.register_keras_serializable(package="kerasbert")
class DistilBertEncoder(Encoder):
    """DistilBERT: BERT with half of the layers, without segments.

    It is pretrained without a pooler. Its text classifiers have a dense layer with ReLU
    on the vector of `[CLS]`, which is the pooler here.

    Args:
        config: A `kerasbert.DistilBertConfig`.
        dtype: Dtype policy, such as `"mixed_bfloat16"`; defaults to the global one.
        add_pooler: Whether there is a pooler, and with it a `pooled_output`.
        **kwargs: `name` and `trainable` of a `keras.Model`.

    Shapes:
        token_ids, segment_ids, padding_mask, int32 `[B, S]` each; segment_ids have no
        effect
        -> sequence_output `[B, S, D]`, pooled_output `[B, D]` and hidden_states,
        a list of L + 1 tensors `[B, S, D]` of which the first are the embeddings.

    Raises:
        ValueError: If an input is missing, an id is outside its table, or a row is
            longer than the model has positions.

    Example:
        >>> config = kerasbert.DistilBertConfig(
        ...     vocab_size=100, hidden_size=8, num_hidden_layers=2,
        ...     num_attention_heads=2, intermediate_size=16)
        >>> encoder = kerasbert.DistilBertEncoder(config, add_pooler=False)
        >>> sorted(encoder.output)
        ['hidden_states', 'sequence_output']

    Reference:
        [Sanh et al., 2019](https://arxiv.org/abs/1910.01108), section 3.
    """

    config_class = DistilBertConfig

    def __init__(self, config, dtype=None, add_pooler=True, **kwargs):
        # === Layers ===
        embeddings = bert_embeddings(config, dtype)
        blocks = [
            encoder_block(config, dtype, f"layer_{layer}")
            for layer in range(config.num_hidden_layers)
        ]
        pooler = None
        if add_pooler:
            pooler = BertPooler(
                config.initializer_range, "relu", dtype=dtype, name="pooler"
            )

        # === Functional graph and config ===
        super().__init__(
            config, embeddings, [[block] for block in blocks], pooler, **kwargs
        )
