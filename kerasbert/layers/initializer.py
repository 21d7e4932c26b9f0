"""Weight initialization of BERT."""

import keras


def truncated_normal(initializer_range):
    """Returns a normal initializer truncated at two standard deviations."""
    return keras.initializers.TruncatedNormal(stddev=initializer_range)
