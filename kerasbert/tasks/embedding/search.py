"""Exact nearest-neighbor search."""

from typing import Any

import numpy as np

from kerasbert.tasks.embedding.similarity import check_similarity, similarity

CHUNK = 65536  # vectors of the corpus that are compared at once
QUERIES = 256  # queries that are compared at once


def semantic_search(
    queries: Any, corpus: Any, top_k: int = 10, similarity_fn_name: str = "cosine"
) -> Any:
    """Finds the vectors of a corpus that are most similar to each query.

    All of them are compared, in chunks, so that memory does not grow with the corpus.

    Args:
        queries: Vectors `[n, D]`.
        corpus: Vectors `[m, D]`; a `numpy.memmap` will do.
        top_k: How many are found for a query; m, where there are fewer.
        similarity_fn_name: `"cosine"`, `"dot"`, `"euclidean"` or `"manhattan"`, such as
            `embedder.similarity_fn_name`.

    Returns:
        Their numbers, int64 `[n, K]`, the nearest first, of equal ones that with the
        lower number; and how alike they are, float32 `[n, K]`.

    Raises:
        ValueError: If the vectors are not of one size, `top_k` is not positive, or
            there is no such similarity.

    Example:
        >>> numbers, cosines = semantic_search([[1, 1]], [[0, 2], [3, 3], [1, 0]], 2)
        >>> numbers.tolist(), cosines.round(3).tolist()
        ([[1, 0]], [[1.0, 0.7070000171661377]])
    """
    queries, corpus = (_as_vectors(values) for values in (queries, corpus))
    if queries.shape[1] != corpus.shape[1] or top_k < 1:
        raise ValueError(
            "Expected vectors of one size, and top_k of 1 or more, got vectors "
            f"{queries.shape} and {corpus.shape}, and top_k={top_k}."
        )
    check_similarity(similarity_fn_name)
    found = [
        _search(queries[start : start + QUERIES], corpus, top_k, similarity_fn_name)
        for start in range(0, len(queries), QUERIES)
    ]
    if not found:
        shape = (0, min(top_k, len(corpus)))
        return np.empty(shape, "int64"), np.empty(shape, "float32")
    numbers, scores = zip(*found, strict=True)
    return np.concatenate(numbers), np.concatenate(scores)


def _search(queries, corpus, top_k, name):
    numbers = np.empty((len(queries), 0), "int64")
    scores = np.empty((len(queries), 0), "float32")
    for start in range(0, len(corpus), CHUNK):
        part = similarity(queries, corpus[start : start + CHUNK], name)  # [n, chunk]
        chosen = _highest(part, top_k)
        numbers = np.concatenate([numbers, start + chosen], axis=1)
        scores = np.concatenate(
            [scores, np.take_along_axis(part, chosen, axis=1)], axis=1
        )
        best = _highest(scores, top_k)
        numbers, scores = (
            np.take_along_axis(table, best, axis=1) for table in (numbers, scores)
        )
    return numbers, scores


def _highest(table, count):
    """Returns the indices of the highest values of each row, descending."""
    count = min(count, table.shape[1])
    if count == table.shape[1]:
        return np.argsort(-table, axis=1, kind="stable")
    # Of values that equal the last one that is chosen, the first are taken.
    edge = np.partition(table, -count, axis=1)[:, -count, None]
    places = np.empty((len(table), count), "int64")
    for row, values, least in zip(places, table, edge, strict=True):
        above = np.flatnonzero(values > least)
        equal = np.flatnonzero(values == least)[: count - len(above)]
        chosen = np.sort(np.concatenate([above, equal]))
        row[:] = chosen[np.argsort(-values[chosen], kind="stable")]
    return places


def _as_vectors(values):
    values = values if isinstance(values, np.ndarray) else np.asarray(values)
    if values.ndim != 2:
        raise ValueError(
            f"Expected vectors [n, D], got an array of the shape {values.shape}."
        )
    return values
