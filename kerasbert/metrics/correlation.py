"""Correlation coefficients."""

from collections.abc import Sequence

import numpy as np


def pearson(
    first: Sequence[float] | np.ndarray, second: Sequence[float] | np.ndarray
) -> float:
    """Computes Pearson's correlation coefficient.

    Args:
        first: Numbers `[n]`.
        second: Numbers `[n]`.

    Returns:
        A float from -1 to 1; 0 if one list is constant.

    Raises:
        ValueError: If the lengths differ or are below 2.

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


def spearman(
    first: Sequence[float] | np.ndarray, second: Sequence[float] | np.ndarray
) -> float:
    """Computes Spearman's rank correlation coefficient; ties share their mean rank.

    Args:
        first: Numbers `[n]`.
        second: Numbers `[n]`.

    Returns:
        A float from -1 to 1; 0 if one list is constant.

    Raises:
        ValueError: If the lengths differ or are below 2.

    Example:
        >>> spearman([1, 2, 3], [2, 4, 9])
        1.0
    """
    return pearson(*map(ranks, _numbers(first, second)))


def ranks(values):
    """Returns the ranks of numbers from 1, float64 `[n]`; ties share their mean rank.

    Example:
        >>> ranks([30, 10, 30, 20]).tolist()
        [3.5, 1.0, 3.5, 2.0]
    """
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)  # the last rank of each number
    return (last - (counts - 1) / 2)[inverse.ravel()]


def _numbers(first, second):
    first, second = (np.asarray(values, "float64") for values in (first, second))
    if first.shape != second.shape or first.ndim != 1 or len(first) < 2:
        raise ValueError(
            "Expected two lists of equal length, at least 2, got shapes "
            f"{first.shape} and {second.shape}."
        )
    return first, second
