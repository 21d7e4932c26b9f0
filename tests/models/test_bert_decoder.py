"""BERT as a decoder, against transformers and against itself without a cache."""

import functools
import pathlib
import warnings

import keras
import numpy as np
import pytest

import kerasbert
from kerasbert.decoding import BeamSearch, Greedy, Limits
from kerasbert.models.decoder import Continuation
from tests import harness
from tests.harness import Case
from tests.models import tiny

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures"
FOLDER = FIXTURES / "encoder_decoder"
START, END = 2, 3
NEW = 10  # tokens that transformers generated


@functools.cache
def expected():
    with np.load(FOLDER / "expected.npz") as arrays:
        return {
            name: array.astype("int32") if array.dtype == "int8" else array
            for name, array in arrays.items()
        }


@functools.cache
def loaded():
    return kerasbert.Seq2SeqTransformer.from_pretrained(FOLDER / "huggingface")


def sources(rows=slice(None)):
    names = ("token_ids", "padding_mask")
    return {name: keras.ops.convert_to_tensor(expected()[name][rows]) for name in names}


def compiled(function):
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    import tensorflow as tf

    return tf.function(function, autograph=False)


def found_by(strategy, limits=None):
    limits = limits or Limits(END)

    def run(token_ids, padding_mask):
        continuation = loaded().continuation(token_ids, padding_mask, START, NEW)
        prompt = keras.ops.ones_like(token_ids[:, :1]) * START
        seen = limits.seen_in(prompt, None, 30)
        return tuple(strategy(continuation, limits, seen))

    return [harness.numpy(x) for x in compiled(run)(*sources().values())]


def without_ends(tokens):
    return [
        row[: row.index(END)] if END in row else row
        for row in (row.tolist() for row in tokens)
    ]


def rows_of(tokens, lengths):
    width = tokens.shape[-1]
    pairs = zip(tokens.reshape(-1, width), lengths.ravel(), strict=True)
    return [row[:length].tolist() for row, length in pairs]


def test_logits_are_those_of_transformers():
    before = keras.ops.convert_to_tensor(expected()["decoder_token_ids"])
    inputs = {**sources(slice(4)), "decoder_token_ids": before}
    logits = harness.numpy(loaded()(inputs)["logits"])
    np.testing.assert_allclose(logits, expected()["logits"], rtol=0, atol=3e-6)


def test_every_tensor_has_its_place_in_the_ledger():
    ledger = loaded().ledger
    assert not ledger.extra
    used = {entry.variable for entry in ledger.used if "decoder" in entry.name}
    assert "layer_0/cross_attention/query/kernel" in used
    ignored = [entry.name for entry in ledger.ignored]
    assert all("predictions.decoder" in name for name in ignored)


def test_greedy_is_that_of_generate():
    tokens, lengths, *_ = found_by(Greedy())
    expected_rows = without_ends(expected()["greedy"])
    assert rows_of(tokens, lengths) == expected_rows


@pytest.mark.parametrize(
    ("name", "strategy", "limits"),
    [
        ("beams", BeamSearch(4, num_results=2), Limits(END)),
        ("long", BeamSearch(3, length_penalty=2.0), Limits(END, min_length=4)),
        ("penalised", BeamSearch(3), Limits(END, repetition_penalty=1.5)),
    ],
)
def test_beam_search_is_that_of_generate(name, strategy, limits):
    tokens, lengths, scores, _ = found_by(strategy, limits)
    assert len(tokens) == 200
    assert rows_of(tokens, lengths) == without_ends(expected()[f"{name}/tokens"])
    of_generate = expected()[f"{name}/scores"]
    np.testing.assert_allclose(scores.ravel(), of_generate, rtol=0, atol=1e-5)


