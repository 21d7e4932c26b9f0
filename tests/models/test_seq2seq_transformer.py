"""The Transformer against `torch.nn.Transformer` with the same weights."""

import functools
import pathlib

import numpy as np
import pytest

import kerasbert
from tests import harness
from tests.harness import Case
from tests.models import tiny

FIXTURE = pathlib.Path(__file__).parents[1] / "fixtures" / "transformer.npz"
SIZES = dict(
    vocab_size=harness.V,
    hidden_size=harness.D,
    num_hidden_layers=2,
    num_decoder_layers=1,
    num_attention_heads=2,
    intermediate_size=16,
)
IDS = ("token_ids", "padding_mask", "decoder_token_ids")


def transformer(dtype=None, **changes):
    config = kerasbert.Seq2SeqConfig(**{**SIZES, **changes})
    return harness.randomise(kerasbert.Seq2SeqTransformer(config, dtype=dtype))


@functools.cache
def fixture():
    with np.load(FIXTURE) as arrays:
        return dict(arrays)


def inputs_of(arrays):
    token_ids = arrays["token_ids"]
    return {
        "token_ids": token_ids,
        "padding_mask": (token_ids != 0).astype("int32"),
        "decoder_token_ids": arrays["decoder_token_ids"],
    }


def pairs_with_torch(model, theirs):
    """Each of our variables, with the array of theirs in our form."""

    def attention(layer, name):
        kernels = np.split(theirs[f"{name}.in_proj_weight"], 3)
        biases = np.split(theirs[f"{name}.in_proj_bias"], 3)
        dense = layer.dense_layers
        for part, kernel, bias in zip(
            ("query", "key", "value"), kernels, biases, strict=True
        ):
            yield dense[part].kernel, kernel.T
            yield dense[part].bias, bias
        yield dense["output"].kernel, theirs[f"{name}.out_proj.weight"].T
        yield dense["output"].bias, theirs[f"{name}.out_proj.bias"]

    def norm(layer, name):
        yield layer.gamma, theirs[f"{name}.weight"]
        yield layer.beta, theirs[f"{name}.bias"]

    def feed_forward(layer, name):
        for dense, part in ((layer.intermediate, 1), (layer.output_dense, 2)):
            yield dense.kernel, theirs[f"{name}.linear{part}.weight"].T
            yield dense.bias, theirs[f"{name}.linear{part}.bias"]

    encoder, decoder = model.encoder, model.decoder
    yield encoder.embeddings.token_embedding.embeddings, theirs["embedding.weight"]
    for index, [block] in enumerate(encoder.layer_blocks):
        name = f"transformer.encoder.layers.{index}"
        yield from attention(block.attention, f"{name}.self_attn")
        yield from feed_forward(block.feed_forward, name)
        yield from norm(block.attention_norm, f"{name}.norm1")
        yield from norm(block.feed_forward_norm, f"{name}.norm2")
    for index, block in enumerate(decoder.blocks):
        name = f"transformer.decoder.layers.{index}"
        yield from attention(block.attention, f"{name}.self_attn")
        yield from attention(block.cross_attention, f"{name}.multihead_attn")
        yield from feed_forward(block.feed_forward, name)
        yield from norm(block.attention_norm, f"{name}.norm1")
        yield from norm(block.cross_attention_norm, f"{name}.norm2")
        yield from norm(block.feed_forward_norm, f"{name}.norm3")
    for part, name in ((encoder, "encoder"), (decoder, "decoder")):
        if part.norm is not None:
            yield from norm(part.norm, f"transformer.{name}.norm")


@functools.cache
def of_torch(norm):
    """Our model with torch's weights, and torch's arrays."""
    model = transformer(norm=norm)
    arrays = {
        name.removeprefix(f"{norm}/"): array
        for name, array in fixture().items()
        if name.startswith(f"{norm}/")
    }
    pairs = list(pairs_with_torch(model, part_of(arrays, "weights")))
    assert len({id(variable) for variable, _ in pairs}) == len(pairs)
    assert len(pairs) == len(model.trainable_variables)
    for variable, array in pairs:
        variable.assign(array)
    return model, arrays


def part_of(arrays, part):
    return {
        name.removeprefix(f"{part}/"): array
        for name, array in arrays.items()
        if name.startswith(f"{part}/")
    }


every_norm = pytest.mark.parametrize("norm", ["pre", "post"])


@every_norm
def test_logits_are_those_of_torch(norm):
    model, arrays = of_torch(norm)
    logits = harness.numpy(model(inputs_of(fixture()))["logits"])
    np.testing.assert_allclose(logits, arrays["logits"], rtol=0, atol=3e-6)


