"""Text regression."""

import os
import warnings
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasbert.data import check_scores, number
from kerasbert.models import SequenceClassificationModel
from kerasbert.tasks.example_files import read_table
from kerasbert.tasks.examples import listed
from kerasbert.tasks.pretrained_task import (
    checked_activation,
    load_parts,
    model_with_labels,
    score_options,
)
from kerasbert.tasks.scores import agreement, checked_scores
from kerasbert.tasks.text_classification.sequence_task import SequenceTask


class TextRegressor(SequenceTask):
    """Predicts scores of texts or pairs, such as similarity.

    On pairs it is a cross-encoder: each text is read in the light of the other. A
    `TextEmbedder` compares two texts by their vectors, which is less exact but can
    search millions.

    Args:
        model: A `kerasbert.models.SequenceClassificationModel` of one class.
        tokenizer: The `kerasbert.Tokenizer` of its vocabulary.
        max_length: The longest sequence in tokens, special tokens included.
        low: The lowest score that there is; with `high`, scores are learnt as parts of
            the range with a sigmoid and binary cross-entropy. By default the logit is
            the score, and is learnt with the mean squared error.
        high: The highest score that there is.
        pairs: Whether an export takes pairs; `fit` and `dataset` set it.

    Raises:
        ValueError: If the model has several classes, or the range is none.

    Example:
        >>> regressor = kerasbert.TextRegressor.from_pretrained(
        ...     tiny_bert, low=0, high=5
        ... )
        >>> [answer] = regressor.predict([("a man sings", "someone is singing")])
        >>> 0 <= answer["score"] <= 5
        True

    Reference:
        [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), section 4.1 (STS-B);
        [Reimers and Gurevych, 2019](https://arxiv.org/abs/1908.10084), section 4.2.
    """

    kind = "regress"

    def __init__(
        self,
        model: keras.Model,
        tokenizer: Any,
        max_length: int | None = None,
        low: float | None = None,
        high: float | None = None,
        pairs: bool = False,
    ):
        if len(model.labels) != 1:
            raise ValueError(
                "Expected a model of one class, whose logit is the score, got "
                f"{len(model.labels)}: {', '.join(model.labels[:8])}. That is a "
                "classifier; kerasbert.TextClassifier takes it."
            )
        if (low is None) != (high is None) or (low is not None and not low < high):
            raise ValueError(
                "Expected low and high, the lowest score and the highest, or neither; "
                f"got low={low}, high={high}."
            )
        super().__init__(model, tokenizer, max_length, pairs)
        self.low = low
        self.high = high
        model.score_activation = "linear" if low is None else "sigmoid"

    @classmethod
    def from_pretrained(
        cls, source: str | os.PathLike, dtype: str | None = None, **options: Any
    ) -> "TextRegressor":
        """Loads the encoder of a source, with its head or a new one.

        A published score is computed as the source states it: as a sigmoid, from 0 to
        1, or as the logit. Where transformers' pipeline and sentence-transformers'
        `CrossEncoder` differ, a warning tells which one is followed.

        Args:
            source: As in `BertEncoder.from_pretrained`.
            dtype: A dtype policy of the encoder, such as `"mixed_bfloat16"`.
            **options: `max_length`, `low`, `high` and `pairs`, as in the constructor;
                `activation`, in place of a range: `"sigmoid"` for scores from 0 to 1,
                `"linear"` for logits; and `dropout`, of what a new score is computed
                from.

        Raises:
            FileNotFoundError: If there is no such source.
            ValueError: If the source is broken.
        """
        dropout = options.pop("dropout", None)
        if "activation" in options and {"low", "high"} & {*options}:
            raise ValueError(
                "Expected low and high, or activation, got both. With low and high "
                "scores are sigmoids in that range."
            )
        folder, checkpoint, tokenizer = load_parts(source)
        labels = checkpoint.labels if len(checkpoint.labels) == 1 else ["score"]
        model = model_with_labels(
            SequenceClassificationModel, folder, checkpoint, labels, dropout, dtype
        )
        activation = options.get("activation")
        options = score_options(model, checkpoint, cls.kind, options)
        options.pop("activation", None)
        if activation is None and not {"low", "high"} & {*options}:
            activation = model.score_activation or "linear"
        if activation is not None:
            sigmoid = checked_activation(activation, 1) == "sigmoid"
            options |= {"low": 0, "high": 1} if sigmoid else {"low": None, "high": None}
        return cls(model, tokenizer, **options)

    @classmethod
    def read(
        cls,
        file: str | os.PathLike,
        options: Any,
        pairs: bool | None = None,
        learns: bool = False,
    ) -> Any:
        examples = read_table(file, options, number, pairs)
        check_scores(examples.targets, examples.account, learns)
        return examples

    def encoded_targets(self, targets: Any, count: int) -> Any:
        scores = checked_scores(targets, count, self.low, self.high)
        if self.low is not None:
            scores = (scores - self.low) / (self.high - self.low)
        return scores.astype("float32")[:, None]  # [n, 1]

    def save(
        self,
        folder: str | os.PathLike,
        overwrite: bool = False,
        bits: int | dict | None = None,
    ) -> None:
        """Saves one folder, see `Task.save`.

        Args:
            folder: The folder to make.
            overwrite: Whether a folder that exists is replaced.
            bits: Bits of packed weights.
        """
        if self.low is not None and (self.low, self.high) != (0, 1):
            warnings.warn(
                f"kerasbert gives scores from {self.low:g} to {self.high:g} of this "
                "folder; transformers and sentence-transformers, which have no range, "
                "give the part of it, from 0 to 1.",
                stacklevel=2,
            )
        super().save(folder, overwrite, bits)

    def losses(self) -> dict[str, Any]:
        loss = keras.losses.MeanSquaredError()
        if self.low is not None:
            loss = keras.losses.BinaryCrossentropy(from_logits=True)
        return {"loss": {"logits": loss}, "metrics": None}

    def scores_of(self, logits: Any) -> Any:
        """Converts logits to scores.

        Args:
            logits: A tensor of any shape.
        """
        if self.low is None:
            return logits
        return self.low + (self.high - self.low) * ops.sigmoid(logits)

    def answers(self, logits: Any) -> dict[str, Any]:
        """`score` `[B]`."""
        return {"score": self.scores_of(logits[:, 0])}

    def predict(self, inputs: Any) -> Any:
        """Predicts scores of texts.

        Args:
            inputs: A list of strings, or of pairs of strings.

        Returns:
            A dictionary a text: its `score`.
        """
        logits = self._logits(inputs)[:, 0]  # [n]
        scores = ops.convert_to_numpy(self.scores_of(logits))
        return [{"score": score} for score in scores.tolist()]

    def answer_metrics(self, inputs: Any, targets: Any) -> dict[str, float]:
        """Computes the agreement with the true scores.

        Args:
            inputs: As in `evaluate`.
            targets: As in `evaluate`.

        Returns:
            `pearson`, `spearman`, and `mse`, the mean squared error of the scores.
        """
        found = np.array([answer["score"] for answer in self.predict(inputs)])
        expected = np.asarray(listed(targets), "float64").reshape(len(found))
        return {
            **agreement(found, expected),
            "mse": float(np.mean((found - expected) ** 2)),
        }

    def options(self) -> dict[str, Any]:
        return {**super().options(), "low": self.low, "high": self.high}
