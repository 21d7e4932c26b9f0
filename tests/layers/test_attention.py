import math

import numpy as np
import pytest
from keras import ops

from kerasbert.layers import (
    MultiHeadAttention,
    attention_probs,
    causal_bias,
    dot_product_attention,
    padding_bias,
)
from kerasbert.layers import fused_attention as fused
from tests import reference
from tests.harness import BATCH, numpy, randomise

STATES, MASK = BATCH["hidden_states"], BATCH["padding_mask"]
ROWS = MASK.any(1)
VISIBLE = MASK.astype(bool)[:, None].repeat(STATES.shape[1], 1)


def attention(num_heads=2, **kwargs):
    layer = MultiHeadAttention(num_heads, name="attention", **kwargs)
    layer.build(STATES.shape)
    return randomise(layer)


def weights_of(layer):
    return reference.under(reference.weights_of(layer), "attention")


def test_probabilities_of_small_integers():
    # H = 4, so scores are halved: (2, 0) -> e and 1 to their sum.
    query = np.array([[[[2, 0, 0, 0]]]], "float32")
    key = np.array([[[[1, 5, 5, 5], [0, 5, 5, 5]]]], "float32")
    probs = numpy(attention_probs(query, key))
    np.testing.assert_allclose(
        probs[0, 0, 0], [math.e / (math.e + 1), 1 / (math.e + 1)], rtol=1e-6
    )


def test_attention_of_small_integers():
    query = np.zeros((1, 1, 1, 4), "float32")  # attends to all keys alike
    key = np.ones((1, 1, 3, 4), "float32")
    value = np.array([[[[3], [6], [90]]]], "float32")
    mean = numpy(dot_product_attention(query, key, value))
    assert mean.item() == pytest.approx(33.0)
    bias = padding_bias(np.array([[1, 1, 0]]))
    mean = numpy(dot_product_attention(query, key, value, bias))
    assert mean.item() == pytest.approx(4.5)


def test_a_hidden_key_has_a_probability_of_exactly_zero():
    query = np.full((1, 1, 1, 4), 20.0, "float32")
    key = np.array([[[[1.0] * 4, [30.0] * 4]]], "float32")  # the hidden score: 1200
    probs = numpy(attention_probs(query, key, padding_bias(np.array([[1, 0]]))))
    assert probs[0, 0, 0].tolist() == [1.0, 0.0]


def test_softmax_of_half_precision_is_float32():
    query, key = (np.full((1, 1, 2, 4), 7.0, "float16") for _ in range(2))
    probs = attention_probs(ops.convert_to_tensor(query), ops.convert_to_tensor(key))
    assert numpy(probs).dtype == "float32"
    value = ops.convert_to_tensor(query)
    assert numpy(dot_product_attention(value, value, value)).dtype == "float16"


@pytest.mark.parametrize("num_heads", [1, 2, 8])
def test_self_attention_is_the_reference(num_heads):
    layer = attention(num_heads)
    bias = padding_bias(MASK)
    expected, probs = reference.attention(
        STATES[ROWS], STATES[ROWS], VISIBLE[ROWS], weights_of(layer), num_heads
    )
    out = numpy(layer(STATES, attention_bias=bias))[ROWS]
    np.testing.assert_allclose(out, expected, rtol=1e-5, atol=3e-6)
    out = numpy(layer.probs(STATES, attention_bias=bias))[ROWS]
    np.testing.assert_allclose(out, probs, rtol=1e-5, atol=1e-6)


def test_cross_attention_to_a_shorter_context_is_the_reference():
    layer = attention()
    context = BATCH["encoder_states"][:, :3]
    visible = np.ones((len(STATES), STATES.shape[1], 3), bool)
    expected, _ = reference.attention(STATES, context, visible, weights_of(layer), 2)
    np.testing.assert_allclose(
        numpy(layer(STATES, context)), expected, rtol=1e-5, atol=3e-6
    )


def test_causal_attention_is_the_reference():
    layer = attention()
    visible = np.tril(np.ones((STATES.shape[1],) * 2, bool))[None].repeat(len(MASK), 0)
    expected, _ = reference.attention(STATES, STATES, visible, weights_of(layer), 2)
    out = numpy(layer(STATES, attention_bias=causal_bias(STATES.shape[1])))
    np.testing.assert_allclose(out, expected, rtol=1e-5, atol=3e-6)


@pytest.mark.parametrize("steps", [[1] * 7, [4, 1, 2]])
def test_decoding_with_a_cache_is_the_whole_pass(steps):
    layer = attention()
    whole = numpy(layer(STATES, attention_bias=causal_bias(STATES.shape[1])))
    cache, position, parts = layer.empty_cache(len(STATES), 10), 0, []
    for step in steps:
        new = STATES[:, position : position + step]
        out, cache = layer.call_with_cache(new, cache, position)
        parts.append(numpy(out))
        position += step
    np.testing.assert_allclose(np.concatenate(parts, 1), whole, rtol=1e-5, atol=1e-6)


def test_cache_respects_padding_before_the_new_token():
    layer = attention()
    bias = padding_bias(np.array([[0, 1, 1, 1]]))
    first, rest = STATES[:1, :3], STATES[:1, 3:4]
    cache = layer.empty_cache(1, 4)
    _, cache = layer.call_with_cache(first, cache, 0, bias)
    out, _ = layer.call_with_cache(rest, cache, 3, bias)
    visible = np.array([[[False, True, True, True]]])
    expected, _ = reference.attention(
        rest, STATES[:1, :4], visible, weights_of(layer), 2
    )
    np.testing.assert_allclose(numpy(out), expected, rtol=1e-5, atol=3e-6)


def test_heads_that_do_not_divide_the_hidden_size_are_refused():
    with pytest.raises(ValueError, match="multiple of num_heads=3, got 8"):
        MultiHeadAttention(3).build((None, None, 8))


@pytest.mark.parametrize("dtype, tolerance", [("float32", 1e-6), ("bfloat16", 2e-2)])
def test_fused_attention_is_attention(dtype, tolerance):
    random = np.random.default_rng(0)
    heads = [
        ops.cast(random.normal(size=(2, 3, 6, 4)).astype("float32"), dtype)
        for _ in range(3)
    ]
    bias = padding_bias(np.array([[1] * 6, [1, 1, 1, 1, 0, 0]]))
    expected = numpy(ops.cast(dot_product_attention(*heads, bias), "float32"))
    found = numpy(ops.cast(fused.fused_attention(*heads, bias), "float32"))
    np.testing.assert_allclose(found, expected, 0, tolerance)


def test_fused_attention_is_for_half_precision_on_gpus_of_jax(monkeypatch):
    monkeypatch.setattr(fused, "_is_on_gpu", lambda: True)
    monkeypatch.setattr(fused.keras.backend, "backend", lambda: "jax")
    half = ops.zeros((1, 2, 6, 4), "bfloat16")
    shared, of_heads = ops.zeros((1, 1, 1, 6)), ops.zeros((1, 2, 6, 6))
    assert fused.has_fused_attention(half, half, shared)
    assert not fused.has_fused_attention(half, half, of_heads)
    assert not fused.has_fused_attention(half[:, :, :5], half, shared)
    assert not fused.has_fused_attention(ops.cast(half, "float32"), half)
    monkeypatch.setattr(fused, "_is_on_gpu", lambda: False)
    assert not fused.has_fused_attention(half, half, shared)
