"""Saving and loading of encoder-decoder models in a format of their own."""

import dataclasses
import pathlib

import numpy as np
from keras import ops

from kerasbert.account import listed
from kerasbert.checkpoints.tensor_files import read_safetensors, write_safetensors
from kerasbert.config import Seq2SeqConfig
from kerasbert.files import read_json, write_json
from kerasbert.models.loading import variables_of

MODEL_TYPE = "seq2seq_transformer"
CONFIG_FILE, WEIGHTS_FILE = "config.json", "model.safetensors"


def variables_by_path(model):
    """Maps paths, such as `decoder/layer_0/...`, to the variables of both parts."""
    variables, seen = {}, set()
    for name in ("encoder", "decoder"):
        for path, variable in variables_of(getattr(model, name)).items():
            if id(variable) not in seen and "seed_generator" not in path:
                variables[f"{name}/{path}"] = variable
            seen.add(id(variable))
    return variables


def write_files(model, config, folder):
    """Writes the files of a model to a folder that exists."""
    folder = pathlib.Path(folder)
    tensors = {
        path: np.ascontiguousarray(
            ops.convert_to_numpy(ops.cast(variable.value, "float32"))
        )
        for path, variable in variables_by_path(model).items()
    }
    write_safetensors(tensors, folder / WEIGHTS_FILE)
    values = {"model_type": MODEL_TYPE, **dataclasses.asdict(config)}
    write_json(folder / CONFIG_FILE, values)


def read_config(folder):
    """Reads the `Seq2SeqConfig` of a folder.

    Raises a `ValueError` for a config of another kind.
    """
    file = pathlib.Path(folder) / CONFIG_FILE
    if not file.is_file():
        raise FileNotFoundError(f"Expected {CONFIG_FILE} in {folder}, found none.")
    values = read_json(file)
    found = values.get("model_type") if isinstance(values, dict) else None
    if found != MODEL_TYPE:
        raise ValueError(
            f"Expected the model_type {MODEL_TYPE!r} in {file}, got {found!r}."
        )
    fields = {field.name for field in dataclasses.fields(Seq2SeqConfig)}
    unknown = sorted(set(values) - fields - {"model_type"})
    if unknown:
        raise ValueError(
            f"Expected the settings of a Seq2SeqConfig in {file}, got also "
            f"{listed(unknown)}. Was it written by a newer kerasbert?"
        )
    del values["model_type"]
    try:
        return Seq2SeqConfig(**values)
    except TypeError as error:
        raise ValueError(f"The settings in {file} make no model: {error}") from None


def assign_files(model, folder):
    """Assigns the weights of a folder to a model; each tensor, and every variable."""
    file = pathlib.Path(folder) / WEIGHTS_FILE
    if not file.is_file():
        raise FileNotFoundError(f"Expected {WEIGHTS_FILE} in {folder}, found none.")
    stored, variables = read_safetensors(file), variables_by_path(model)
    missing = sorted(set(variables) - set(stored.shapes))
    more = sorted(set(stored.shapes) - set(variables))
    shapes = [
        f"{path} {tuple(stored.shapes[path])} for {tuple(variable.shape)}"
        for path, variable in variables.items()
        if path in stored.shapes and tuple(stored.shapes[path]) != tuple(variable.shape)
    ]
    problems = [
        f"{what}: {listed(names)}"
        for what, names in (
            ("missing", missing),
            ("left over", more),
            ("of another shape", shapes),
        )
        if names
    ]
    if problems:
        raise ValueError(
            f"The tensors of {file} are not those of its configuration; "
            f"{'; '.join(problems)}. Is the file complete, and {CONFIG_FILE} its own?"
        )
    for path, variable in variables.items():
        variable.assign(stored.read(path))
