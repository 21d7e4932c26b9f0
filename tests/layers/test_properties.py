import inspect

import keras
import pytest

from kerasbert import layers
from tests import harness
from tests.harness import Case

BLOCK = dict(num_heads=2, intermediate_size=16)


def on_states(layer, batch):
    return layer(batch["hidden_states"])


def on_masked_states(layer, batch):
    return layer(batch["hidden_states"], batch["padding_mask"])


def with_bias(layer, batch):
    bias = layers.padding_bias(batch["padding_mask"])
    return layer(batch["hidden_states"], attention_bias=bias)


def across(layer, batch):
    bias = layers.padding_bias(batch["padding_mask"])
    return layer(batch["hidden_states"], batch["encoder_states"], attention_bias=bias)


def decode(layer, batch):
    bias = layers.padding_bias(batch["padding_mask"])
    states, encoder_states = batch["hidden_states"], batch["encoder_states"]
    return layer(states, encoder_states, encoder_bias=bias, attention_bias=bias)


def embed(layer, batch):
    return layer(batch["token_ids"], batch["segment_ids"])


def on_pixels(layer, batch):
    """The first state of each row is an image of 2 x 2 pixels with two channels."""
    return layer(keras.ops.reshape(batch["hidden_states"][:, 0], (-1, 2, 2, 2)))


def masked_lm_head(dtype):
    table = keras.layers.Embedding(harness.V, 4, dtype=dtype)
    return layers.MaskedLMHead(table, dtype=dtype)


def tied_head(dtype):
    table = keras.layers.Embedding(harness.V, harness.D, dtype=dtype)
    return layers.TiedLogitsHead(table, dtype=dtype)


STATES = ("hidden_states",)
MASKED = ("hidden_states", "padding_mask")
BOTH = ("hidden_states", "encoder_states", "padding_mask")
IDS = ("token_ids", "segment_ids")

