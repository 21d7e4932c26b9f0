"""Text classification."""

import dataclasses
import os
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from kerasbert.checkpoints.classifier_head import default_activation
from kerasbert.data import (
    check_label,
    check_labels,
    one_label,
    several_labels,
    sorted_labels,
)
from kerasbert.metrics.classification import class_report, label_report
from kerasbert.models import SequenceClassificationModel
from kerasbert.tasks.class_losses import ClassCrossentropy, checked_loss
from kerasbert.tasks.example_files import read_table
from kerasbert.tasks.examples import list_of_texts
from kerasbert.tasks.labels import label_numbers, label_table, label_targets
from kerasbert.tasks.pretrained_task import (
    checked_activation,
    checked_labels,
    load_parts,
    model_with_labels,
    score_options,
)
from kerasbert.tasks.sample_weights import example_weights
from kerasbert.tasks.scores import scores_of
from kerasbert.tasks.text_classification.label_metrics import (
    checked_metrics,
    default_metrics,
)
from kerasbert.tasks.text_classification.sequence_task import SequenceTask


class TextClassifier(SequenceTask):
    """Classifies texts or pairs.

    Args:
        model: A `kerasbert.models.SequenceClassificationModel`.
        tokenizer: The `kerasbert.Tokenizer` of its vocabulary.
        max_length: The longest sequence in tokens, special tokens included.
        multi_label: Whether a text may have several labels, or none; None: as the
            model says, which may state a sigmoid for each of several labels.
        threshold: With `multi_label`, the least score of a label that is given.
        pairs: Whether an export takes pairs; `fit` and `dataset` set it.
        activation: From logits to scores: `"softmax"`, `"sigmoid"` or `"linear"`. By
            default a sigmoid with `multi_label`; else what the model states; else a
            softmax, or a sigmoid where there is one label.

    Example:
        >>> classifier = kerasbert.TextClassifier.from_pretrained(
        ...     tiny_bert, labels=["negative", "positive"]
        ... )
        >>> [answer] = classifier.predict(["good morning"])
        >>> sorted(answer["scores"])
        ['negative', 'positive']

    Reference:
        [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), section 4.1.
    """

    kind = "classify"

    def __init__(
        self,
        model: keras.Model,
        tokenizer: Any,
        max_length: int | None = None,
        multi_label: bool | None = None,
        threshold: float = 0.5,
        pairs: bool = False,
        activation: str | None = None,
    ):
        super().__init__(model, tokenizer, max_length, pairs)
        if not 0 < threshold < 1:
            raise ValueError(f"Expected a threshold between 0 and 1, got {threshold}.")
        self.labels = checked_labels(model.labels)
        count = len(self.labels)
        if activation is None:
            activation = model.score_activation or default_activation(count)
            if multi_label:
                activation = "sigmoid"
            elif multi_label is False and count > 1 and activation == "sigmoid":
                activation = "softmax"
        self.activation = checked_activation(activation, count)
        if multi_label is None:
            multi_label = self.activation == "sigmoid" and count > 1
        if multi_label and self.activation != "sigmoid":
            raise ValueError(
                "Expected the activation 'sigmoid' with multi_label, whose labels are "
                f"independent, got {activation!r}."
            )
        self.multi_label = bool(multi_label)
        self.threshold = float(threshold)
        model.score_activation = self.activation

    @classmethod
    def from_pretrained(
        cls,
        source: str | os.PathLike,
        labels: Sequence[str] | None = None,
        dtype: str | None = None,
        **options: Any,
    ) -> "TextClassifier":
        """Loads the encoder of a source, with its classifier or a new one.

        A published classifier gives the scores that transformers' pipeline gives, or
        sentence-transformers' `CrossEncoder` where that states another activation;
        where the two differ, a warning tells which one is followed.

        Args:
            source: As in `BertEncoder.from_pretrained`.
            labels: The names of the classes; None: those of the source. Where the
                source has a classifier of other classes, a new one takes its place,
                which is warned about; of the same in another order, they are put in
                yours; of classes without names, these get yours.
            dtype: A dtype policy of the encoder, such as `"mixed_bfloat16"`.
            **options: `max_length`, `multi_label`, `threshold`, `pairs` and
                `activation`, as in the constructor; and `dropout`, of what the
                classifier takes.

        Raises:
            FileNotFoundError: If there is no such source.
            ValueError: If the source is broken, or neither it nor you name classes.
        """
        dropout = options.pop("dropout", None)
        folder, checkpoint, tokenizer = load_parts(source)
        model = model_with_labels(
            SequenceClassificationModel, folder, checkpoint, labels, dropout, dtype
        )
        options = score_options(model, checkpoint, cls.kind, options)
        return cls(model, tokenizer, **options)

    @classmethod
    def read(
        cls,
        file: str | os.PathLike,
        options: Any,
        pairs: bool | None = None,
        learns: bool = False,
    ) -> Any:
        several = options.multi_label
        target = several_labels(options.label_separator) if several else one_label
        examples = read_table(file, options, target, pairs)
        if options.labels is None:
            check_labels(examples.targets, examples.account, several)
        if not isinstance(options.labels, dict):
            return examples
        names = {str(said): str(name) for said, name in options.labels.items()}
        targets = [
            [names.get(label, label) for label in target]
            if several
            else names.get(target, target)
            for target in examples.targets
        ]
        examples.account.count(targets)
        return dataclasses.replace(examples, targets=targets)

    @classmethod
    def labels_in(cls, examples: Any) -> list[str] | None:
        labels = sorted_labels(examples.targets)
        if len(labels) < 2:
            raise ValueError(
                f"Expected two labels or more in {examples.name}, got "
                f"{', '.join(labels)} alone: there is nothing to tell apart."
            )
        return labels

    @classmethod
    def check_labels(cls, examples: Any, labels: Any) -> None:
        for line, target in zip(examples.lines, examples.targets, strict=True):
            for label in [target] if isinstance(target, str) else target:
                check_label(label, labels, f"line {line} of {examples.name}")

    def reading(self) -> dict[str, Any]:
        return {"multi_label": self.multi_label}

    def encoded_targets(self, targets: Any, count: int) -> Any:
        make = label_table if self.multi_label else label_targets
        return make(targets, self.labels, count)

    def fit(
        self,
        inputs: Any,
        targets: Any = None,
        validation_data: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        **options: Any,
    ) -> keras.callbacks.History:
        """Trains the model, see `Task.fit`.

        Args:
            inputs: As in `predict`; an export will take pairs if these are.
            targets: The label of each text, or one-hot rows; with `multi_label`, a list
                of labels for each, or a matrix of 0 and 1. A number is a label's name
                where the labels are numbers, and else its index.
            validation_data: As in `Task.fit`.
            sample_weight: How much each example counts, `[n]`.
            class_weight: From labels to how much their examples count, 1 for those
                that are not named; or `"balanced"`: every class counts alike.
            **options: Others of `Task.fit`.

        Returns:
            A `keras.callbacks.History`.

        Raises:
            ValueError: If an example is none of this task, or there is one class alone.
        """
        if len(self.labels) < 2 and not self.multi_label:
            raise ValueError(
                f"Expected two labels or more, got {self.labels[0]!r} alone: there is "
                "nothing to tell apart. With multi_label=True a text has it or not."
            )
        inputs, targets, sample_weight = self.examples(inputs, targets, sample_weight)
        if class_weight is not None:
            sample_weight = example_weights(
                targets, self.labels, class_weight, sample_weight
            )
        return super().fit(
            inputs, targets, validation_data, sample_weight=sample_weight, **options
        )

    def compile(
        self,
        optimizer: Any = None,
        loss: Any = None,
        metrics: Any = None,
        label_smoothing: float = 0.0,
        **options: Any,
    ) -> None:
        """Configures the training, see `Task.compile`.

        Args:
            optimizer: As in `Task.compile`.
            loss: As there. Losses of Keras take logits (`from_logits=True`) and get
                the targets in the form that they need, numbers or one-hot rows.
            metrics: As there; also the names that `evaluate` gives, such as `"f1"`.
                Metrics of Keras that measure probabilities get the scores.
            label_smoothing: Which part of each target is spread over all classes.
            **options: As there.

        Raises:
            ValueError: If a loss or a metric does not fit the task, or the model gives
                logits as scores and no loss is given.
        """
        if self.activation == "linear" and loss is None:
            raise ValueError(
                "Expected a softmax or sigmoid classifier to train, got activation="
                f"'linear' for {len(self.labels)} outputs (a regression of several "
                "values), for which there is no default loss. Pass "
                "activation='softmax' or 'sigmoid', or compile with a loss."
            )
        if label_smoothing:
            if loss is not None:
                raise ValueError(
                    "Expected label_smoothing or a loss, got both. Losses of Keras "
                    "have a label_smoothing of their own."
                )
            loss = self._loss(label_smoothing)
        else:
            loss = checked_loss(loss, len(self.labels), self.multi_label)
        metrics = checked_metrics(metrics, self)
        super().compile(optimizer, loss, metrics, **options)

    def losses(self) -> dict[str, Any]:
        return {
            "loss": {"logits": self._loss()},
            "metrics": {"logits": default_metrics(self)},
        }

    def report(self, inputs: Any, targets: Any) -> dict[str, Any]:
        """Computes metrics per class, like scikit-learn's reports.

        Args:
            inputs: As in `predict`.
            targets: As in `fit`.

        Returns:
            The metrics of `evaluate` but the loss; `classes`, from each label to
            `precision`, `recall`, `f1` and `support`; and with one label a text
            `confusion_matrix`, how many texts of each class (rows) were given each
            label (columns), in the order of `labels`.
        """
        inputs = list_of_texts(inputs)
        logits = self._logits(inputs)
        if self.multi_label:
            expected = label_table(targets, self.labels, len(inputs)) >= 0.5
            found = scores_of(logits, "sigmoid") >= self.threshold
            return label_report(expected, found, self.labels)
        expected = label_numbers(targets, self.labels, len(inputs))
        return class_report(expected, logits.argmax(axis=1), self.labels)

    def predict(self, inputs: Any) -> Any:
        """Classifies texts.

        Args:
            inputs: A list of strings, or of pairs of strings.

        Returns:
            A dictionary a text: `label`, its `score`, and the `scores` of all labels;
            with `multi_label`, `labels` and `scores`.
        """
        logits = self._logits(inputs)
        answer = self._several if self.multi_label else self._best
        return [answer(row.tolist()) for row in scores_of(logits, self.activation)]

    def answers(self, logits: Any) -> dict[str, Any]:
        """`label` and `score` `[B]`, the best; `labels` and `scores` `[B, C]`, all.

        With `multi_label`, `labels` are empty where a text does not have them, and
        there is no best.
        """
        names = tf.constant(self.labels)  # [C]
        activations = {"softmax": tf.nn.softmax, "sigmoid": tf.sigmoid}
        scores = activations.get(self.activation, tf.identity)(logits)  # [B, C]
        every = tf.repeat(names[None, :], tf.shape(logits)[0], axis=0)  # [B, C]
        if self.multi_label:
            labels = tf.where(scores >= self.threshold, every, "")
            return {"labels": labels, "scores": scores}
        label = tf.gather(names, tf.argmax(scores, axis=-1))  # [B]
        score = tf.reduce_max(scores, axis=-1)  # [B]
        return {"label": label, "score": score, "labels": every, "scores": scores}

    def options(self) -> dict[str, Any]:
        return {
            **super().options(),
            "multi_label": self.multi_label,
            "threshold": self.threshold,
            "activation": self.activation,
        }

    def _loss(self, label_smoothing=0.0):
        if self.multi_label:
            return keras.losses.BinaryCrossentropy(
                from_logits=True, label_smoothing=label_smoothing
            )
        return ClassCrossentropy(label_smoothing)

    def _best(self, scores):
        best = max(range(len(scores)), key=scores.__getitem__)
        by_label = dict(zip(self.labels, scores, strict=True))
        return {"label": self.labels[best], "score": scores[best], "scores": by_label}

    def _several(self, scores):
        by_label = dict(zip(self.labels, scores, strict=True))
        labels = [name for name, score in by_label.items() if score >= self.threshold]
        return {"labels": labels, "scores": by_label}