def test_a_folder_that_is_written_holds_the_same_tensors(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    loaded().save_pretrained(tmp_path / "model")
    again = kerasbert.Seq2SeqTransformer.from_pretrained(tmp_path / "model")
    assert again.tokens == loaded().tokens
    written = safetensors.load_file(tmp_path / "model" / "model.safetensors")
    theirs = safetensors.load_file(FOLDER / "huggingface" / "model.safetensors")
    missing = set(theirs) - set(written)
    assert all("pooler" in n or "predictions.decoder" in n for n in missing)
    assert set(written) <= set(theirs)
    for name, array in written.items():
        np.testing.assert_array_equal(array, theirs[name], err_msg=name)


def broken_config(tmp_path, change):
    import shutil

    folder = tmp_path / "broken"
    shutil.copytree(FOLDER / "huggingface", folder)
    file = folder / "config.json"
    file.write_text(change(file.read_text()))
    return folder


def test_what_is_not_computed_is_refused(tmp_path):
    folder = broken_config(
        tmp_path, lambda text: text.replace('"is_decoder": true', '"is_decoder": false')
    )
    with pytest.raises(ValueError, match="decoder.is_decoder to be true"):
        kerasbert.Seq2SeqTransformer.from_pretrained(folder)


def test_another_family_is_refused(tmp_path):
    folder = broken_config(
        tmp_path,
        lambda text: text.replace('"model_type": "bert"', '"model_type": "t5"'),
    )
    with pytest.raises(ValueError, match="the encoder in .* to be a 'bert', got 't5'"):
        kerasbert.Seq2SeqTransformer.from_pretrained(folder)


# BERT alone.


def bert_decoder(dtype=None, **arguments):
    config = kerasbert.BertConfig(**tiny.SIZES)
    decoder = kerasbert.BertDecoder(config, dtype=dtype, **arguments)
    return harness.randomise(decoder)


def test_as_a_language_model_it_is_the_decoder_of_transformers_without_an_encoder():
    with_cross = loaded().decoder
    decoder = kerasbert.BertDecoder(with_cross.config)
    weights = {
        variable.path: variable
        for variable in with_cross.weights
        if "cross_attention" not in variable.path
    }
    for variable in decoder.weights:
        variable.assign(weights[variable.path])
    token_ids = expected()["decoder_token_ids"]
    zeros = np.zeros_like(token_ids)
    inputs = {"token_ids": token_ids, "segment_ids": zeros, "padding_mask": zeros + 1}
    logits = harness.numpy(decoder(inputs)["logits"])
    np.testing.assert_allclose(logits, expected()["causal_logits"], rtol=0, atol=3e-6)


IDS = ("token_ids", "segment_ids", "padding_mask")
CASES = {
    "causal": Case(bert_decoder, lambda model, batch: model(batch)["logits"], IDS),
    "prefix": Case(
        lambda dtype: bert_decoder(dtype, mask="prefix"),
        lambda model, batch: model(batch)["logits"],
        IDS,
    ),
}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


@every_case
def test_config_makes_the_same_model(case):
    harness.check_config_makes_the_same_layer(case)


@every_case
def test_keras_file_keeps_every_bit(case, tmp_path):
    harness.check_keras_file_keeps_every_bit(case, tmp_path)


@every_case
def test_padding_changes_nothing(case):
    harness.check_padding_changes_nothing(case)


def changed_at(decoder, position, segments):
    """Which positions' logits depend on the token at a position."""
    token_ids = np.array([[4, 5, 6, 7, 8, 9]], "int32")
    other = token_ids.copy()
    other[0, position] = 3
    segments = np.array([segments], "int32")
    inputs = {"segment_ids": segments, "padding_mask": np.ones_like(segments)}
    before, after = (
        harness.numpy(decoder({**inputs, "token_ids": ids})["logits"])
        for ids in (token_ids, other)
    )
    return (np.abs(before - after).max(-1) > 1e-6)[0].tolist()


def test_a_source_is_read_from_both_sides_and_a_target_from_the_left():
    decoder, segments = bert_decoder(mask="prefix"), [0, 0, 0, 1, 1, 1]
    assert changed_at(decoder, 2, segments) == [True] * 6
    assert changed_at(decoder, 4, segments) == [False] * 4 + [True] * 2
    assert changed_at(bert_decoder(), 2, segments) == [False] * 2 + [True] * 4


@pytest.mark.parametrize("mask", ["causal", "prefix"])
def test_prompts_go_on_with_a_cache_as_without(mask):
    decoder = bert_decoder(mask=mask)
    harness.randomise(decoder, seed=2, scale=0.5)
    prompts = np.array([[4, 5, 6, 7], [8, 9, 0, 0], [3, 3, 10, 0]], "int32")
    counts, length = [4, 2, 3], 6
    prompt_mask = (np.arange(4) < np.array(counts)[:, None]).astype("int32")
    continuation = Continuation(
        *(decoder, keras.ops.convert_to_tensor(prompts)),
        keras.ops.convert_to_tensor(prompt_mask),
        length=length,
    )
    tokens = harness.numpy(Greedy()(continuation, Limits(-1)).token_ids)[:, 0]
    places = np.arange(4 + length)
    ids, segments = np.zeros((2, 3, 4 + length), "int32")
    for row, count in enumerate(counts):
        ids[row, :count] = prompts[row, :count]
        ids[row, count : count + length] = tokens[row]
        segments[row] = (places >= count) & (mask == "prefix")
    padding_mask = (places < np.array(counts)[:, None] + length).astype("int32")
    inputs = {"segment_ids": segments, "padding_mask": padding_mask}
    logits = harness.numpy(decoder({**inputs, "token_ids": ids})["logits"])
    for row, count in enumerate(counts):
        likeliest = np.argmax(logits[row, count - 1 : count - 1 + length], -1)
        np.testing.assert_array_equal(likeliest, tokens[row])


def test_a_published_bert_starts_a_decoder_and_tells_what_is_new():
    source = FIXTURES / "bert_masked_lm" / "huggingface"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        decoder = kerasbert.BertDecoder.from_pretrained(source)
    model = kerasbert.models.MaskedLMModel.from_pretrained(source)
    np.testing.assert_array_equal(
        decoder.head.dense.kernel, harness.numpy(model.head.dense.kernel)
    )
    with pytest.warns(UserWarning, match="untrained in part: its cross-attention"):
        kerasbert.BertDecoder.from_pretrained(source, encoder_size=24)


def test_a_decoder_is_saved_as_the_masked_language_model_it_was(tmp_path):
    source = FIXTURES / "bert_masked_lm" / "huggingface"
    decoder = kerasbert.BertDecoder.from_pretrained(source)
    decoder.save_pretrained(tmp_path / "saved")
    again = kerasbert.BertDecoder.from_pretrained(tmp_path / "saved")
    for one, other in zip(decoder.weights, again.weights, strict=True):
        np.testing.assert_array_equal(harness.numpy(one), harness.numpy(other))


def test_either_side_may_be_published(tmp_path):
    source = FIXTURES / "bert_masked_lm" / "huggingface"
    albert = FIXTURES / "albert_tiny" / "huggingface"
    config = kerasbert.Seq2SeqConfig(
        vocab_size=50,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
    )
    make = kerasbert.Seq2SeqTransformer.warm_started
    with pytest.warns(UserWarning, match="cross-attention"):
        models = {
            "encoder": make(encoder=albert, config=config),
            "decoder": make(decoder=source, config=config),
            "both": make(encoder=source, decoder=source),
        }
    ids = np.array([[4, 5, 6]], "int32")
    inputs = {"token_ids": ids, "padding_mask": np.ones_like(ids)}
    inputs["decoder_token_ids"] = ids
    for name, model in models.items():
        model.save_pretrained(tmp_path / name)
        again = kerasbert.Seq2SeqTransformer.from_pretrained(tmp_path / name)
        np.testing.assert_array_equal(
            harness.numpy(again(inputs)["logits"]),
            harness.numpy(model(inputs)["logits"]),
            err_msg=name,
        )
    with pytest.raises(ValueError, match="Expected the source of an encoder"):
        make()
