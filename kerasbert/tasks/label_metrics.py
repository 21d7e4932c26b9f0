"""Metrics of texts that may have several labels, from logits."""

import keras
from keras import ops


class OfLogits:
    """A metric of Keras that takes probabilities, of logits."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(y_true, ops.sigmoid(y_pred), sample_weight)


class LabelAccuracy(OfLogits, keras.metrics.BinaryAccuracy):
    """How often a label is rightly given or left out, of all labels of all texts.

    Args:
        name: Name of the metric.
        dtype: Its dtype.
        threshold: The least probability of a label that is given.
    """


class LabelF1(OfLogits, keras.metrics.F1Score):
    """The harmonic mean of precision and recall of labels.

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
