"""Regression targets, and correlation with predictions."""

import keras
import numpy as np

from kerasbert.account import quoted
from kerasbert.metrics.correlation import pearson, spearman
from kerasbert.tasks.examples import refuse_first
from kerasbert.tasks.labels import checked_count

NAME_THE_RANGE = "Name the range, low and high, of the scores"


def checked_scores(targets, count, low=None, high=None, remedy=NAME_THE_RANGE):
    """Validates scores; returns an array.

    Example:
        >>> checked_scores([0, 2.5], count=2).tolist()
        [0.0, 2.5]
    """
    targets = checked_count(targets, count)
    scores = np.empty(count, "float32")
    for position, target in enumerate(targets):
        if np.ndim(target) == 1 and len(target) == 1:  # a column of a matrix
            [target] = target
        try:
            scores[position] = float(target)
        except (TypeError, ValueError):
            raise ValueError(
                f"Expected a number at position {position}, got {quoted(target, 80)}."
            ) from None
    wrong = ~np.isfinite(scores)
    wanted = "a finite score"
    if low is not None:
        wrong |= (scores < low) | (scores > high)
        wanted = f"a score from {low:g} to {high:g}"
    refuse_first(wrong, targets, wanted, f" {remedy}, or put the example right.")
    return scores


def agreement(found, expected):
    """Computes correlations between predicted and true scores."""
    if len(found) < 2:
        return {}
    return {
        "pearson": pearson(found, expected),
        "spearman": spearman(found, expected),
    }


def softmax(logits, axis=-1):
    """Softmax of logits."""
    exponents = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return exponents / exponents.sum(axis=axis, keepdims=True)


def sigmoid(logits):
    """Sigmoid of logits."""
    return np.exp(-np.logaddexp(0, -logits))  # no overflow


def scores_of(logits, activation):
    """Converts logits to scores."""
    if activation == "linear":
        return logits
    return softmax(logits) if activation == "softmax" else sigmoid(logits)


def sparse_crossentropy(**options):
    """Cross-entropy of class indices, from logits."""
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True, **options)
