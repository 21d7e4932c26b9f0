import keras
import numpy as np
import pytest

from kerasbert.layers import ClassificationHead, MaskedLMHead, SpanHead
from tests import reference
from tests.harness import BATCH, V, numpy, randomise

STATES = BATCH["hidden_states"]


def masked_lm_head(**kwargs):
    embedding = keras.layers.Embedding(V, 4, name="table")
    head = MaskedLMHead(embedding, name="head", **kwargs)
    head.build(STATES.shape)
    return randomise(head)


@pytest.mark.parametrize("activation", ["gelu", "gelu_tanh"])
def test_masked_lm_head_is_the_reference(activation):
    head = masked_lm_head(activation=activation)
    weights = reference.under(reference.weights_of(head), "head")
    table = numpy(head.token_embedding.embeddings).astype("float64")
    expected = reference.masked_lm(
        STATES, weights, table, getattr(reference, activation)
    )
    np.testing.assert_allclose(numpy(head(STATES)), expected, rtol=1e-5, atol=5e-6)


def test_masked_lm_head_is_tied_to_the_embedding():
    head = masked_lm_head()
    before = numpy(head(STATES))
    table = numpy(head.token_embedding.embeddings)
    table[5] = 0.0
    head.token_embedding.embeddings.assign(table)
    after = numpy(head(STATES))
    np.testing.assert_allclose(after[..., 5], numpy(head.bias)[5], atol=1e-6)
    others = np.arange(V) != 5
    np.testing.assert_array_equal(after[..., others], before[..., others])


def test_classification_head_of_small_integers():
    head = ClassificationHead(2)
    head.build((None, 3))
    head.set_weights([np.array([[1, 0], [0, 1], [2, 2]]), np.array([10, 20])])
    assert numpy(head(np.array([[1.0, 2.0, 3.0]]))).tolist() == [[17.0, 28.0]]


def test_span_head_gives_start_and_end():
    head = SpanHead()
    head.build((None, None, 2))
    head.set_weights([np.array([[1, 0], [0, -1]]), np.array([0, 5])])
    start, end = numpy(head(np.array([[[1.0, 2.0], [3.0, 4.0]]], "float32")))
    assert start.tolist() == [[1.0, 3.0]]
    assert end.tolist() == [[3.0, 1.0]]


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_logits_are_float32_under_every_policy(dtype):
    table = keras.layers.Embedding(V, 4, dtype=dtype)
    for head in (
        ClassificationHead(3, dtype=dtype),
        SpanHead(dtype=dtype),
        MaskedLMHead(table, dtype=dtype),
    ):
        assert {x.dtype.name for x in keras.tree.flatten(numpy(head(STATES)))} == {
            "float32"
        }


def test_dropout_before_the_classifier_is_active_in_training_alone():
    head = ClassificationHead(1, dropout=0.25)
    states = np.ones((2000, 1), "float32")
    head.build(states.shape)
    head.dense.kernel.assign([[1.0]])
    out = numpy(head(states, training=True))
    assert (out == 0).mean() == pytest.approx(0.25, abs=0.04)
    np.testing.assert_allclose(out[out != 0], 4 / 3, rtol=1e-6)
    np.testing.assert_array_equal(numpy(head(states)), states)
