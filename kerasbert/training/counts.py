"""Validation of integer arguments."""

import numpy as np


def check_count(name, value, least=1):
    """Raises a `ValueError` if `value` is not an integer of at least `least`.

    Example:
        >>> check_count("top_k", 0)
        Traceback (most recent call last):
        ValueError: Expected top_k to be 1 or more, got 0.
    """
    if not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"Expected {name} to be {least} or more, got {value!r}.")
