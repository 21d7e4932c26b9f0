"""Metrics of pretraining."""

import keras
from keras import ops

from kerasbert.training.features import IGNORED


@keras.saving.register_keras_serializable(package="kerasbert")
class MaskedAccuracy(keras.metrics.Mean):
    """Which part of the masked tokens has the largest logit.

    Args:
        name: Name of the metric.
        dtype: Its dtype.

    Example:
        >>> metric = MaskedAccuracy()
        >>> metric.update_state([[1, 0, -1]], [[[0.0, 1.0]] * 3])
        >>> float(metric.result())
        0.5
    """

    def __init__(self, name="accuracy", dtype=None):
        super().__init__(name=name, dtype=dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true = ops.cast(y_true, "int32")  # [B, P]
        counted = ops.cast(ops.not_equal(y_true, IGNORED), "float32")
        if sample_weight is not None:
            counted *= ops.reshape(ops.cast(sample_weight, "float32"), (-1, 1))
        best = ops.cast(ops.argmax(y_pred, axis=-1), "int32")  # [B, P]
        super().update_state(ops.cast(ops.equal(best, y_true), "float32"), counted)
