"""How BERT's weights begin."""

import keras


def truncated_normal(initializer_range):
    """BERT's initialiser: a normal distribution, cut off at two deviations.

    Args:
        initializer_range: The standard deviation before the cut.
    """
    return keras.initializers.TruncatedNormal(stddev=initializer_range)
