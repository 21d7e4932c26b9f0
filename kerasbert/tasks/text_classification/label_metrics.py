"""Classification metrics from logits, and adapted metrics of Keras.

Names that `evaluate` gives and `monitor` takes, of one label a text: `accuracy`, `f1`
(the mean over classes), `f1_micro`, `matthews`, `balanced_accuracy` and, for up to
`MOST_CLASSES` classes, `f1_` with each label; of several labels a text: `accuracy`,
`f1` (micro) and `f1_macro`.
"""

import keras
from keras import ops

from kerasbert.account import quoted
from kerasbert.tasks.class_losses import class_indices, is_of_keras, one_hot_rows

MOST_CLASSES = 20


class OfLogits:
    """Adapts a Keras metric of probabilities to logits."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true = ops.cast(ops.convert_to_tensor(y_true) >= 0.5, "float32")
        super().update_state(y_true, ops.sigmoid(y_pred), sample_weight)


@keras.saving.register_keras_serializable(package="kerasbert")
class LabelAccuracy(OfLogits, keras.metrics.BinaryAccuracy):
    """Accuracy over all labels of all texts.

    Args:
        name: Name of the metric.
        dtype: Its dtype.
        threshold: The least probability of a label that is given.
    """


@keras.saving.register_keras_serializable(package="kerasbert")
class LabelF1(OfLogits, keras.metrics.F1Score):
    """Micro-averaged F1 of labels.

    Args:
        average: `"micro"`: of all labels together; `"macro"`: the mean of those of
            each label.
        threshold: The least probability of a label that is given.
        name: Name of the metric.
        dtype: Its dtype.

    Example:
        >>> metric = LabelF1("micro", threshold=0.5)
        >>> metric.update_state([[1.0, 0.0, 1.0]], [[2.0, 1.0, -3.0]])
        >>> round(float(metric.result()), 4)
        0.5
    """


@keras.saving.register_keras_serializable(package="kerasbert")
class ClassAccuracy(keras.metrics.SparseCategoricalAccuracy):
    """Accuracy of the class with the highest logit.

    Args:
        name: Name of the metric.
        dtype: Its dtype.
    """

    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(class_indices(y_true, y_pred), y_pred, sample_weight)


class ClassMetric(keras.metrics.Metric):
    """Base class of single-label metrics, which accumulates counts.

    Args:
        num_classes: The number of classes, C.
        name: Name of the metric.
        dtype: Its dtype.
    """

    def __init__(self, num_classes, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.num_classes = num_classes
        shape = (3, num_classes)  # right, predicted, expected
        self.counts = self.add_variable(shape, "zeros", name="counts")

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_pred = ops.convert_to_tensor(y_pred)
        expected = class_indices(ops.convert_to_tensor(y_true), y_pred)  # [B]
        expected = ops.one_hot(ops.reshape(expected, [-1]), self.num_classes)  # [B, C]
        given = ops.one_hot(ops.argmax(y_pred, axis=-1), self.num_classes)  # [B, C]
        if sample_weight is not None:
            weights = ops.cast(ops.reshape(sample_weight, [-1, 1]), "float32")  # [B, 1]
            expected, given = expected * weights, given * (weights > 0)
            counts = [expected * given, given * weights, expected]
        else:
            counts = [expected * given, given, expected]
        self.counts.assign_add(ops.stack([ops.sum(x, axis=0) for x in counts]))

    def result(self):
        right, given, expected = ops.unstack(ops.cast(self.counts, "float32"), 3)
        return self.compute(right, given, expected)

    def compute(self, right, given, expected):
        """Computes the metric.

        Shapes:
            right, given, expected `[C]` -> a number.
        """
        raise NotImplementedError

    def get_config(self):
        return {**super().get_config(), "num_classes": self.num_classes}


@keras.saving.register_keras_serializable(package="kerasbert")
class MacroF1(ClassMetric):
    """Macro-averaged F1 over the classes that occur, as in scikit-learn."""

    def compute(self, right, given, expected):
        return _mean_where(_f1(right, given, expected), given + expected > 0)


@keras.saving.register_keras_serializable(package="kerasbert")
class ClassF1(ClassMetric):
    """F1 of one class.

    Args:
        num_classes: The number of classes.
        index: The class.
        name: Name of the metric.
        dtype: Its dtype.
    """

    def __init__(self, num_classes, index, name=None, dtype=None):
        super().__init__(num_classes, name, dtype)
        self.index = index

    def compute(self, right, given, expected):
        return _f1(right, given, expected)[self.index]

    def get_config(self):
        return {**super().get_config(), "index": self.index}


@keras.saving.register_keras_serializable(package="kerasbert")
class BalancedAccuracy(ClassMetric):
    """Mean recall over the classes that occur."""

    def compute(self, right, given, expected):
        recall = right / ops.maximum(expected, 1e-12)
        return _mean_where(recall, expected > 0)


@keras.saving.register_keras_serializable(package="kerasbert")
class Matthews(ClassMetric):
    """Multi-class Matthews correlation coefficient.

    Reference:
        [Gorodkin, 2004](https://doi.org/10.1016/j.compbiolchem.2004.09.006).
    """

    def compute(self, right, given, expected):
        count = ops.maximum(ops.sum(expected), 1e-12)
        given, expected = given / count, expected / count
        spread = (1 - ops.sum(given**2)) * (1 - ops.sum(expected**2))
        together = ops.sum(right) / count - ops.sum(given * expected)
        found = together / ops.sqrt(ops.maximum(spread, 1e-12))
        return ops.where(spread > 1e-12, found, 0.0)


def _f1(right, given, expected):
    return 2 * right / ops.maximum(given + expected, 1e-12)


def _mean_where(values, chosen):
    chosen = ops.cast(chosen, "float32")
    return ops.sum(values * chosen) / ops.maximum(ops.sum(chosen), 1.0)


@keras.saving.register_keras_serializable(package="kerasbert")
class OfScores(keras.metrics.Metric):
    """Adapts a Keras metric of probabilities and one-hot rows to a classifier.

    Args:
        metric: The metric.
        num_classes: The number of classes.
        multi_label: Whether targets are rows of 0 and 1 anyway.
        sparse: Whether it takes the indices of classes.
        scores: Whether it takes scores; else it takes logits.
    """

    def __init__(self, metric, num_classes, multi_label, sparse, scores):
        super().__init__(name=metric.name)
        self.metric = metric
        self.num_classes = num_classes
        self.multi_label = multi_label
        self.sparse = sparse
        self.scores = scores

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        if self.sparse:
            y_true = class_indices(y_true, y_pred)
        elif not self.multi_label:
            y_true = one_hot_rows(y_true, y_pred, self.num_classes)
        if self.scores:
            y_pred = ops.sigmoid(y_pred) if self.multi_label else ops.softmax(y_pred)
        self.metric.update_state(y_true, y_pred, sample_weight)

    def result(self):
        return self.metric.result()

    def reset_state(self):
        self.metric.reset_state()

    def get_config(self):
        return {
            "metric": keras.saving.serialize_keras_object(self.metric),
            "num_classes": self.num_classes,
            "multi_label": self.multi_label,
            "sparse": self.sparse,
            "scores": self.scores,
        }

    @classmethod
    def from_config(cls, config):
        metric = keras.saving.deserialize_keras_object(config["metric"])
        return cls(**{**config, "metric": metric})


def default_metrics(task):
    """Returns the default metrics of a text classifier."""
    return [make() for make in _named(task).values()]


def _named(task):
    """Maps names to constructors of a classifier's metrics."""
    if task.multi_label:
        limit = task.threshold
        return {
            "accuracy": lambda: LabelAccuracy("accuracy", threshold=limit),
            "f1": lambda: LabelF1("micro", threshold=limit, name="f1"),
            "f1_macro": lambda: LabelF1("macro", threshold=limit, name="f1_macro"),
        }
    count = len(task.labels)
    metrics = {
        "accuracy": lambda: ClassAccuracy("accuracy"),
        "f1": lambda: MacroF1(count, "f1"),
        "f1_micro": lambda: ClassAccuracy("f1_micro"),
        "matthews": lambda: Matthews(count, "matthews"),
        "balanced_accuracy": lambda: BalancedAccuracy(count, "balanced_accuracy"),
    }
    if count <= MOST_CLASSES:
        for index, label in enumerate(task.labels):
            name = f"f1_{label}"
            if name not in metrics:
                metrics[name] = lambda index=index, name=name: ClassF1(
                    count, index, name
                )
    return metrics


def checked_metrics(metrics, task):
    """Returns metrics that fit a text classifier."""
    if metrics is None:
        return None
    if isinstance(metrics, dict) and set(metrics) == {"logits"}:
        metrics = metrics["logits"]
    if isinstance(metrics, dict):
        raise ValueError(
            f"Expected metrics of the output 'logits', got {quoted(list(metrics))}."
        )
    metrics = metrics if isinstance(metrics, list | tuple) else [metrics]
    return [_checked(metric, task) for metric in metrics]


def _checked(metric, task):
    named = _named(task)
    metric = {"acc": "accuracy"}.get(metric, metric) if _is_name(metric) else metric
    if _is_name(metric) and metric in named:
        return named[metric]()
    if _is_name(metric):
        try:
            metric = keras.metrics.get(metric)
        except ValueError:
            raise ValueError(
                f"Expected a metric of Keras, or one of {', '.join(named)}, got "
                f"{quoted(metric)}."
            ) from None
    if isinstance(metric, type) and issubclass(metric, keras.metrics.Metric):
        metric = metric()
    if not is_of_keras(metric, keras.metrics.Metric):
        return metric
    name = type(metric).__name__
    sparse = name.startswith("Sparse")
    if "IoU" in name or (sparse and task.multi_label):
        what = "several labels" if task.multi_label else "classes"
        raise ValueError(
            f"Expected a metric of {what}, got {name}. There are {', '.join(named)}."
        )
    if getattr(metric, "average", "") is None and hasattr(metric, "beta"):
        raise ValueError(
            f"Expected a metric that is one number, got {name} with average=None. The "
            f"F1 of each class is in report(), and {', '.join(named)} are metrics."
        )
    config = metric.get_config()
    scores = config.get("from_logits") is not True
    return OfScores(metric, len(task.labels), task.multi_label, sparse, scores)


def _is_name(metric):
    return isinstance(metric, str)
