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


def sparse_crossentropy(**options):
    """Cross-entropy of class numbers, from logits.

    Args:
        **options: Those of the Keras loss.
    """
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True, **options)
