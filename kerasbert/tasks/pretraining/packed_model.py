"""The model that is pretrained: an encoder and its heads on packed tokens."""

import keras
import tensorflow as tf
from keras import ops

from kerasbert.layers import packing_of


class PackedModel(keras.Model):
    """A `PretrainingModel` or `MaskedLMModel` whose inputs are packed tokens.

    Attention stays inside each row; all else computes tokens without padding, and the
    logits are those of the masked places alone.

    Args:
        model: The model, with which it shares all weights.

    Shapes:
        token_ids and segment_ids `[T]`, row_lengths `[B]`, masked_positions `[P]`,
        int32 -> mlm_logits `[P, V]`, and pair_logits `[B, 2]` with a pair head.
    """

    def __init__(self, model):
        super().__init__(name="packed_pretraining", dtype=model.encoder.dtype_policy)
        self.inner = model
        self.built = True

    @property
    def encoder(self):
        """The encoder."""
        return self.inner.encoder

    @property
    def config(self):
        """The configuration of the encoder."""
        return self.inner.config

    def call(self, inputs):
        token_ids, lengths = inputs["token_ids"], inputs["row_lengths"]
        packing, position_ids, padding_mask = packing_of(
            lengths, tf.size(token_ids), tf.reduce_max(lengths)
        )
        states = self.encoder.compute_packed(
            *(token_ids, inputs["segment_ids"], position_ids, padding_mask, packing)
        )[-1]  # [T, D]
        masked = ops.take(states, inputs["masked_positions"], axis=0)  # [P, D]
        outputs = {"mlm_logits": self.inner.head(masked)}  # [P, V]
        if self.inner.uses_pooler:
            first = ops.cumsum(lengths) - lengths  # [B]
            pooled = self.encoder.pooler(ops.take(states, first, axis=0)[:, None])
            outputs["pair_logits"] = self.inner.pair_head(pooled)  # [B, 2]
        return outputs
