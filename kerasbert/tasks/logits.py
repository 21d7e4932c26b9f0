"""Conversion of logits to scores and losses, in NumPy."""

import keras
import numpy as np


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
