"""What logits say, and what is lost by them."""

import keras
import numpy as np


def softmax(logits, axis=-1):
    """Probabilities of logits, in numpy."""
    exponents = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return exponents / exponents.sum(axis=axis, keepdims=True)


def sigmoid(logits):
    """Sigmoids of logits, in numpy."""
    return np.exp(-np.logaddexp(0, -logits))  # no overflow


def scores_of(logits, activation):
    """Scores of logits."""
    if activation == "linear":
        return logits
    return softmax(logits) if activation == "softmax" else sigmoid(logits)


def sparse_crossentropy(**options):
    """Cross-entropy of class numbers, from logits."""
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True, **options)
