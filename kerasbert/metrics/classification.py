"""Classification metrics, equal to scikit-learn's.

Macro F1 averages over the classes that occur in labels or predictions, as in
scikit-learn.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np


def confusion_matrix(
    expected: Sequence[int] | np.ndarray,
    predicted: Sequence[int] | np.ndarray,
    num_classes: int,
) -> np.ndarray:
    """Computes a confusion matrix.

    Args:
        expected: True classes, int `[n]`.
        predicted: Predicted classes, int `[n]`.
        num_classes: Number of classes.

    Returns:
        int64 array `[C, C]`: a row per true class, a column per predicted class.

    Example:
        >>> confusion_matrix([0, 0, 1], [0, 1, 1], 2).tolist()
        [[1, 1], [0, 1]]
    """
    expected = np.asarray(expected, "int64")
    predicted = np.asarray(predicted, "int64")
    flat = np.bincount(expected * num_classes + predicted, minlength=num_classes**2)
    return flat.reshape(num_classes, num_classes)


def class_report(
    expected: Sequence[int] | np.ndarray,
    predicted: Sequence[int] | np.ndarray,
    labels: Sequence[str],
) -> dict[str, Any]:
    """Computes the metrics of single-label classification.

    Args:
        expected: True classes, int `[n]`.
        predicted: Predicted classes, int `[n]`.
        labels: Names of the classes.

    Returns:
        `accuracy`, `f1` (macro-averaged over the classes that occur), `f1_micro`,
        `matthews` (the Matthews correlation coefficient for any number of classes) and
        `balanced_accuracy` (mean recall over the true classes); `classes`, which maps
        labels to `precision`, `recall`, `f1` and `support`, 0 where undefined;
        `confusion_matrix`, as lists; `labels`.

    Example:
        >>> report = class_report([0, 0, 1], [0, 1, 1], ["no", "yes"])
        >>> round(report["f1"], 4), report["classes"]["yes"]["recall"]
        (0.6667, 1.0)
    """
    matrix = confusion_matrix(expected, predicted, len(labels))
    right, wanted, given = matrix.trace(), matrix.sum(axis=1), matrix.sum(axis=0)
    classes = _classes(matrix.diagonal(), given, wanted, labels)
    occurs = wanted + given > 0
    f1 = np.array([scores["f1"] for scores in classes.values()])
    recall = np.array([scores["recall"] for scores in classes.values()])
    count = matrix.sum()
    accuracy = float(right / max(1, count))
    return {
        "accuracy": accuracy,
        "f1": _mean(f1[occurs]),
        "f1_micro": accuracy,
        "matthews": _matthews(int(right), wanted, given),
        "balanced_accuracy": _mean(recall[wanted > 0]),
        "classes": classes,
        "confusion_matrix": matrix.tolist(),
        "labels": list(labels),
    }


def label_report(
    expected: Sequence | np.ndarray,
    predicted: Sequence | np.ndarray,
    labels: Sequence[str],
) -> dict[str, Any]:
    """Computes the metrics of multi-label classification.

    Args:
        expected: True labels, bool `[n, C]`.
        predicted: Predicted labels, bool `[n, C]`.
        labels: Names of the labels.

    Returns:
        `accuracy` (over all labels of all examples), `f1` (micro-averaged) and
        `f1_macro` (over all labels); `classes` and `labels`, see `class_report`.

    Example:
        >>> report = label_report(np.eye(2) > 0, np.ones((2, 2)) > 0, ["old", "big"])
        >>> round(report["f1"], 4), report["classes"]["old"]["precision"]
        (0.6667, 0.5)
    """
    expected, predicted = np.asarray(expected, bool), np.asarray(predicted, bool)
    right = (expected & predicted).sum(axis=0)
    given, wanted = predicted.sum(axis=0), expected.sum(axis=0)
    classes = _classes(right, given, wanted, labels)
    return {
        "accuracy": float((expected == predicted).mean()) if expected.size else 0.0,
        "f1": float(2 * right.sum() / max(1, given.sum() + wanted.sum())),
        "f1_macro": _mean(np.array([scores["f1"] for scores in classes.values()])),
        "classes": classes,
        "labels": list(labels),
    }


def _classes(right, given, wanted, labels):
    names = ("precision", "recall", "f1", "support")
    values = zip(
        right / np.maximum(1, given),
        right / np.maximum(1, wanted),
        2 * right / np.maximum(1, given + wanted),
        wanted,
        strict=True,
    )
    return {
        label: dict(zip(names, [*map(float, scores[:3]), int(scores[3])], strict=True))
        for label, scores in zip(labels, values, strict=True)
    }


def _mean(values):
    return float(values.mean()) if len(values) else 0.0


def _matthews(right, wanted, given):
    """Computes the multi-class Matthews correlation coefficient.

    Reference:
        [Gorodkin, 2004](https://doi.org/10.1016/j.compbiolchem.2004.09.006).
    """
    count = int(wanted.sum())
    if not count:
        return 0.0
    wanted, given = wanted / count, given / count
    spread = (1 - (wanted**2).sum()) * (1 - (given**2).sum())
    if spread <= 0:
        return 0.0
    return float((right / count - (wanted * given).sum()) / spread**0.5)