CASES = {
    "LayerNorm": Case(lambda dtype: layers.LayerNorm(dtype=dtype), on_states, STATES),
    "FeedForward": Case(
        lambda dtype: layers.FeedForward(16, dtype=dtype), on_states, STATES
    ),
    "FeedForward, tanh GELU": Case(
        lambda dtype: layers.FeedForward(16, "gelu_tanh", dtype=dtype),
        on_states,
        STATES,
    ),
    "SinusoidalPositionalEncoding": Case(
        lambda dtype: layers.SinusoidalPositionalEncoding(dtype=dtype),
        on_states,
        STATES,
    ),
    "Embeddings": Case(
        lambda dtype: layers.Embeddings(harness.V, 8, 16, dtype=dtype), embed, IDS
    ),
    "PatchEmbeddings": Case(
        lambda dtype: layers.PatchEmbeddings(8, 2, 1, dtype=dtype), on_pixels, STATES
    ),
    "FactorizedEmbeddings": Case(
        lambda dtype: layers.FactorizedEmbeddings(
            harness.V, 4, 8, max_positions=16, dtype=dtype
        ),
        embed,
        IDS,
    ),
    "ScaledEmbeddings": Case(
        lambda dtype: layers.ScaledEmbeddings(harness.V, 8, dtype=dtype),
        lambda layer, batch: layer(batch["token_ids"]),
        ("token_ids",),
    ),
    "ScaledEmbeddings, learned positions": Case(
        lambda dtype: layers.ScaledEmbeddings(harness.V, 8, 16, dtype=dtype),
        lambda layer, batch: layer(batch["token_ids"]),
        ("token_ids",),
    ),
    "MultiHeadAttention": Case(
        lambda dtype: layers.MultiHeadAttention(2, 0.1, dtype=dtype), with_bias, MASKED
    ),
    "MultiHeadAttention, cross": Case(
        lambda dtype: layers.MultiHeadAttention(2, dtype=dtype), across, BOTH
    ),
    "EncoderBlock": Case(
        lambda dtype: layers.EncoderBlock(
            **BLOCK, dropout=0.1, attention_dropout=0.1, dtype=dtype
        ),
        with_bias,
        MASKED,
    ),
    "PreNormEncoderBlock": Case(
        lambda dtype: layers.PreNormEncoderBlock(**BLOCK, dtype=dtype),
        with_bias,
        MASKED,
    ),
    "DecoderBlock": Case(
        lambda dtype: layers.DecoderBlock(**BLOCK, dropout=0.1, dtype=dtype),
        decode,
        BOTH,
    ),
    "PreNormDecoderBlock": Case(
        lambda dtype: layers.PreNormDecoderBlock(**BLOCK, dtype=dtype), decode, BOTH
    ),
    "DecoderBlock, alone": Case(
        lambda dtype: layers.DecoderBlock(**BLOCK, dtype=dtype), with_bias, MASKED
    ),
    "CLSPooling": Case(
        lambda dtype: layers.CLSPooling(dtype=dtype), on_masked_states, MASKED
    ),
    "MeanPooling": Case(
        lambda dtype: layers.MeanPooling(dtype=dtype), on_masked_states, MASKED
    ),
    "MaxPooling": Case(
        lambda dtype: layers.MaxPooling(dtype=dtype), on_masked_states, MASKED
    ),
    "SqrtLengthPooling": Case(
        lambda dtype: layers.SqrtLengthPooling(dtype=dtype), on_masked_states, MASKED
    ),
    "WeightedMeanPooling": Case(
        lambda dtype: layers.WeightedMeanPooling(dtype=dtype), on_masked_states, MASKED
    ),
    "FirstTokenPooling": Case(
        lambda dtype: layers.FirstTokenPooling(dtype=dtype), on_masked_states, MASKED
    ),
    "LastTokenPooling": Case(
        lambda dtype: layers.LastTokenPooling(dtype=dtype), on_masked_states, MASKED
    ),
    "BertPooler": Case(
        lambda dtype: layers.BertPooler(dtype=dtype), on_masked_states, MASKED
    ),
    "SentenceHead": Case(
        lambda dtype: layers.SentenceHead(
            ["mean", "max"], [{"units": 5, "activation": "tanh"}], dtype=dtype
        ),
        on_masked_states,
        MASKED,
    ),
    "SentenceHead, all kinds": Case(
        lambda dtype: layers.SentenceHead(
            ["weighted_mean", "last_token", "cls"],
            [
                {"units": 8, "activation": "mish", "of": "tokens", "residual": True},
                {"units": 6, "activation": "elu", "residual": True},
                {"kind": "layer_norm"},
                {"kind": "normalize"},
                {"units": 5, "activation": "leaky_relu", "use_bias": False},
            ],
            include_prompt=False,
            dtype=dtype,
        ),
        on_masked_states,
        MASKED,
    ),
    "ClassificationHead": Case(
        lambda dtype: layers.ClassificationHead(3, 0.1, dtype=dtype), on_states, STATES
    ),
    "SpanHead": Case(
        lambda dtype: layers.SpanHead(0.1, dtype=dtype), on_states, STATES
    ),
    "MaskedLMHead": Case(masked_lm_head, on_states, STATES),
    "TiedLogitsHead": Case(tied_head, on_states, STATES),
}

every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
every_half = pytest.mark.parametrize("dtype", harness.HALF_PRECISION)


def test_every_public_layer_has_a_case():
    public = {
        name
        for name, value in vars(layers).items()
        if inspect.isclass(value) and issubclass(value, keras.layers.Layer)
    }
    assert public == {name.split(",")[0] for name in CASES}


@every_case
def test_config_makes_the_same_layer(case):
    harness.check_config_makes_the_same_layer(case)


@every_case
def test_keras_file_keeps_every_bit(case, tmp_path):
    harness.check_keras_file_keeps_every_bit(case, tmp_path)


@every_case
def test_compiled_is_eager(case):
    harness.check_compiled_is_eager(case)


@every_case
def test_padding_changes_nothing(case):
    harness.check_padding_changes_nothing(case)


@every_case
def test_other_rows_change_nothing(case):
    harness.check_other_rows_change_nothing(case)


@every_half
@every_case
def test_half_precision_is_close(case, dtype):
    harness.check_half_precision_is_close(case, dtype)


@every_case
def test_gradients_are_finite(case):
    harness.check_gradients_are_finite(case, "mixed_float16")
