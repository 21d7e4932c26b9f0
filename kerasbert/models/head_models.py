"""Encoders with a head: functional models from token ids to logits."""

import keras
from keras import ops

from kerasbert.layers import (
    ClassificationHead,
    MaskedLMHead,
    SentenceHead,
    SpanHead,
)
from kerasbert.models.inputs import encoder_inputs
from kerasbert.models.pretrained import Pretrained


class HeadModel(Pretrained, keras.Model):
    """What the models with heads share.

    Args:
        encoder: A `BertEncoder` or `AlbertEncoder`.
        inputs: Symbolic inputs of the graph.
        outputs: Symbolic outputs of the graph.
        **kwargs: `name` and `trainable` of a `keras.Model`.
    """

    def __init__(self, encoder, inputs, outputs, **kwargs):
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
        self.encoder = encoder
        self.config = encoder.config

    def get_config(self):
        return {
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "name": self.name,
            "trainable": self.trainable,
        }

    @classmethod
    def from_config(cls, config):
        encoder = keras.saving.deserialize_keras_object(config["encoder"])
        return cls(**{**config, "encoder": encoder})


def _masked_lm_head(encoder, activation=None, epsilon=None):
    config = encoder.config
    return MaskedLMHead(
        encoder.token_embedding,
        activation=activation or config.hidden_act,
        epsilon=epsilon or config.layer_norm_eps,
        initializer_range=config.initializer_range,
        dtype=encoder.dtype_policy,
        name="masked_lm_head",
    )


def _classification_head(encoder, num_classes, name, dropout=0.0):
    return ClassificationHead(
        num_classes,
        dropout=dropout,
        initializer_range=encoder.config.initializer_range,
        dtype=encoder.dtype_policy,
        name=name,
    )


def _masked_inputs_and_states(encoder):
    """Inputs with `masked_positions`, the encoder's outputs, the states there."""
    inputs = encoder_inputs()
    positions = keras.Input((None,), dtype="int32", name="masked_positions")
    outputs = encoder(inputs)
    states = ops.take_along_axis(
        outputs["sequence_output"], positions[..., None], axis=1
    )  # [B, P, D]
    return {**inputs, "masked_positions": positions}, outputs, states


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

    def __init__(self, encoder, activation=None, epsilon=None, **kwargs):
        inputs, _, states = _masked_inputs_and_states(encoder)
        head = _masked_lm_head(encoder, activation, epsilon)
        logits = head(states)  # [B, P, V]
        super().__init__(encoder, inputs, {"mlm_logits": logits}, **kwargs)
        self.activation = activation
        self.epsilon = epsilon

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

    def __init__(self, encoder, **kwargs):
        inputs, outputs, states = _masked_inputs_and_states(encoder)
        pair_head = _classification_head(encoder, 2, "pair_head")
        logits = {
            "mlm_logits": _masked_lm_head(encoder)(states),  # [B, P, V]
            "pair_logits": pair_head(outputs["pooled_output"]),  # [B, 2]
        }
        super().__init__(encoder, inputs, logits, **kwargs)


@keras.saving.register_keras_serializable(package="kerasbert")
class SentencePairModel(HeadModel):
    """An encoder with the pair head alone: next sentence or sentence order.

    Args:
        encoder: A `BertEncoder` or `AlbertEncoder`.
        **kwargs: `name` and `trainable` of a `keras.Model`.

    Shapes:
        the encoder's inputs `[B, S]` -> pair_logits `[B, 2]`, float32.
    """

    def __init__(self, encoder, **kwargs):
        inputs = encoder_inputs()
        head = _classification_head(encoder, 2, "pair_head")
        logits = head(encoder(inputs)["pooled_output"])  # [B, 2]
        super().__init__(encoder, inputs, {"pair_logits": logits}, **kwargs)


