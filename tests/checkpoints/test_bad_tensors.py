"""Tensors that are not those of the configuration, and files that are broken."""

import json
import struct

import numpy as np
import pytest

from kerasbert.checkpoints import read_checkpoint
from tests.checkpoints.on_disk import (
    HAS_TENSORFLOW,
    copy,
    edit,
    folder,
    needs_tensorflow,
    refused,
)

BERT = "bert_pretraining/huggingface"


# --- Tensors ----------------------------------------------------------------------
def with_tensors(path, change):
    from safetensors.numpy import load_file, save_file

    tensors = load_file(path / "model.safetensors")
    change(tensors)
    save_file(tensors, path / "model.safetensors")
    return path


QUERY = "bert.encoder.layer.1.attention.self.query.weight"


def test_a_missing_tensor_is_named(tmp_path):
    path = with_tensors(copy(BERT, tmp_path), lambda tensors: tensors.pop(QUERY))
    refused(path, path, "missing: " + QUERY.removeprefix("bert."), "(24, 24)")


def test_a_tensor_left_over_is_named(tmp_path):
    def add(tensors):
        tensors["bert.adapter.weight"] = np.zeros((2, 3), "float32")

    refused(with_tensors(copy(BERT, tmp_path), add), "left over: adapter.weight (2, 3)")


def test_a_tensor_of_another_shape_is_named(tmp_path):
    def cut(tensors):
        tensors[QUERY] = tensors[QUERY][:20].copy()

    path = with_tensors(copy(BERT, tmp_path), cut)
    refused(path, "is (20, 24), the configuration asks for (24, 24)")


def test_many_problems_are_counted(tmp_path):
    path = copy(BERT, tmp_path)
    edit(path / "config.json", hidden_size=30)
    refused(path, "shape: embeddings", "and 29 more", "Is the configuration of this")


def test_half_a_head_is_no_head(tmp_path):
    name = "cls.predictions.transform.dense.bias"
    path = with_tensors(copy(BERT, tmp_path), lambda tensors: tensors.pop(name))
    refused(path, "missing: " + name)


def test_two_names_of_one_variable_are_refused(tmp_path):
    def double(tensors):
        tensors[QUERY.removeprefix("bert.")] = tensors[QUERY] + 1

    refused(with_tensors(copy(BERT, tmp_path), double), "two names of one variable")


def test_an_output_matrix_of_its_own_is_refused(tmp_path):
    def untie(tensors):
        table = tensors["bert.embeddings.word_embeddings.weight"]
        tensors["cls.predictions.decoder.weight"] = table + 1

    refused(with_tensors(copy(BERT, tmp_path), untie), "kerasbert ties the output")


def test_quantised_weights_are_refused(tmp_path):
    def quantise(tensors):
        tensors[QUERY] = (tensors[QUERY] * 100).astype("int8")

    path = with_tensors(copy(BERT, tmp_path), quantise)
    refused(path, "floating-point numbers", QUERY, "model.safetensors", "int8")


# --- Broken files -----------------------------------------------------------------
def cut(file, share=0.5):
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * share)])


BROKEN = [
    (BERT, "model.safetensors"),
    ("bert_sharded/huggingface", "model-00002-of-00002.safetensors"),
    ("bert_torch_bin/huggingface", "pytorch_model.bin"),
    ("bert_torch_bin_2019/huggingface", "pytorch_model.bin"),
    ("keras_hub_bert/keras_hub", "model.weights.h5"),
    ("keras_hub_bert_classifier/keras_hub", "task.weights.h5"),
    ("bert_pretraining/google_tf1", "bert_model.ckpt.index"),
    ("bert_pretraining/google_tf1", "bert_model.ckpt.data-00000-of-00001"),
    ("albert_tiny/tfhub", "saved_model.pb"),
    ("albert_tiny/tfhub", "variables/variables.index"),
    ("albert_tiny/tfhub", "variables/variables.data-00000-of-00001"),
    ("bert_pretraining/tf1_hub", "saved_model.pb"),
]
BROKEN = [
    pytest.param(
        name, file, marks=[needs_tensorflow] if "tf" in name.split("/")[1] else []
    )
    for name, file in BROKEN
]


@pytest.mark.parametrize("name, file", BROKEN)
@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.999])
def test_a_truncated_file_is_named(name, file, share, tmp_path):
    path = copy(name, tmp_path)
    cut(path / file, share)
    stem = file.split(".data")[0].removesuffix(".index")
    refused(path, path / stem)


@pytest.mark.parametrize("name, file", BROKEN)
def test_a_file_of_something_else_is_named(name, file, tmp_path):
    path = copy(name, tmp_path)
    (path / file).write_bytes(b"version https://git-lfs.github.com/spec/v1\n" * 50)
    stem = file.split(".data")[0].removesuffix(".index")
    refused(path, path / stem)


def test_a_header_of_absurd_length_is_refused(tmp_path):
    path = copy(BERT, tmp_path)
    (path / "model.safetensors").write_bytes(struct.pack("<Q", 2**62) + b"{}")
    refused(path, path / "model.safetensors")


def test_an_index_may_not_name_files_elsewhere(tmp_path):
    path = copy("bert_sharded/huggingface", tmp_path)
    index = path / "model.safetensors.index.json"
    for name in ("../x.safetensors", "/etc/passwd"):
        index.write_text(json.dumps({"weight_map": {"a": name}}))
        refused(path, index, repr(name), "leads out of")
    index.write_text(json.dumps({"weight_map": {"a": "gone.safetensors"}}))
    refused(path, index, "gone.safetensors", "not in", error=FileNotFoundError)
    for odd in ([], {}, {"weight_map": ["a"]}, {"weight_map": {"a": 3}}):
        index.write_text(json.dumps(odd))
        refused(path, "Expected a weight_map from tensors to files in", index)


@needs_tensorflow
def test_of_several_checkpoints_one_has_to_be_chosen(tmp_path):
    path = copy("bert_pretraining/google_tf1", tmp_path)
    for file in list(path.glob("bert_model.ckpt.*")):
        new = file.name.replace("bert_model", "model-5")
        (path / new).write_bytes(file.read_bytes())
    refused(
        path,
        "Expected one checkpoint in",
        "bert_model.ckpt, model-5.ckpt",
        error=FileNotFoundError,
    )
    (path / "checkpoint").write_text('model_checkpoint_path: "/tpu/run/model-5.ckpt"')
    assert read_checkpoint(path).heads


@needs_tensorflow
def test_a_checkpoint_needs_its_configuration(tmp_path):
    path = copy("bert_pretraining/google_tf1", tmp_path)
    (path / "bert_config.json").unlink()
    refused(path, "Expected bert_config.json or", error=FileNotFoundError)


@pytest.mark.skipif(HAS_TENSORFLOW, reason="TensorFlow is installed")
@pytest.mark.parametrize("name", ["bert_tiny/google_tf1", "bert_tiny/tfhub"])
def test_where_tensorflow_is_missing_a_way_around_is_told(name):
    with pytest.raises(ImportError, match="--to huggingface") as caught:
        read_checkpoint(folder(name))
    assert str(folder(name)) in str(caught.value)
