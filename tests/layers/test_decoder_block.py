import numpy as np

from kerasbert.layers import DecoderBlock, padding_bias
from tests import reference
from tests.harness import BATCH, S, numpy, randomise

STATES, ENCODED, MASK = (
    BATCH[name][:3] for name in ("hidden_states", "encoder_states", "padding_mask")
)


def made(shape=ENCODED.shape):
    block = DecoderBlock(num_heads=2, intermediate_size=16, name="block")
    block.build(STATES.shape, shape)
    return randomise(block)


def test_block_is_the_reference():
    block = made()
    out = numpy(block(STATES, ENCODED, encoder_bias=padding_bias(MASK)))
    weights = reference.under(reference.weights_of(block), "block")
    everything = np.ones((len(STATES), S, S), bool)
    visible = MASK.astype(bool)[:, None].repeat(S, 1)
    expected = reference.decoder_block(
        STATES, everything, ENCODED, visible, weights, heads=2
    )
    np.testing.assert_allclose(out, expected, rtol=1e-5, atol=5e-6)


def test_a_later_token_changes_nothing_before_it():
    block = made()
    changed = STATES.copy()
    changed[:, 4] += 3.0
    before, after = numpy(block(STATES, ENCODED)), numpy(block(changed, ENCODED))
    np.testing.assert_array_equal(before[:, :4], after[:, :4])
    assert (np.abs(before[:, 4:] - after[:, 4:]).max(-1) > 1e-3).all()


def test_decoding_with_a_cache_is_the_whole_pass():
    block = made()
    bias = padding_bias(MASK)
    whole = numpy(block(STATES, ENCODED, encoder_bias=bias))
    cache, parts = block.attention.empty_cache(len(STATES), S), []
    for position in range(S):
        new = STATES[:, position : position + 1]
        out, cache = block.call_with_cache(new, cache, position, ENCODED, bias)
        parts.append(numpy(out))
    np.testing.assert_allclose(np.concatenate(parts, 1), whole, rtol=1e-5, atol=2e-6)


def test_the_probabilities_are_those_that_it_computes_with():
    block, bias = made(), padding_bias(MASK)
    out, probs = block.call_with_probs(STATES, ENCODED, bias)
    np.testing.assert_array_equal(
        numpy(out), numpy(block(STATES, ENCODED, encoder_bias=bias))
    )
    np.testing.assert_allclose(numpy(probs).sum(-1), 1.0, rtol=1e-5)
    masked = MASK[:, None, None, :] * np.ones_like(probs) == 0
    assert (numpy(probs)[masked] == 0).all()


def test_without_an_encoder_there_are_no_weights_for_one():
    block = made(None)
    assert not any("cross" in variable.path for variable in block.variables)
    assert block(STATES).shape == STATES.shape
