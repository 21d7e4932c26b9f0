import numpy as np
import pytest

from kerasbert.tasks.embedding import search, semantic_search

RANDOM = np.random.default_rng(0)
CORPUS = RANDOM.normal(size=(50, 6)).astype("float32")
QUERIES = RANDOM.normal(size=(7, 6)).astype("float32")


def cosines():
    corpus, queries = CORPUS.astype("float64"), QUERIES.astype("float64")
    norms = np.linalg.norm(queries, axis=1)[:, None] * np.linalg.norm(corpus, axis=1)
    return queries @ corpus.T / norms


@pytest.mark.parametrize("top_k", [1, 3, 49, 50, 80])
@pytest.mark.parametrize("chunk, queries", [(65536, 256), (8, 3), (1, 1)])
def test_the_nearest_are_found_whatever_the_chunks(monkeypatch, chunk, queries, top_k):
    monkeypatch.setattr(search, "CHUNK", chunk)
    monkeypatch.setattr(search, "QUERIES", queries)
    expected = np.argsort(-cosines(), axis=1)[:, :top_k]
    numbers, found = semantic_search(QUERIES, CORPUS, top_k)
    np.testing.assert_array_equal(numbers, expected)
    best = np.take_along_axis(cosines(), expected, axis=1)
    np.testing.assert_allclose(found, best, atol=1e-6)


def test_of_equal_vectors_the_first_are_taken(monkeypatch):
    corpus = np.array([[0, 1], [1, 0], [2, 0], [0, 0], [3, 0], [4, 0]], "float32")
    for chunk in (100, 2):
        monkeypatch.setattr(search, "CHUNK", chunk)
        numbers, found = semantic_search([[1.0, 0.0]], corpus, 3)
        assert numbers.tolist() == [[1, 2, 4]] and found.tolist() == [[1, 1, 1]]


def test_nothing_finds_nothing():
    for queries, corpus, shape in (
        (QUERIES[:0], CORPUS, (0, 10)),
        (QUERIES, CORPUS[:0], (7, 0)),
    ):
        numbers, found = semantic_search(queries, corpus)
        assert numbers.shape == found.shape == shape


@pytest.mark.parametrize(
    "queries, corpus, top_k",
    [(QUERIES[:, :3], CORPUS, 1), (QUERIES, CORPUS, 0), (QUERIES[0], CORPUS, 1)],
)
def test_other_shapes_are_refused(queries, corpus, top_k):
    with pytest.raises(ValueError, match="Expected vectors"):
        semantic_search(queries, corpus, top_k)
