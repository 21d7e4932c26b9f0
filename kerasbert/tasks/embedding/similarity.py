"""Similarity functions of sentence-transformers."""

import numpy as np

from kerasbert.account import quoted

ROWS = 64  # whose distances are computed at once


def _cosine(first, second):
    return _unit(first) @ _unit(second).T


def _dot(first, second):
    return first @ second.T


def _euclidean(first, second):
    # In float64: near vectors differ by less than the squares' last digits.
    first, second = first.astype("float64"), second.astype("float64")
    squares = (first**2).sum(1)[:, None] + (second**2).sum(1) - 2 * first @ second.T
    return -np.sqrt(np.maximum(squares, 0.0))


def _manhattan(first, second):
    found = np.empty((len(first), len(second)), "float32")
    for number, vector in enumerate(first):
        for start in range(0, len(second), ROWS):
            part = second[start : start + ROWS]
            found[number, start : start + ROWS] = -np.abs(part - vector).sum(1)
    return found


# Of vectors [n, D] and [m, D]: [n, m], the greater the nearer.
SIMILARITIES = {
    "cosine": _cosine,
    "dot": _dot,
    "euclidean": _euclidean,
    "manhattan": _manhattan,
}
# Of vectors [n, D] and [n, D]: [n].
PAIRWISE = {
    "cosine": lambda first, second: (_unit(first) * _unit(second)).sum(1),
    "dot": lambda first, second: (first * second).sum(1),
    "euclidean": lambda first, second: -np.linalg.norm(first - second, axis=1),
    "manhattan": lambda first, second: -np.abs(first - second).sum(1),
}


def similarity(first, second, name="cosine"):
    """Computes the similarity of all pairs of vectors.

    Example:
        >>> similarity([[3.0, 4.0]], [[0.0, 0.0], [3.0, 3.0]], "euclidean").tolist()
        [[-5.0, -1.0]]
    """
    first, second = vectors_of(first), vectors_of(second)
    check_similarity(name)
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            f"Expected vectors of one size, got {first.shape} and {second.shape}."
        )
    return SIMILARITIES[name](first, second).astype("float32")


def pairwise_similarity(first, second, name="cosine"):
    """Computes the similarity of vectors at equal positions."""
    first, second = vectors_of(first), vectors_of(second)
    check_similarity(name)
    if first.shape != second.shape:
        raise ValueError(
            "Expected as many vectors, of one size, on both sides, got "
            f"{first.shape} and {second.shape}."
        )
    return PAIRWISE[name](first, second).astype("float32")


def check_similarity(name):
    """Raises a `ValueError` if a similarity function is unknown."""
    if name not in SIMILARITIES:
        raise ValueError(
            f"Expected a similarity among {', '.join(SIMILARITIES)}, got "
            f"{quoted(name)}."
        )


def vectors_of(values):
    """Converts vectors to a float32 array `[n, D]`."""
    values = np.asarray(values, "float32")
    values = values[None] if values.ndim == 1 else values
    if values.ndim != 2:
        raise ValueError(
            f"Expected vectors [n, D], got an array of the shape {values.shape}."
        )
    return values


def _unit(vectors):
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