@every_norm
def test_loss_and_gradients_are_those_of_torch(norm):
    pytest.importorskip("tensorflow")  # the loss is that of a task
    from kerasbert.tasks.class_losses import ClassCrossentropy

    model, arrays = of_torch(norm)
    loss = ClassCrossentropy(label_smoothing=0.1, ignore_class=-1)
    inputs, targets = inputs_of(fixture()), fixture()["next"]

    def value():
        return loss(targets, model(inputs)["logits"])

    np.testing.assert_allclose(float(value()), arrays["loss"], rtol=1e-5)
    found = {
        id(variable): harness.numpy(gradient)
        for variable, gradient in zip(
            model.trainable_variables, harness.gradients(model, value), strict=True
        )
    }
    for variable, expected in pairs_with_torch(model, part_of(arrays, "gradients")):
        size = np.abs(expected).max()
        np.testing.assert_allclose(
            found[id(variable)],
            expected,
            rtol=0,
            atol=1e-5 * max(size, 1e-3),
            err_msg=variable.path,
        )


def bert_parts(dtype=None):
    """Someone else's encoder in front of the decoder."""
    sizes = {name: SIZES[name] for name in SIZES if name != "num_decoder_layers"}
    encoder = kerasbert.BertEncoder(
        kerasbert.BertConfig(**{**sizes, "hidden_size": 12}), dtype=dtype
    )
    config = kerasbert.Seq2SeqConfig(**{**SIZES, "positions": "learned"})
    model = kerasbert.Seq2SeqTransformer(config, dtype=dtype, encoder=encoder)
    return harness.randomise(model)


def call(model, batch):
    return model(batch)["logits"]


CASES = {
    "pre": Case(transformer, call, IDS),
    "post, learned positions": Case(
        lambda dtype: transformer(
            dtype, norm="post", positions="learned", source_vocab_size=13
        ),
        call,
        IDS,
    ),
    "BERT in front": Case(bert_parts, call, IDS),
}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


@every_case
def test_config_makes_the_same_model(case):
    harness.check_config_makes_the_same_layer(case)


@every_case
def test_keras_file_keeps_every_bit(case, tmp_path):
    harness.check_keras_file_keeps_every_bit(case, tmp_path)


def test_compiled_is_eager():
    harness.check_compiled_is_eager(CASES["pre"])


def test_padding_changes_nothing():
    harness.check_padding_changes_nothing(CASES["pre"])


def test_other_rows_change_nothing():
    harness.check_other_rows_change_nothing(CASES["BERT in front"])


def test_half_precision_is_close():
    harness.check_half_precision_is_close(CASES["pre"], "mixed_bfloat16")


def test_a_shared_vocabulary_is_one_table():
    shared, apart = transformer(), transformer(source_vocab_size=harness.V)
    table = harness.V * harness.D
    assert apart.count_params() == shared.count_params() + table


def test_a_decoder_of_another_width_is_refused():
    model = transformer(num_hidden_layers=1)
    config = kerasbert.Seq2SeqConfig(**{**SIZES, "hidden_size": 12})
    with pytest.raises(ValueError, match="states 12 wide, those of the encoder"):
        kerasbert.Seq2SeqTransformer(config, decoder=model.decoder)


def test_lora_is_merged_into_the_file(tmp_path):
    encoder = kerasbert.AlbertEncoder(
        kerasbert.AlbertConfig(**tiny.SIZES, embedding_size=4), add_pooler=False
    )
    model = kerasbert.Seq2SeqTransformer(tiny.seq2seq_config(), encoder=encoder)
    model.encoder.enable_lora(rank=2)
    harness.randomise(model)
    model.save_pretrained(tmp_path / "saved")
    loaded = kerasbert.Seq2SeqTransformer.from_pretrained(tmp_path / "saved")
    assert not any("lora" in variable.path for variable in loaded.variables)
    expected = harness.numpy(model(inputs_of(fixture()))["logits"])
    found = harness.numpy(loaded(inputs_of(fixture()))["logits"])
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_ids_without_an_embedding_are_named():
    model = transformer()
    batch = {name: harness.BATCH[name] for name in IDS}
    batch["decoder_token_ids"] = batch["decoder_token_ids"] + harness.V
    with pytest.raises(ValueError, match="Expected decoder_token_ids from 0 to 10"):
        model(batch)


def test_settings_that_make_no_model_are_refused():
    with pytest.raises(ValueError, match="Expected norm to be pre or post"):
        kerasbert.Seq2SeqConfig(norm="sandwich")
    with pytest.raises(ValueError, match="an even hidden_size for sinusoidal"):
        kerasbert.Seq2SeqConfig(hidden_size=15, num_attention_heads=3)
    with pytest.raises(ValueError, match="Expected a kerasbert.Seq2SeqConfig, or"):
        kerasbert.Seq2SeqTransformer()
