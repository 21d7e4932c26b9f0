"""Files whose descriptions are absurd: refused before anything large is built."""

import json
import struct
import zipfile

import numpy as np
import pytest

from kerasbert.checkpoints import (
    config_keys,
    pickle_machine,
    read_checkpoint,
    tensor_files,
)
from tests.checkpoints.on_disk import copy, edit, refused

BARE = "bert_bare/huggingface"
TENSORFLOW = "bert_tf_sequence_classification/huggingface"


def header(path, values):
    data = values if isinstance(values, bytes) else json.dumps(values).encode()
    file = path / "model.safetensors"
    file.write_bytes(struct.pack("<Q", len(data)) + data)
    return path


def empty(names):
    return {n: {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for n in names}


def test_a_header_with_too_many_tensors_is_refused(tmp_path):
    path = header(copy(BARE, tmp_path), empty(map(str, range(20_001))))
    refused(path, path / "model.safetensors", "holds 20,001 tensors or more")


def test_a_header_that_claims_too_much_is_refused(tmp_path):
    path = copy(BARE, tmp_path)
    (path / "model.safetensors").write_bytes(struct.pack("<Q", 10**9) + b"{}")
    refused(path, "its header claims 1000000000 bytes")


def test_a_header_that_names_a_tensor_twice_is_refused(tmp_path):
    one = json.dumps(empty(["a"]))[1:-1]
    path = header(copy(BARE, tmp_path), f"{{{one}, {one}}}".encode())
    refused(path, "its header has 'a' twice")


def test_no_error_quotes_a_long_name_in_full(tmp_path):
    path = copy(BARE, tmp_path)
    long = "encoder." + "n" * 10**6
    header(path, empty([long, *map(str, range(3))]))
    with pytest.raises(ValueError, match="missing: embeddings") as caught:
        read_checkpoint(path)
    assert "nnn" * 100 not in str(caught.value)
    edit(path / "config.json", hidden_act="g" * 10**6)
    with pytest.raises(ValueError, match="the activation") as caught:
        read_checkpoint(path)
    assert len(str(caught.value).replace(str(path), "")) < 400


@pytest.mark.parametrize(
    "name, file",
    [(TENSORFLOW, "tf_model.h5"), ("keras_hub_bert/keras_hub", "model.weights.h5")],
)
def test_groups_within_groups_without_end_are_refused(name, file, tmp_path):
    import h5py

    path = copy(name, tmp_path)
    with h5py.File(path / file, "w") as tensors:
        group = tensors
        for _ in range(2000):
            group = group.create_group("g")
    refused(path, path / file, "groups are more than 32 deep")
    with h5py.File(path / file, "w") as tensors:  # a circle
        tensors["g/g"] = tensors.create_group("g")
    refused(path, path / file, "groups are more than 32 deep")


def test_a_dataset_without_numbers_is_refused(tmp_path):
    import h5py

    path = copy(TENSORFLOW, tmp_path)
    name = "classifier/tf_bert_for_sequence_classification/classifier/kernel:0"
    with h5py.File(path / "tf_model.h5", "r+") as tensors:
        del tensors[name]
        tensors.create_dataset(name, (24, 3), "f4", chunks=(24, 3), compression="gzip")
    refused(path, "classifier/kernel:0", "has 0 bytes")


def test_links_to_other_files_are_refused(tmp_path):
    import h5py

    path = copy(TENSORFLOW, tmp_path)
    with h5py.File(path / "tf_model.h5", "r+") as tensors:
        tensors["elsewhere"] = h5py.ExternalLink("/etc/other.h5", "x")
    refused(path, "'elsewhere' lies elsewhere")


def test_a_pickle_of_too_many_steps_is_refused(tmp_path, monkeypatch):
    path = copy("bert_torch_bin/huggingface", tmp_path)
    monkeypatch.setattr(pickle_machine, "MOST_STEPS", 100)
    refused(path, "its pickle has more than 100 steps")


def test_a_packed_pickle_is_refused_unread(tmp_path):
    path = copy("bert_torch_bin/huggingface", tmp_path)
    with zipfile.ZipFile(path / "pytorch_model.bin", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("archive/data.pkl", bytes(10**6))
    refused(path, path / "pytorch_model.bin", "is packed or corrupt")


def test_a_record_twice_is_refused(tmp_path):
    path = copy("bert_torch_bin/huggingface", tmp_path)
    with zipfile.ZipFile(path / "pytorch_model.bin", "a") as archive:
        name = next(n for n in archive.namelist() if n.endswith("data.pkl"))
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr(name, b"\x80\x02}.")
    refused(path, "it holds a record twice")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors.index.json"])
def test_a_file_of_json_without_end_is_refused_unread(name, tmp_path, monkeypatch):
    path = copy("bert_sharded/huggingface", tmp_path)
    for module, limit in (
        (config_keys, "MOST_BYTES"),
        (tensor_files, "MOST_HEADER_BYTES"),
    ):
        monkeypatch.setattr(module, limit, 100_000)
    (path / name).write_text(json.dumps({"a": "x" * 100_000}))
    refused(path, path / name, "at most 100,000 bytes")


@pytest.mark.parametrize(
    "dtype", ["int8", "uint8", "bool", "int64", "complex64", "float16", ">f4", ">f8"]
)
def test_numbers_of_every_type_are_read_or_refused(dtype, tmp_path):
    import h5py

    path = copy(TENSORFLOW, tmp_path)
    name = "classifier/tf_bert_for_sequence_classification/classifier/bias:0"
    with h5py.File(path / "tf_model.h5", "r+") as tensors:
        del tensors[name]
        tensors[name] = np.array([0, 1, 0.5]).astype(dtype)
    checkpoint = read_checkpoint(path)
    read = checkpoint.weights["classification_head/dense/bias"]
    if np.dtype(dtype).kind == "f":
        array = read()
        assert array.dtype == np.float32 and array.dtype.isnative
        np.testing.assert_array_equal(array, [0, 1, 0.5])
    else:
        with pytest.raises(ValueError, match="floating-point numbers in .*bias:0"):
            read()


@pytest.mark.parametrize("name", ["x" * 300, "a/" * 3000, "a\ud800b", "a\0b"])
def test_what_is_no_path_is_refused_by_its_file(name, tmp_path):
    path = copy("bert_sharded/huggingface", tmp_path)
    index = path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": name}}))
    refused(path, index, "Expected a path inside it")
