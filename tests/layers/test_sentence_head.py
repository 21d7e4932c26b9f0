"""Poolings and activations as torch and sentence-transformers compute them."""

import pathlib

import keras
import numpy as np
import pytest

from kerasbert.checkpoints.sentence_keys import ACTIVATIONS, POOLINGS
from kerasbert.layers import SentenceHead
from kerasbert.layers.activations import DENSE_ACTIVATIONS

FILE = pathlib.Path(__file__).parents[1] / "fixtures" / "sentence_heads.npz"


@pytest.fixture(scope="module")
def made():
    return dict(np.load(FILE))


@pytest.mark.parametrize("prompt_length", [0, 2])
@pytest.mark.parametrize("mode", POOLINGS)
def test_a_pooling_is_that_of_sentence_transformers(made, mode, prompt_length):
    head = SentenceHead([POOLINGS[mode]], normalize=False, include_prompt=False)
    found = head(made["states"], made["mask"], prompt_length=prompt_length)
    found = keras.ops.convert_to_numpy(found)
    np.testing.assert_allclose(found, made[f"{mode} {prompt_length}"], atol=1e-6)


@pytest.mark.parametrize("mode", POOLINGS)
def test_a_prompt_is_pooled_where_it_is_part_of_a_text(made, mode):
    head = SentenceHead([POOLINGS[mode]], normalize=False)
    found = keras.ops.convert_to_numpy(head(made["states"], made["mask"]))
    np.testing.assert_allclose(found, made[f"{mode} 0"], atol=1e-6)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_is_that_of_torch(made, name):
    function = DENSE_ACTIVATIONS[ACTIVATIONS[name]]
    found = keras.ops.convert_to_numpy(function(keras.ops.array(made["inputs"])))
    np.testing.assert_allclose(found, made[name], rtol=1e-5, atol=2e-6)


def test_the_same_pooling_may_be_joined_twice(made):
    head = SentenceHead(["cls", "mean", "cls"], normalize=False)
    found = keras.ops.convert_to_numpy(head(made["states"], made["mask"]))
    np.testing.assert_array_equal(found[:, :5], found[:, 10:])


@pytest.mark.parametrize(
    "projection",
    [
        {"units": 3, "activation": "prelu"},
        {"activation": "tanh"},
        {"kind": "lstm"},
        {"units": 3, "of": "words"},
    ],
)
def test_a_layer_that_there_is_not_is_refused(projection):
    with pytest.raises(ValueError, match="Expected a projection"):
        SentenceHead(projections=[projection])
