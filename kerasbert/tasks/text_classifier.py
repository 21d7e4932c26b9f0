"""Text to labels."""

import keras
import numpy as np

from kerasbert.models import SequenceClassificationModel
from kerasbert.tasks.label_metrics import LabelAccuracy, LabelF1
from kerasbert.tasks.labels import label_numbers, label_table
from kerasbert.tasks.logits import softmax, sparse_crossentropy
from kerasbert.tasks.pretrained_task import load_parts, model_with_labels
from kerasbert.tasks.sample_weights import example_weights
from kerasbert.tasks.task import Task
from kerasbert.tasks.text_rows import TextRows, are_pairs, list_of_texts
from kerasbert.training.features import Features


class TextClassifier(Task):
    """Classifies texts, or pairs of texts.

    Args:
        model: A `kerasbert.models.SequenceClassificationModel`.
        tokenizer: The `kerasbert.Tokenizer` of its vocabulary.
        max_length: The longest sequence in tokens, special tokens included.
        multi_label: Whether a text may have several labels, or none.
        threshold: With `multi_label`, the least score of a label that is given.
        pairs: Whether an export takes pairs; training on examples tells it.

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
        model,
        tokenizer,
        max_length=None,
        multi_label=False,
        threshold=0.5,
        pairs=False,
    ):
        super().__init__(model, tokenizer, max_length)
        if not 0 < threshold < 1:
            raise ValueError(f"Expected a threshold between 0 and 1, got {threshold}.")
        self.labels = list(model.labels)
        self.multi_label = multi_label
        self.threshold = float(threshold)
        self.pairs = pairs
        self._rows = TextRows(tokenizer, self.max_length)

    @classmethod
    def from_pretrained(cls, source, labels=None, dtype=None, **options):
        """Loads the encoder of a source, with its classifier or a new one.

        Args:
            source: As in `BertEncoder.from_pretrained`.
            labels: The names of the classes; None: those of the source. Where the
                source has a classifier of other classes, a new one takes its place.
            dtype: A dtype policy of the encoder, such as `"mixed_bfloat16"`.
            **options: `max_length`, `multi_label`, `threshold` and `pairs`, as
                in the constructor; and `dropout`, of what the classifier takes.

        Raises:
            FileNotFoundError: If there is no such source.
            ValueError: If the source is broken, or neither it nor you name classes.
        """
        dropout = options.pop("dropout", None)
        folder, checkpoint, tokenizer = load_parts(source)
        model = model_with_labels(
            SequenceClassificationModel, folder, checkpoint, labels, dropout, dtype
        )
        return cls(model, tokenizer, **options)

    def features(self, inputs, targets=None, sample_weight=None):
        inputs = list_of_texts(inputs)
        rows = self._rows.of(inputs)
        known = {}
        if targets is not None:
            self.pairs = are_pairs(inputs)
            make = label_table if self.multi_label else label_numbers
            known = {"logits": make(targets, self.labels, len(inputs))}
        return Features(rows, known, sample_weight, self.tokenizer.pad_token_id)

    def fit(
        self,
        inputs,
        targets,
        validation_data=None,
        sample_weight=None,
        class_weight=None,
        **options,
    ):
        """Trains the model, as `Task.fit` does.

        Args:
            inputs: As in `predict`.
            targets: The label of each text; with `multi_label`, a list of them.
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
        if class_weight is not None:
            sample_weight = example_weights(
                targets, self.labels, class_weight, sample_weight
            )
        return super().fit(inputs, targets, validation_data, sample_weight, **options)

    def losses(self):
        if self.multi_label:
            limit = self.threshold
            metrics = [
                LabelAccuracy("accuracy", threshold=limit),
                LabelF1("micro", threshold=limit, name="f1"),
                LabelF1("macro", threshold=limit, name="f1_macro"),
            ]
            loss = keras.losses.BinaryCrossentropy(from_logits=True)
            return {"loss": {"logits": loss}, "metrics": {"logits": metrics}}
        return {
            "loss": {"logits": sparse_crossentropy()},
            "metrics": {
                "logits": [keras.metrics.SparseCategoricalAccuracy("accuracy")]
            },
        }

    def predict(self, inputs):
        """Classifies texts.

        Args:
            inputs: A list of strings, or of pairs of strings.

        Returns:
            A dictionary a text: `label`, its `score`, and the `scores` of all labels;
            with `multi_label`, `labels` and `scores`.
        """
        outputs = self.outputs(self.features(inputs))
        if not outputs:
            return []
        logits = np.stack([output["logits"] for output in outputs])  # [n, C]
        if self.multi_label:
            scores = 1 / (1 + np.exp(-logits))  # [n, C]
            return [self._several(row.tolist()) for row in scores]
        return [self._best(row.tolist()) for row in softmax(logits)]

    def options(self):
        return {
            **super().options(),
            "multi_label": self.multi_label,
            "threshold": self.threshold,
            "pairs": self.pairs,
        }

    def _best(self, scores):
        best = max(range(len(scores)), key=scores.__getitem__)
        by_label = dict(zip(self.labels, scores, strict=True))
        return {"label": self.labels[best], "score": scores[best], "scores": by_label}

    def _several(self, scores):
        by_label = dict(zip(self.labels, scores, strict=True))
        labels = [name for name, score in by_label.items() if score >= self.threshold]
        return {"labels": labels, "scores": by_label}
