"""Correlations, which say how well scores agree."""

import numpy as np


def pearson(first, second):
    """How close two lists of numbers are to a linear relation.

    Args:
        first: Numbers `[n]`.
        second: As many.

    Returns:
        From -1 to 1; 0 where one list is all the same number, which agrees with none.

    Raises:
        ValueError: If they are not as many, or fewer than two.

    Example:
        >>> round(pearson([1, 2, 3], [2, 4, 9]), 4)
        0.9707
    """
    first, second = _numbers(first, second)
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    first, second = first - first.mean(), second - second.mean()
    value = first @ second / np.sqrt((first @ first) * (second @ second))
    return float(np.clip(value, -1, 1))


def spearman(first, second):
    """How well two lists of numbers agree in their order.

    Args:
        first: Numbers `[n]`.
        second: As many.

    Returns:
        Pearson's correlation of the ranks, from -1 to 1; equal numbers share the mean
        of their ranks.

    Raises:
        ValueError: If they are not as many, or fewer than two.

    Example:
        >>> spearman([1, 2, 3], [2, 4, 9])
        1.0
    """
    return pearson(*map(ranks, _numbers(first, second)))


def ranks(values):
    """The ranks of numbers, from 1; equal numbers share the mean of theirs.

    Args:
        values: Numbers `[n]`.

    Returns:
        float64 array `[n]`.

    Example:
        >>> ranks([30, 10, 30, 20]).tolist()
        [3.5, 1.0, 3.5, 2.0]
    """
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)  # the last rank of each number
    return (last - (counts - 1) / 2)[places.ravel()]


def _numbers(first, second):
    first, second = (np.asarray(values, "float64") for values in (first, second))
    if first.shape != second.shape or first.ndim != 1 or len(first) < 2:
        raise ValueError(
            "Expected two lists of numbers, as many in each and two at least, got the "
            f"shapes {first.shape} and {second.shape}."
        )
    return first, second
