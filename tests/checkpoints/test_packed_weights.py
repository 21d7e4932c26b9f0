"""Packed weights: what is written is read, and what is broken is refused."""

import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import kerasbert
from kerasbert.account import Account
from kerasbert.checkpoints import huggingface
from kerasbert.checkpoints.containers import convert
from kerasbert.checkpoints.inspect import inspect
from kerasbert.models.loading import variables_of
from kerasbert.packed.matrices import METADATA
from kerasbert.packed.rounding import (
    BITS,
    bits_of,
    checked_bits,
    integers_of,
    largest,
    pack,
    packed_columns,
    scales_of,
    unpack,
)

KERNEL = "encoder.layer.0.attention.self.query.weight"


@pytest.fixture(scope="module")
def encoder():
    config = kerasbert.BertConfig(
        vocab_size=60,
        hidden_size=20,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=36,
        max_position_embeddings=12,
    )
    encoder = kerasbert.BertEncoder(config)
    random = np.random.default_rng(0)
    for weight in encoder.weights:
        weight.assign(random.normal(size=weight.shape))
    return encoder


@pytest.fixture(scope="module")
def folder(encoder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("packed") / "model"
    encoder.save_pretrained(folder, bits={"token_embedding": 4, "kernel": 6})
    return folder


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("columns", [1, 7, 8, 20])
def test_what_is_packed_is_unpacked(bits, columns):
    random = np.random.default_rng(bits)
    limit = largest(bits)
    integers = random.integers(-limit, limit + 1, (5, columns)).astype("int8")
    packed = pack(integers, bits)
    assert packed.shape == (5, packed_columns(columns, bits))
    np.testing.assert_array_equal(unpack(packed, bits, columns), integers)


@pytest.mark.parametrize("bits", BITS)
def test_rounded_rows_keep_their_values_exactly(bits):
    random = np.random.default_rng(bits)
    rows = random.normal(scale=[[1e-3], [1], [40]], size=(3, 64)).astype("float32")
    rows = np.concatenate([rows, np.zeros((1, 64), "float32")])
    scales = scales_of(rows, bits)
    rounded = integers_of(rows, scales, bits) * scales[:, None]
    again = scales_of(rounded, bits)
    np.testing.assert_array_equal(
        integers_of(rounded, again, bits) * again[:, None], rounded
    )


@pytest.mark.parametrize(("bits", "most"), [(4, 0.12), (6, 0.03), (8, 0.007)])
def test_normal_rows_lose_less_than_with_their_largest_value_as_scale(bits, most):
    rows = np.random.default_rng(0).normal(size=(50, 256)).astype("float32")
    scales = scales_of(rows, bits)
    plain = np.abs(rows).max(axis=1) / largest(bits)

    def error(scales):
        rounded = integers_of(rows, scales, bits) * scales[:, None]
        return np.sqrt(np.mean((rounded - rows) ** 2))

    assert error(scales) <= 1.001 * error(plain)
    assert error(scales) < most


def test_bits_are_of_the_first_part_that_a_path_has():
    bits = checked_bits({"token_embedding": 4, "embeddings": 8})
    assert bits_of("embeddings/token_embedding/embeddings", bits) == 4
    assert bits_of("embeddings/position_embedding/embeddings", bits) == 8
    assert bits_of("layer_0/attention/query/kernel", bits) is None
    assert bits_of("layer_0/attention/query/bias", {"": 8}) is None


@pytest.mark.parametrize("bits", [3, 9, 6.0, True, {"kernel": 2}, {4: 4}, "6"])
def test_other_bits_are_refused(encoder, tmp_path, bits):
    with pytest.raises(ValueError, match="Expected bits to be a number from 4 to 8"):
        encoder.save_pretrained(tmp_path / "out", bits=bits)
    assert not (tmp_path / "out").exists()


def test_a_part_that_no_path_has_is_refused(encoder, tmp_path):
    with pytest.raises(ValueError, match="'kernal', which no kernel or table"):
        encoder.save_pretrained(tmp_path / "out", bits={"kernal": 6})
    assert not (tmp_path / "out").exists()


def test_other_formats_have_no_packed_weights(encoder, tmp_path):
    with pytest.raises(ValueError, match="no place for packed weights"):
        encoder.save_pretrained(tmp_path / "out", format="google_tf1", bits=6)


def test_a_packed_model_is_the_rounded_one(encoder, folder):
    found = variables_of(kerasbert.load_encoder(folder))
    for path, variable in variables_of(encoder).items():
        expected = np.asarray(variable)
        bits = bits_of(path, {"token_embedding": 4, "kernel": 6})
        if bits is not None:
            rows = expected if path.endswith("embeddings") else expected.T
            scales = scales_of(rows, bits)
            rows = integers_of(rows, scales, bits) * scales[:, None]
            assert np.abs(rows).sum() > 0
            expected = rows if path.endswith("embeddings") else rows.T
        np.testing.assert_array_equal(found[path], expected, err_msg=path)


def test_reading_and_writing_again_changes_nothing(folder, tmp_path):
    bits = {"token_embedding": 4, "kernel": 6}
    kerasbert.load_encoder(folder).save_pretrained(tmp_path / "again", bits=bits)
    convert(tmp_path / "again", tmp_path / "plain", "huggingface")
    first = variables_of(kerasbert.load_encoder(folder))
    for other in ("again", "plain"):
        second = variables_of(kerasbert.load_encoder(tmp_path / other))
        for path in first:
            np.testing.assert_array_equal(first[path], second[path], err_msg=path)
    assert (tmp_path / "plain" / "model.safetensors").exists()


def test_the_file_is_as_small_as_its_bits(folder):
    tensors = load_file(folder / "packed.safetensors")
    packed = tensors["embeddings.word_embeddings.weight.packed"]
    assert (packed.dtype, packed.shape) == (np.uint8, (60, 3 * 4))
    assert tensors[f"{KERNEL}.packed"].shape == (20, 3 * 6)
    assert tensors[f"{KERNEL}.scale"].shape == (20,)
    assert tensors["embeddings.position_embeddings.weight"].shape == (12, 20)


def test_inspect_tells_bits_and_rounding_error(encoder, folder):
    notes = {entry.name: entry.note for entry in inspect(folder).tensors}
    rows = np.asarray(variables_of(encoder)["layer_0/attention/query/kernel"]).T
    scales = scales_of(rows, 6)
    error = np.linalg.norm(integers_of(rows, scales, 6) * scales[:, None] - rows)
    error /= np.linalg.norm(rows)
    expected = f"6 bits, a scale a row, rounding error {error:.2%}"
    assert notes[KERNEL].endswith(expected)
    assert "bits" not in notes["embeddings.position_embeddings.weight"]


def test_other_projects_find_no_weights(folder):
    assert {file.name for file in folder.iterdir()} == {
        *("config.json", "packed.safetensors")
    }


def _broken(folder, target, change):
    """Copies a folder, and lets `change` change its tensors and their description."""
    target.mkdir()
    (target / "config.json").write_bytes((folder / "config.json").read_bytes())
    with safe_open(folder / "packed.safetensors", "numpy") as file:
        metadata = file.metadata()
    tensors = load_file(folder / "packed.safetensors")
    described = json.loads(metadata[METADATA])
    change(tensors, described)
    metadata[METADATA] = json.dumps(described)
    save_file(tensors, target / "packed.safetensors", metadata)
    return target


def _set(name, make):
    def change(tensors, described):
        tensors[KERNEL + name] = make(tensors[KERNEL + name].copy())

    return change


def _describe(**about):
    def change(tensors, described):
        described[KERNEL] |= about

    return change


def _put(row, value):
    def make(array):
        array[row] = value
        return array

    return make


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_set(".scale", _put(3, 0.0)), "is 0.0 in row 3, and a scale is above 0"),
        (_set(".scale", _put(3, np.nan)), "is nan in row 3"),
        (_set(".scale", _put(3, -1.0)), "is -1.0 in row 3"),
        (_set(".scale", lambda x: x[:-1]), r"is F32 \(19,\), and 20 columns"),
        (_set(".scale", lambda x: x.astype("float64")), "is F64"),
        (_set(".packed", lambda x: x[:, :-1]), r"is U8 \(20, 17\), and 20 columns"),
        (_set(".packed", lambda x: x.ravel()), r"is U8 \(360,\)"),
        (_set(".packed", lambda x: x.astype("int32")), "is I32"),
        (_set(".packed", _put(0, 255)), "holds the integer 32, and those of 6 bits"),
        (_describe(bits=5), "and 20 columns of 5 bits make it U8"),
        (_describe(bits=2), "has 2 bits, expected 4 to 8"),
        (_describe(bits="6"), "has '6' bits"),
        (_describe(columns=30), "and 30 columns of 6 bits make it U8"),
        (_describe(columns=0), "has 0 columns"),
        (_describe(error=-1), "has the rounding error -1"),
        (lambda t, d: t.pop(f"{KERNEL}.scale"), r"\.scale'? is missing"),
        (lambda t, d: t.pop(f"{KERNEL}.packed"), r"\.packed'? is missing"),
        (lambda t, d: t.update({KERNEL: np.ones((20, 20), "f")}), "packed and not"),
        (lambda t, d: d.update({KERNEL: 6}), "does not describe matrices"),
        (lambda t, d: d[KERNEL].pop("bits"), "does not describe matrices"),
        (lambda t, d: d.pop(KERNEL), "missing: " + KERNEL),
    ],
)
def test_a_broken_packed_file_is_refused(folder, tmp_path, change, told):
    broken = _broken(folder, tmp_path / "broken", change)
    with pytest.raises(ValueError, match=told) as error:
        checkpoint = huggingface.read(broken, Account())
        for read in checkpoint.weights.values():
            read()
    assert str(broken) in str(error.value)


def test_metadata_that_is_no_json_is_refused(folder, tmp_path):
    broken = _broken(folder, tmp_path / "broken", lambda tensors, described: None)
    tensors = load_file(broken / "packed.safetensors")
    save_file(tensors, broken / "packed.safetensors", {METADATA: "{"})
    with pytest.raises(ValueError, match="does not describe matrices"):
        kerasbert.load_encoder(broken)


def test_columns_that_fit_as_well_are_found_by_the_configuration(folder, tmp_path):
    broken = _broken(folder, tmp_path / "broken", _describe(columns=24))
    with pytest.raises(ValueError, match=r"is \(20, 24\), the configuration asks"):
        kerasbert.load_encoder(broken)
