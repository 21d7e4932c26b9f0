"""Encoders with pretraining heads: masked LM and sentence pairs."""

from typing import Any

import keras
from keras import ops

from kerasbert.checkpoints.checkpoint import Checkpoint
from kerasbert.layers import MaskedLMHead
from kerasbert.models.encoder import Encoder
from kerasbert.models.head_model import HeadModel, classification_head


@keras.saving.register_keras_serializable(package="kerasbert")
class _TiedMaskedLMHead(MaskedLMHead):
    """A masked LM head that shares the encoder's token embedding."""

    @classmethod
    def from_config(cls, config):
        raise ValueError(
            "Expected the whole model to be cloned, got its masked language model head "
            "alone, whose output matrix is the encoder's table of tokens. Instead of "
            "keras.models.clone_model: type(model).from_config(model.get_config())."
        )


def tied_masked_lm_head(table, config, dtype, activation=None, epsilon=None):
    """Creates a masked LM head on a token embedding, which it shares."""
    return _TiedMaskedLMHead(
        table,
        activation=activation or config.hidden_act,
        epsilon=epsilon or config.layer_norm_eps,
        initializer_range=config.initializer_range,
        dtype=dtype,
        name="masked_lm_head",
    )


def _masked_lm_head(encoder, activation=None, epsilon=None):
    return tied_masked_lm_head(
        *(encoder.token_embedding, encoder.config, encoder.dtype_policy),
        *(activation, epsilon),
    )


def _states_at(states, positions):
    """Gathers the states at the given positions; all if there are none."""
    if positions is None:
        return states  # [B, S, D]
    return ops.take_along_axis(
        states, ops.expand_dims(positions, -1), axis=1
    )  # [B, P, D]


@keras.saving.register_keras_serializable(package="kerasbert")
class MaskedLMModel(HeadModel):
    """An encoder with a masked language model head.

    Args:
        encoder: A `BertEncoder` or `AlbertEncoder`.
        activation: Activation of the head, where it is not the encoder's.
        epsilon: Epsilon of the head, where it is not the encoder's.
        **kwargs: `name` and `trainable` of a `keras.Model`.

    Shapes:
        the encoder's inputs `[B, S]` and masked_positions `[B, P]`, int32
        -> mlm_logits `[B, P, V]`, float32.

    Reference:
        [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), section 3.1, task 1.
    """

    heads = ("masked_lm_head",)
    takes_positions = True

    def __init__(
        self,
        encoder: Encoder,
        activation: str | None = None,
        epsilon: float | None = None,
        **kwargs: Any,
    ):
        head = _masked_lm_head(encoder, activation, epsilon)
        super().__init__(encoder, {"head": head}, **kwargs)
        self.activation = activation
        self.epsilon = epsilon

    def head_outputs(
        self,
        encoded: dict[str, Any],
        padding_mask: Any,
        masked_positions: Any = None,
        **inputs: Any,
    ) -> dict[str, Any]:
        states = _states_at(encoded["sequence_output"], masked_positions)  # [B, P, D]
        return {"mlm_logits": self.head(states)}  # [B, P, V]

    @classmethod
    def checkpoint_arguments(cls, checkpoint: Checkpoint) -> dict[str, Any]:
        return checkpoint.masked_lm

    def checkpoint_fields(self) -> dict[str, Any]:
        given = {"activation": self.activation, "epsilon": self.epsilon}
        return {"masked_lm": {name: value for name, value in given.items() if value}}

    def get_config(self):
        config = super().get_config()
        return {**config, "activation": self.activation, "epsilon": self.epsilon}


@keras.saving.register_keras_serializable(package="kerasbert")
class PretrainingModel(HeadModel):
    """An encoder with the two heads of pretraining.

    The pair head of BERT tells whether the second sentence follows the first (class
    0) or is a random one (class 1); that of ALBERT whether the two are in their order
    (class 0) or swapped (class 1).

    Args:
        encoder: A `BertEncoder` or `AlbertEncoder`.
        **kwargs: `name` and `trainable` of a `keras.Model`.

    Shapes:
        the encoder's inputs `[B, S]` and masked_positions `[B, P]`, int32
        -> mlm_logits `[B, P, V]`, pair_logits `[B, 2]`, float32.

    Reference:
        [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), section 3.1, and
        [Lan et al., 2019](https://arxiv.org/abs/1909.11942), section 3.1.
    """

    heads = ("masked_lm_head", "pair_head")
    uses_pooler = True
    takes_positions = True

    def __init__(self, encoder: Encoder, **kwargs: Any):
        head = _masked_lm_head(encoder)
        pair_head = classification_head(encoder, 2, "pair_head")
        layers = {"head": head, "pair_head": pair_head}
        super().__init__(encoder, layers, **kwargs)

    def head_outputs(
        self,
        encoded: dict[str, Any],
        padding_mask: Any,
        masked_positions: Any = None,
        **inputs: Any,
    ) -> dict[str, Any]:
        states = _states_at(encoded["sequence_output"], masked_positions)  # [B, P, D]
        return {
            "mlm_logits": self.head(states),  # [B, P, V]
            "pair_logits": self.pair_head(encoded["pooled_output"]),  # [B, 2]
        }


@keras.saving.register_keras_serializable(package="kerasbert")
class SentencePairModel(HeadModel):
    """An encoder with a next-sentence or sentence-order head.

    Args:
        encoder: A `BertEncoder` or `AlbertEncoder`.
        **kwargs: `name` and `trainable` of a `keras.Model`.

    Shapes:
        the encoder's inputs `[B, S]` -> pair_logits `[B, 2]`, float32.
    """

    heads = ("pair_head",)
    uses_pooler = True

    def __init__(self, encoder: Encoder, **kwargs: Any):
        head = classification_head(encoder, 2, "pair_head")
        super().__init__(encoder, {"head": head}, **kwargs)

    def head_outputs(
        self, encoded: dict[str, Any], padding_mask: Any, **inputs: Any
    ) -> dict[str, Any]:
        return {"pair_logits": self.head(encoded["pooled_output"])}  # [B, 2]
