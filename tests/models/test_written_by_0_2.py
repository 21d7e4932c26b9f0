"""What kerasbert 0.2 wrote, and 0.1 could not, loads, and answers as it did there."""

import pathlib

import numpy as np
import pytest

import kerasbert

pytest.importorskip("tensorflow")

FOLDER = pathlib.Path(__file__).parents[1] / "fixtures" / "written_by_0_2"
TEXTS = ["a dog", "a cat", "the dog sees the cat"]


@pytest.fixture(scope="module")
def answers():
    with np.load(FOLDER / "answers.npz") as arrays:
        return dict(arrays)


def test_a_translator_loads(answers):
    found = kerasbert.load(FOLDER / "translator").predict(TEXTS)
    assert [answer["translation"] for answer in found] == list(answers["translations"])
    scores = [answer["score"] for answer in found]
    np.testing.assert_allclose(scores, answers["translator"], atol=3e-6)


def test_an_image_classifier_loads(answers):
    task = kerasbert.load(FOLDER / "image_classifier")
    found = task.predict(list(answers["pixels"]))
    dark = [answer["scores"]["dark"] for answer in found]
    np.testing.assert_allclose(dark, answers["image_classifier"], atol=3e-6)


def test_an_embedder_with_packed_weights_loads(answers):
    vectors = kerasbert.load(FOLDER / "packed_embedder").encode(TEXTS)
    np.testing.assert_allclose(vectors, answers["packed_embedder"], atol=3e-6)
