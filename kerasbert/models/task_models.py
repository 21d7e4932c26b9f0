"""Encoders with task heads: functional models from token ids to logits."""

from collections.abc import Sequence
from typing import Any

import keras

from kerasbert.checkpoints.checkpoint import Checkpoint
from kerasbert.config import ViTConfig
from kerasbert.layers import SentenceHead, SpanHead
from kerasbert.models.encoder import Encoder
from kerasbert.models.head_model import HeadModel, classification_head


class ClassifierModel(HeadModel):
    """The base class of models with a classification head.

    Args:
        encoder: A `BertEncoder` or `AlbertEncoder`.
        labels: The names of the classes, or their number.
        dropout: Dropout rate of what the head takes.
        **kwargs: `name` and `trainable` of a `keras.Model`.
    """

    heads = ()
    classifies = None  # "texts" or "tokens"

    def __init__(self, encoder, labels, dropout=0.1, **kwargs):
        labels = range(labels) if isinstance(labels, int) else labels
        labels = [str(label) for label in labels]
        head = classification_head(encoder, len(labels), "classification_head", dropout)
        super().__init__(encoder, {"head": head}, **kwargs)
        self.labels = labels
        self.dropout = dropout

    @classmethod
    def misfit(cls, checkpoint):
        misfit = super().misfit(checkpoint)
        found = "tokens" if checkpoint.token_labels else "texts"
        if isinstance(checkpoint.config, ViTConfig):
            found = "images"
        if misfit or (found == cls.classifies and not checkpoint.other_head):
            return misfit
        head = checkpoint.other_head or f"a classifier of {found}"
        return (
            f"Expected a classifier of {cls.classifies} in {checkpoint.folder}, got "
            f"the head of {head}. To train one, make {cls.__name__}(encoder, labels) "
            "of its encoder."
        )

    @classmethod
    def checkpoint_arguments(cls, checkpoint):
        return {"labels": checkpoint.labels, "dropout": checkpoint.head_dropout}

    def checkpoint_fields(self):
        return {
            "labels": tuple(self.labels),
            "token_labels": self.classifies == "tokens",
            "head_dropout": self.dropout,
        }

    def get_config(self):
        config = super().get_config()
        return {**config, "labels": self.labels, "dropout": self.dropout}


@keras.saving.register_keras_serializable(package="kerasbert")
class SequenceClassificationModel(ClassifierModel):
    """An encoder with a classification head for texts or pairs.

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

    heads = ("classification_head",)
    classifies = "texts"
    uses_pooler = uses_pooler_alone = True

    def __init__(
        self,
        encoder: Encoder,
        labels: Sequence[str],
        dropout: float = 0.1,
        score_activation: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(encoder, labels, dropout, **kwargs)
        self.score_activation = score_activation

    def head_outputs(
        self, encoded: dict[str, Any], padding_mask: Any, **inputs: Any
    ) -> dict[str, Any]:
        return {"logits": self.head(encoded["pooled_output"])}  # [B, C]

    @classmethod
    def checkpoint_arguments(cls, checkpoint: Checkpoint) -> dict[str, Any]:
        return {
            **super().checkpoint_arguments(checkpoint),
            "score_activation": checkpoint.score_activation,
        }

    def checkpoint_fields(self) -> dict[str, Any]:
        fields = super().checkpoint_fields()
        return {**fields, "score_activation": self.score_activation}

    def get_config(self):
        return {**super().get_config(), "score_activation": self.score_activation}


@keras.saving.register_keras_serializable(package="kerasbert")
class ImageClassificationModel(ClassifierModel):
    """An encoder of images with a classification head on the class token.

    Args:
        encoder: A `ViTEncoder`.
        labels: The names of the classes, or their number C.
        dropout: Dropout rate of the class token's vector.
        **kwargs: `name` and `trainable` of a `keras.Model`.

    Shapes:
        pixel_values `[B, image_size, image_size, channels]` -> logits `[B, C]`,
        float32.

    Reference:
        [Dosovitskiy et al., 2020](https://arxiv.org/abs/2010.11929), section 3.1.
    """

    heads = ("classification_head",)
    classifies = "images"

    def __init__(
        self,
        encoder: Encoder,
        labels: Sequence[str],
        dropout: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(encoder, labels, dropout, **kwargs)

    def head_outputs(self, encoded: dict[str, Any], **inputs: Any) -> dict[str, Any]:
        return {"logits": self.head(encoded["sequence_output"][:, 0])}  # [B, C]

    def checked(self, inputs: Any) -> dict[str, Any]:
        return self.encoder.checked(inputs)


@keras.saving.register_keras_serializable(package="kerasbert")
class TokenClassificationModel(ClassifierModel):
    """An encoder with a classification head for tokens.

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

    heads = ("classification_head",)
    classifies = "tokens"

    def head_outputs(
        self, encoded: dict[str, Any], padding_mask: Any, **inputs: Any
    ) -> dict[str, Any]:
        return {"logits": self.head(encoded["sequence_output"])}  # [B, S, C]


@keras.saving.register_keras_serializable(package="kerasbert")
class QuestionAnsweringModel(HeadModel):
    """An encoder with a span head for extractive question answering.

    Args:
        encoder: A `BertEncoder` or `AlbertEncoder`.
        **kwargs: `name` and `trainable` of a `keras.Model`.

    Shapes:
        the encoder's inputs `[B, S]` -> start_logits `[B, S]`, end_logits `[B, S]`,
        float32.

    Reference:
        [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), section 4.2.
    """

    heads = ("span_head",)

    def __init__(self, encoder: Encoder, **kwargs: Any):
        head = SpanHead(
            initializer_range=encoder.config.initializer_range,
            dtype=encoder.dtype_policy,
            name="span_head",
        )
        super().__init__(encoder, {"head": head}, **kwargs)

    def head_outputs(
        self, encoded: dict[str, Any], padding_mask: Any, **inputs: Any
    ) -> dict[str, Any]:
        start_logits, end_logits = self.head(encoded["sequence_output"])  # [B, S] each
        return {"start_logits": start_logits, "end_logits": end_logits}


@keras.saving.register_keras_serializable(package="kerasbert")
class SentenceEmbeddingModel(HeadModel):
    """An encoder with a sentence embedding head.

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

    def __init__(
        self,
        encoder: Encoder,
        poolings: Sequence[str] = ("mean",),
        projections: Sequence = (),
        normalize: bool = True,
        include_prompt: bool = True,
        **kwargs: Any,
    ):
        head = SentenceHead(
            poolings, projections, normalize, include_prompt, name="sentence_head"
        )
        super().__init__(encoder, {"head": head}, **kwargs)

    def head_outputs(
        self, encoded: dict[str, Any], padding_mask: Any, **inputs: Any
    ) -> dict[str, Any]:
        embedding = self.head(encoded["sequence_output"], padding_mask)  # [B, E]
        return {"embedding": embedding}

    def get_config(self):
        return {
            **super().get_config(),
            "poolings": self.head.poolings,
            "projections": self.head.projections,
            "normalize": self.head.normalize,
            "include_prompt": self.head.include_prompt,
        }
