"""Files cut or changed anywhere: an error that names them, or the weights as they were.

Never a crash, and never another model than the one that was written.
"""

import shutil

import numpy as np
import pytest

from kerasbert.checkpoints import read_checkpoint
from tests.checkpoints.on_disk import folder, needs_tensorflow, weights

FILES = {
    "bert_bare/huggingface": ["model.safetensors", "config.json"],
    "albert_torch_bin/huggingface": ["pytorch_model.bin"],
    "bert_torch_bin_2019/huggingface": ["pytorch_model.bin"],
    "keras_hub_bert/keras_hub": ["model.weights.h5"],
    "albert_pretraining/google_tf1": [
        "model.ckpt-best.index",
        "model.ckpt-best.data-00000-of-00001",
        "albert_config.json",
    ],
    "albert_tiny/tfhub": ["saved_model.pb", "variables/variables.index"],
}
CASES = [
    pytest.param(name, file, marks=[needs_tensorflow] if "tf" in name[-10:] else [])
    for name, files in FILES.items()
    for file in files
]


def loads_or_refuses(path):
    """The weights, or None where the folder is refused with an error of ours."""
    try:
        return weights(read_checkpoint(path))
    except (ValueError, FileNotFoundError) as error:
        assert str(path) in str(error), error
        return None


@pytest.mark.parametrize("name, file", CASES)
def test_a_file_cut_anywhere_is_refused_unless_nothing_of_use_is_gone(
    name, file, tmp_path
):
    path = tmp_path / "model"
    shutil.copytree(folder(name), path)
    whole = weights(read_checkpoint(path))
    data = (path / file).read_bytes()
    rng = np.random.default_rng(len(data))
    lengths = {1, 8, len(data) - 1, *rng.integers(1, len(data), 8).tolist()}
    for length in sorted(lengths):
        (path / file).write_bytes(data[:length])
        found = loads_or_refuses(path)
        if found is not None:
            assert len(data) - length <= 8
            for key, array in whole.items():
                np.testing.assert_array_equal(found[key], array)


@pytest.mark.parametrize("name, file", CASES)
def test_bytes_that_changed_end_in_no_crash(name, file, tmp_path):
    path = tmp_path / "model"
    shutil.copytree(folder(name), path)
    data = (path / file).read_bytes()
    rng = np.random.default_rng(len(data))
    shapes = {key: array.shape for key, array in weights(read_checkpoint(path)).items()}
    for _ in range(8):
        broken = bytearray(data)
        for position in rng.integers(0, min(len(data), 4000), 3):
            broken[position] = rng.integers(256)
        (path / file).write_bytes(bytes(broken))
        found = loads_or_refuses(path)
        if found is not None and not file.endswith(".json"):
            assert {key: array.shape for key, array in found.items()} == shapes
