"""The model that comes with the package."""

import json
import pathlib

import numpy as np
import pytest

import kerasbert
from kerasbert import shipped
from kerasbert.checkpoints import cache, hubs, sources
from kerasbert.cli import main
from kerasbert.compression.distiller import compare_vectors

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures"


@pytest.fixture(autouse=True)
def no_network_and_no_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASBERT_CACHE", str(tmp_path / "cache"))

    def refuse(*args):
        raise ConnectionError("no network in tests")

    for hub in (hubs.hugging_face, hubs.kaggle, hubs.tfhub, hubs.wheel):
        monkeypatch.setattr(hub, "fetch", refuse)


@pytest.fixture(scope="module")
def published():
    """Texts, and the vectors of all-MiniLM-L6-v2 by sentence-transformers."""
    with np.load(FIXTURES / "minilm_vectors.npz") as stored:
        return stored["texts"].tolist(), stored["vectors"]


@pytest.fixture(scope="module")
def embedder():
    return kerasbert.TextEmbedder.from_pretrained()


def test_its_vectors_are_near_those_of_minilm(embedder, published):
    texts, vectors = published
    report = compare_vectors(vectors, embedder.encode(texts), neighbours=3)
    assert report["cosine"] > 0.99
    assert report["worst_cosine"] > 0.97
    assert report["neighbours"] > 0.9


def test_it_takes_little_space():
    files = [file for file in shipped.model_folder().rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < 16 * 2**20
    assert not list((shipped.model_folder()).rglob("*.tflite"))


def test_litert_gives_the_same_vectors(embedder, published):
    pytest.importorskip("ai_edge_litert")
    texts, _ = published
    found = kerasbert.LiteRTEmbedder(shipped.model_folder()).encode(texts)
    np.testing.assert_allclose(found, embedder.encode(texts), 0, 1e-6)


@pytest.mark.parametrize("installed", [True, False])
def test_embed_takes_it_without_a_model(embedder, capsys, monkeypatch, installed):
    if installed:
        pytest.importorskip("ai_edge_litert")
    monkeypatch.setattr("kerasbert.litert.is_installed", lambda: installed)
    assert main(["embed", "hello world"]) == 0
    [line] = capsys.readouterr().out.splitlines()
    expected = embedder.encode(["hello world"])[0]
    np.testing.assert_allclose(json.loads(line)["embedding"], expected, 0, 1e-6)
    assert cache.names() == ()  # nothing was fetched


def test_it_is_a_source_like_any_other(embedder):
    assert sources.resolve("packed_minilm") == shipped.model_folder()
    assert sources.resolve("Packed-MiniLM") == shipped.model_folder()
    assert "packed_minilm" in sources.cached()
    assert kerasbert.load("packed_minilm").max_length == embedder.max_length == 256
    classifier = kerasbert.load_encoder("packed_minilm")
    assert classifier.config.num_hidden_layers == 6
    assert classifier.config.hidden_dropout_prob == 0.1


def test_its_card_tells_where_it_is_from():
    card = (shipped.model_folder() / "README.md").read_text("utf-8")
    for told in ("Apache", "all-MiniLM-L6-v2", "sentence-transformers", "seed"):
        assert told in card


def test_a_package_without_it_says_so(monkeypatch):
    with pytest.raises(FileNotFoundError, match="Install kerasbert again"):
        shipped.model_folder("other")
