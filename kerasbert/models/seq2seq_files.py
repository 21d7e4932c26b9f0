"""Saving and loading of encoder-decoder models in a format of their own."""

import dataclasses
import pathlib

import numpy as np
from keras import ops

from kerasbert.account import listed, quoted
from kerasbert.checkpoints import encoder_decoder
from kerasbert.checkpoints.names import FAMILIES, family_of
from kerasbert.checkpoints.sources import resolve
from kerasbert.checkpoints.tensor_files import read_safetensors, write_safetensors
from kerasbert.config import Seq2SeqConfig
from kerasbert.files import read_json, write_json
from kerasbert.models.bert_decoder import BertDecoder
from kerasbert.models.encoder import Encoder
from kerasbert.models.loading import merged_lora, variables_of

MODEL_TYPE = "seq2seq_transformer"
CONFIG_FILE, WEIGHTS_FILE = "config.json", "model.safetensors"


def holds_model(source):
    """Whether a source holds a whole encoder-decoder, and not an encoder alone."""
    file = resolve(source) / CONFIG_FILE
    values = read_json(file) if file.is_file() else None
    kind = values.get("model_type") if isinstance(values, dict) else None
    return kind in (MODEL_TYPE, encoder_decoder.NAME)


def variables_by_path(model):
    """Maps paths, such as `decoder/layer_0/...`, to the variables of both parts."""
    variables, seen = {}, set()
    for name in ("encoder", "decoder"):
        for path, variable in variables_of(getattr(model, name)).items():
            if id(variable) not in seen and "seed_generator" not in path:
                variables[f"{name}/{path}"] = variable
            seen.add(id(variable))
    return variables


def write_tensors(model, variables, folder):
    """Writes variables of a model by path, in float32, with LoRA updates merged."""
    model.check_floating()
    merged = merged_lora(model, variables)
    tensors = {
        path: merged[path]()
        if path in merged
        else np.ascontiguousarray(
            ops.convert_to_numpy(ops.cast(variable.value, "float32"))
        )
        for path, variable in variables.items()
    }
    write_safetensors(tensors, pathlib.Path(folder) / WEIGHTS_FILE)


def write_files(model, given, folder):
    """Writes the files of a model to a folder that exists.

    Args:
        model: The model.
        given: The `config`, `encoder` and `decoder` that it was made of.
        folder: The folder.
    """
    folder = pathlib.Path(folder)
    write_tensors(model, variables_by_path(model), folder)
    config = given["config"]
    values = {} if config is None else dataclasses.asdict(config)
    for name in ("encoder", "decoder"):
        if given[name] is not None:
            values[name] = _description(getattr(model, name))
    values = {"model_type": MODEL_TYPE, **values}
    write_json(folder / CONFIG_FILE, values)


def read_config(folder, dtype=None):
    """Reads what a model is made of: `config`, and `encoder` or `decoder` if published.

    Raises a `ValueError` for a config of another kind.
    """
    file = pathlib.Path(folder) / CONFIG_FILE
    if not file.is_file():
        raise FileNotFoundError(f"Expected {CONFIG_FILE} in {folder}, found none.")
    values = read_json(file)
    found = values.pop("model_type", None) if isinstance(values, dict) else None
    if found != MODEL_TYPE:
        raise ValueError(
            f"Expected the model_type {MODEL_TYPE!r} in {file}, got {found!r}."
        )
    parts = {
        name: _part(values.pop(name), name, file, dtype)
        for name in ("encoder", "decoder")
        if name in values
    }
    fields = {field.name for field in dataclasses.fields(Seq2SeqConfig)}
    unknown = sorted(set(values) - fields)
    if unknown:
        raise ValueError(
            f"Expected the settings of a Seq2SeqConfig in {file}, got also "
            f"{listed(unknown)}. Was it written by a newer kerasbert?"
        )
    return {"config": Seq2SeqConfig(**values) if values else None, **parts}


def _description(part):
    """Returns the settings of a published part."""
    family = family_of(part.config).name
    values = {"model_type": family, **dataclasses.asdict(part.config)}
    size = getattr(part, "encoder_size", None)
    return values if size is None else {**values, "encoder_size": size}


def _part(values, name, file, dtype):
    """Makes a part as `_description` describes it."""
    values = dict(values)
    kind, size = values.pop("model_type", None), values.pop("encoder_size", None)
    family = next((family for family in FAMILIES if family.name == kind), None)
    if family is None or (size is not None and kind != "bert"):
        raise ValueError(f"Expected a known {name} in {file}, got {quoted(kind)}.")
    try:
        config = family.config_class(**values)
    except TypeError as error:
        raise ValueError(f"The {name} in {file} makes no model: {error}") from None
    if size is None:
        return Encoder.classes[family.config_class](config, dtype, False, name=name)
    return BertDecoder(config, dtype, size, name=name)


def assign_files(model, folder, variables=None):
    """Assigns the weights of a folder to a model; each tensor, and every variable."""
    file = pathlib.Path(folder) / WEIGHTS_FILE
    if not file.is_file():
        raise FileNotFoundError(f"Expected {WEIGHTS_FILE} in {folder}, found none.")
    stored = read_safetensors(file)
    variables = variables_by_path(model) if variables is None else variables
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