class ClassifierModel(HeadModel):
    """What the models with a classification head share.

    Args:
        encoder: A `BertEncoder` or `AlbertEncoder`.
        labels: The names of the classes, or their number.
        dropout: Dropout rate of what the head takes.
        **kwargs: `name` and `trainable` of a `keras.Model`.
    """

    encoder_output = None

    def __init__(self, encoder, labels, dropout=0.1, **kwargs):
        labels = range(labels) if isinstance(labels, int) else labels
        labels = [str(label) for label in labels]
        inputs = encoder_inputs()
        head = _classification_head(
            encoder, len(labels), "classification_head", dropout
        )
        logits = head(encoder(inputs)[self.encoder_output])  # [B, C] or [B, S, C]
        super().__init__(encoder, inputs, {"logits": logits}, **kwargs)
        self.labels = labels
        self.dropout = dropout

    def get_config(self):
        config = super().get_config()
        return {**config, "labels": self.labels, "dropout": self.dropout}


@keras.saving.register_keras_serializable(package="kerasbert")
class SequenceClassificationModel(ClassifierModel):
    """An encoder with a classifier of texts, or of pairs of them.

    Args:
        encoder: A `BertEncoder` or `AlbertEncoder`.
        labels: The names of the classes, or their number C.
        dropout: Dropout rate of the pooled output.
        **kwargs: `name` and `trainable` of a `keras.Model`.

    Shapes:
        the encoder's inputs `[B, S]` -> logits `[B, C]`, float32.

    Reference:
        [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), section 4.1.
    """

    encoder_output = "pooled_output"


@keras.saving.register_keras_serializable(package="kerasbert")
class TokenClassificationModel(ClassifierModel):
    """An encoder with a classifier of tokens: names, parts of speech.

    Args:
        encoder: A `BertEncoder` or `AlbertEncoder`.
        labels: The names of the classes, or their number C.
        dropout: Dropout rate of the sequence output.
        **kwargs: `name` and `trainable` of a `keras.Model`.

    Shapes:
        the encoder's inputs `[B, S]` -> logits `[B, S, C]`, float32.

    Reference:
        [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), section 5.3.
    """

    encoder_output = "sequence_output"


@keras.saving.register_keras_serializable(package="kerasbert")
class QuestionAnsweringModel(HeadModel):
    """An encoder with the head of extractive question answering.

    Args:
        encoder: A `BertEncoder` or `AlbertEncoder`.
        **kwargs: `name` and `trainable` of a `keras.Model`.

    Shapes:
        the encoder's inputs `[B, S]` -> start_logits `[B, S]`, end_logits `[B, S]`,
        float32.

    Reference:
        [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), section 4.2.
    """

    def __init__(self, encoder, **kwargs):
        inputs = encoder_inputs()
        head = SpanHead(
            initializer_range=encoder.config.initializer_range,
            dtype=encoder.dtype_policy,
            name="span_head",
        )
        start_logits, end_logits = head(encoder(inputs)["sequence_output"])
        outputs = {"start_logits": start_logits, "end_logits": end_logits}
        super().__init__(encoder, inputs, outputs, **kwargs)


@keras.saving.register_keras_serializable(package="kerasbert")
class SentenceEmbeddingModel(HeadModel):
    """An encoder with a sentence head: one vector a text.

    Args:
        encoder: A `BertEncoder` or `AlbertEncoder`.
        poolings: As in `kerasbert.layers.SentenceHead`.
        projections: As there.
        normalize: As there.
        **kwargs: `name` and `trainable` of a `keras.Model`.

    Shapes:
        the encoder's inputs `[B, S]` -> embedding `[B, E]`, float32.

    Reference:
        [Reimers and Gurevych, 2019](https://arxiv.org/abs/1908.10084), section 3.
    """

    def __init__(
        self, encoder, poolings=("mean",), projections=(), normalize=True, **kwargs
    ):
        inputs = encoder_inputs()
        head = SentenceHead(poolings, projections, normalize, name="sentence_head")
        states = encoder(inputs)["sequence_output"]  # [B, S, D]
        embedding = head(states, inputs["padding_mask"])  # [B, E]
        super().__init__(encoder, inputs, {"embedding": embedding}, **kwargs)
        self.head = head

    def get_config(self):
        return {
            **super().get_config(),
            "poolings": self.head.poolings,
            "projections": self.head.projections,
            "normalize": self.head.normalize,
        }
