"""The models under `tests/fixtures`, and what makes others of them."""

import contextlib
import dataclasses
import importlib.util
import json
import pathlib
import shutil
import warnings

import keras
import numpy as np
import pytest

from kerasbert.checkpoints import read_checkpoint
from kerasbert.models import load_model

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures"
INPUTS = ("token_ids", "segment_ids", "padding_mask")
NEED_TENSORFLOW = ("google_tf1", "tfhub", "tfhub_mlm", "tf1_hub")
FOLDERS = sorted(
    folder
    for folder in FIXTURES.glob("*/*")
    if folder.is_dir()
    and (folder.parent / "expected.npz").is_file()
    and folder.name != "tfhub_preprocess"
    and folder.parent.name != "encoder_decoder"  # tests/models/test_bert_decoder.py
)

HAS_TENSORFLOW = importlib.util.find_spec("tensorflow") is not None
needs_tensorflow = pytest.mark.skipif(not HAS_TENSORFLOW, reason="needs TensorFlow")


def case(folder, *more):
    """A folder as a parameter of a test, skipped where nothing here reads it."""
    marks = [needs_tensorflow] if folder.name in NEED_TENSORFLOW else []
    name = f"{folder.parent.name}-{folder.name}"
    return pytest.param(
        folder, *more, id="-".join([name, *map(str, more)]), marks=marks
    )


def folder(name):
    """A folder by `model/container`."""
    return FIXTURES / name


def copy(name, target):
    """A folder to break."""
    return pathlib.Path(shutil.copytree(FIXTURES / name, target / "model"))


def expected(folder):
    with np.load(folder.parent / "expected.npz") as arrays:
        return dict(arrays)


def edit(file, **changes):
    """Changes keys of a JSON file; a key set to `...` goes."""
    values = {**json.loads(file.read_text("utf-8")), **changes}
    values = {key: value for key, value in values.items() if value is not ...}
    file.write_text(json.dumps(values), "utf-8")


def weights(checkpoint):
    return {path: np.asarray(read()) for path, read in checkpoint.weights.items()}


def without_folder(checkpoint):
    """A checkpoint whose vocabulary is not looked for."""
    return dataclasses.replace(checkpoint, folder=None)


def assert_same_checkpoint(found, wanted, but=()):
    """Bit for bit the same weights, and the same of all that comes with them."""
    for field in ("config", "heads", "has_pooler", "labels", "token_labels"):
        if field not in but:
            assert getattr(found, field) == getattr(wanted, field), field
    assert found.masked_lm == wanted.masked_lm
    if found.labels:
        assert found.head_dropout == wanted.head_dropout
    left, right = weights(found), weights(wanted)
    assert left.keys() == right.keys()
    for path, array in left.items():
        assert array.dtype == right[path].dtype == np.float32, path
        np.testing.assert_array_equal(array, right[path], path)


def outputs(model, batch):
    """What a model and its encoder answer, by the names of the contract."""
    encoder = getattr(model, "encoder", model)
    inputs = {name: batch[name] for name in INPUTS}
    found = dict(encoder(inputs))
    found["hidden_states"] = keras.ops.stack(found["hidden_states"])
    if any("masked_positions" in tensor.name for tensor in model.inputs):
        rows, length = batch["token_ids"].shape
        count = batch["mlm_logits"].shape[1] if "mlm_logits" in batch else length
        inputs["masked_positions"] = np.tile(np.arange(count, dtype="int32"), (rows, 1))
    if model is not encoder:
        found |= model(inputs)
    return {name: keras.ops.convert_to_numpy(value) for name, value in found.items()}


@contextlib.contextmanager
def quiet():
    """For warnings that another test is about, or that others' code gives."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def read(folder, strict=False):
    with quiet():
        return read_checkpoint(folder, strict)


def refused(path, *words, error=ValueError, strict=False):
    """Loads a folder, and checks that each of the words is in the one-line reason."""
    with quiet(), pytest.raises(error) as caught:
        load_model(path, strict=strict)
    for word in words:
        assert str(word) in str(caught.value), f"{word!r} not in: {caught.value}"
