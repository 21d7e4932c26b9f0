"""Encoders with the head of a task: functional models from token ids to logits."""

import keras

from kerasbert.layers import SentenceHead, SpanHead
from kerasbert.models.head_model import HeadModel, classification_head
from kerasbert.models.inputs import encoder_inputs


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
        head = classification_head(encoder, len(labels), "classification_head", dropout)
        logits = head(encoder(inputs)[self.encoder_output])  # [B, C] or [B, S, C]
        super().__init__(encoder, inputs, {"logits": logits}, **kwargs)
        self.head = head
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
        score_activation: How logits become scores: `"softmax"`, `"sigmoid"` or
            `"linear"`; None: nothing says. The model gives logits; this is written
            with it, for those who read it.
        **kwargs: `name` and `trainable` of a `keras.Model`.

    Shapes:
        the encoder's inputs `[B, S]` -> logits `[B, C]`, float32.

    Reference:
        [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), section 4.1.
    """

    encoder_output = "pooled_output"

    def __init__(self, encoder, labels, dropout=0.1, score_activation=None, **kwargs):
        super().__init__(encoder, labels, dropout, **kwargs)
        self.score_activation = score_activation

    def get_config(self):
        return {**super().get_config(), "score_activation": self.score_activation}

    def outputs_of(self, hidden_states, padding_mask):
        pooled_output = self.encoder.pooler(hidden_states[-1])  # [B, D]
        return {"logits": self.head(pooled_output)}  # [B, C]


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
    uses_pooler = False

    def outputs_of(self, hidden_states, padding_mask):
        return {"logits": self.head(hidden_states[-1])}  # [B, S, C]


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

    uses_pooler = False

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
        self.head = head

    def outputs_of(self, hidden_states, padding_mask):
        start_logits, end_logits = self.head(hidden_states[-1])  # [B, S] each
        return {"start_logits": start_logits, "end_logits": end_logits}


@keras.saving.register_keras_serializable(package="kerasbert")
class SentenceEmbeddingModel(HeadModel):
    """An encoder with a sentence head: one vector a text.

    Args:
        encoder: A `BertEncoder` or `AlbertEncoder`.
        poolings: As in `kerasbert.layers.SentenceHead`.
        projections: As there.
        normalize: As there.
        include_prompt: As there.
        **kwargs: `name` and `trainable` of a `keras.Model`.

    Shapes:
        the encoder's inputs `[B, S]` -> embedding `[B, E]`, float32.

    Reference:
        [Reimers and Gurevych, 2019](https://arxiv.org/abs/1908.10084), section 3.
    """

    uses_pooler = False

    def __init__(
        self,
        encoder,
        poolings=("mean",),
        projections=(),
        normalize=True,
        include_prompt=True,
        **kwargs,
    ):
        inputs = encoder_inputs()
        head = SentenceHead(
            poolings, projections, normalize, include_prompt, name="sentence_head"
        )
        states = encoder(inputs)["sequence_output"]  # [B, S, D]
        embedding = head(states, inputs["padding_mask"])  # [B, E]
        super().__init__(encoder, inputs, {"embedding": embedding}, **kwargs)
        self.head = head

    def outputs_of(self, hidden_states, padding_mask):
        return {"embedding": self.head(hidden_states[-1], padding_mask)}  # [B, E]

    def get_config(self):
        return {
            **super().get_config(),
            "poolings": self.head.poolings,
            "projections": self.head.projections,
            "normalize": self.head.normalize,
            "include_prompt": self.head.include_prompt,
        }
