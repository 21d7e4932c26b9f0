"""What logits say, and what is lost by them."""

import keras
import numpy as np


def softmax(logits, axis=-1):
    """Probabilities of logits, in numpy.

    Args:
        logits: An array.
        axis: The axis of the classes.
    """
    exponents = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return exponents / exponents.sum(axis=axis, keepdims=True)


def sigmoid(logits):
    """Sigmoids of logits, in numpy.

    Args:
        logits: An array.
    """
    return np.exp(-np.logaddexp(0, -logits))  # no overflow


def scores_of(logits, activation):
    """Scores of logits.

    Args:
        logits: An array `[..., C]`.
        activation: `"softmax"`, `"sigmoid"` or `"linear"`.
    """
    if activation == "linear":
        return logits
    return softmax(logits) if activation == "softmax" else sigmoid(logits)


def sparse_crossentropy(**options):
    """Cross-entropy of class numbers, from logits.

    Args:
        **options: Those of the Keras loss.
    """
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True, **options)
