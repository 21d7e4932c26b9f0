import keras
import numpy as np
import pytest

from kerasbert.layers import EncoderBlock, PreNormEncoderBlock, padding_bias
from kerasbert.layers.packing import packing_of
from tests import reference
from tests.harness import BATCH, LENGTHS, S, numpy, randomise

STATES, MASK = BATCH["hidden_states"], BATCH["padding_mask"]
TOKENS = MASK.astype(bool)
VISIBLE = TOKENS[:, None].repeat(S, 1)
REFERENCES = {
    EncoderBlock: reference.encoder_block,
    PreNormEncoderBlock: reference.pre_norm_encoder_block,
}
both_blocks = pytest.mark.parametrize("block_class", REFERENCES)


def made(block_class, **kwargs):
    block = block_class(num_heads=2, intermediate_size=16, name="block", **kwargs)
    block.build(STATES.shape)
    return randomise(block)


@both_blocks
@pytest.mark.parametrize("activation", ["gelu", "gelu_tanh"])
def test_block_is_the_reference(block_class, activation):
    block = made(block_class, activation=activation)
    weights = reference.under(reference.weights_of(block), "block")
    rows = LENGTHS > 0
    expected = REFERENCES[block_class](
        STATES[rows], VISIBLE[rows], weights, 2, getattr(reference, activation)
    )
    out = numpy(block(STATES, attention_bias=padding_bias(MASK)))[rows]
    np.testing.assert_allclose(out, expected, rtol=1e-5, atol=5e-6)


@both_blocks
def test_packed_tokens_come_out_as_in_rows(block_class):
    block = made(block_class)
    packing, _, mask = packing_of(LENGTHS, int(LENGTHS.sum()), S)
    np.testing.assert_array_equal(numpy(mask), MASK)
    packed = block(STATES[TOKENS], attention_bias=padding_bias(mask), packing=packing)
    padded = block(STATES, attention_bias=padding_bias(MASK))
    np.testing.assert_allclose(
        numpy(packed), numpy(padded)[TOKENS], rtol=1e-6, atol=1e-6
    )


@both_blocks
def test_the_first_token_alone_is_that_of_all(block_class):
    block = made(block_class)
    bias = padding_bias(MASK)
    first = numpy(block.first_token(STATES, bias))
    assert first.shape[1] == 1
    whole = numpy(block(STATES, attention_bias=bias))
    np.testing.assert_allclose(first, whole[:, :1], rtol=1e-6, atol=2e-6)


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_dropout_drops_at_its_rate_in_training_alone(rate):
    # Attention and feed-forward give ones, the norms nothing: what is left is dropout.
    block = PreNormEncoderBlock(2, 8, dropout=rate)
    states = np.zeros((8, 50, 16), "float32")
    block.build(states.shape)
    block.attention.output_dense.bias.assign(np.ones(16))
    block.feed_forward.output_dense.bias.assign(np.full(16, 100.0))
    out = numpy(block(states, training=True))
    kept = 1 / (1 - rate)
    attended = np.isclose(out % 100, kept % 100) | np.isclose(
        out, kept + 100 * kept, rtol=1e-4
    )
    fed = out > 50
    assert fed.mean() == pytest.approx(1 - rate, abs=0.03)
    assert attended[~fed].mean() == pytest.approx(1 - rate, abs=0.03)
    assert out.mean() == pytest.approx(101, rel=0.03)
    np.testing.assert_allclose(numpy(block(states)), np.full(states.shape, 101.0))


def test_attention_dropout_drops_probabilities_in_training_alone():
    block = made(EncoderBlock, attention_dropout=0.5)
    quiet = numpy(block(STATES))
    np.testing.assert_array_equal(numpy(block(STATES, training=False)), quiet)
    assert np.abs(numpy(block(STATES, training=True)) - quiet).max() > 0.01


def test_unknown_activation_is_refused_when_it_is_asked_for():
    with pytest.raises(ValueError, match="got 'swish2'"):
        EncoderBlock(2, 8, activation="swish2").build((None, None, 4))


def test_dtype_policy_reaches_every_part():
    block = made(EncoderBlock, dtype="mixed_bfloat16", dropout=0.1)
    parts = [p for p in block._flatten_layers() if isinstance(p, keras.layers.Layer)]
    assert len(parts) >= 12
    assert {part.dtype_policy.name for part in parts} == {"mixed_bfloat16"}
