"""Hugging Face folders: `config.json` with safetensors, or a legacy torch file."""

import dataclasses
import json

import numpy as np

from kerasbert.checkpoints import huggingface_tables as tables
from kerasbert.checkpoints.assemble import assemble
from kerasbert.checkpoints.config_keys import (
    CONFIG_CLASSES,
    activation_of,
    make_config,
)
from kerasbert.checkpoints.tensor_files import read_safetensors, read_torch
from kerasbert.config import AlbertConfig
from kerasbert.files import read_json

NAME = "huggingface"
TABLES = {"bert": tables.BERT, "albert": tables.ALBERT}
WEIGHT_FILES = {
    "model.safetensors": read_safetensors,
    "model.safetensors.index.json": read_safetensors,
    "pytorch_model.bin": read_torch,
    "pytorch_model.bin.index.json": read_torch,
}


def recognises(folder):
    """Whether a folder looks like one of Hugging Face transformers."""
    config = folder / "config.json"
    if not config.is_file():
        return False
    values = read_json(config)
    return isinstance(values, dict) and "class_name" not in values


def read(folder, strict=False):
    """Reads a Hugging Face folder.

    Args:
        folder: A `pathlib.Path`.
        strict: Whether configuration keys that nobody knows are refused.

    Returns:
        A `Checkpoint`.

    Raises:
        ValueError: If the folder is broken or holds another kind of model.
    """
    file = folder / "config.json"
    values = read_json(file)
    kind = _kind(values, file)
    fields = tables.CONFIG_KEYS.read(values, file, strict)
    if "hidden_act" in fields:
        fields["hidden_act"] = activation_of(
            fields["hidden_act"], tables.ACTIVATIONS, file
        )
    if kind == "bert":
        albert_fields = {"embedding_size", "num_hidden_groups", "inner_group_num"}
        fields = {key: fields[key] for key in fields if key not in albert_fields}
    config = make_config(CONFIG_CLASSES[kind], fields, file)

    stored, original_names = _canonical(_open_weights(folder))
    _check_tied(stored, folder)
    classifier = stored.shapes.get("classifier.weight")
    checkpoint = assemble(
        NAME,
        folder,
        config,
        stored,
        TABLES[kind],
        ignored=tables.IGNORED,
        num_classes=classifier[0] if classifier else None,
        original_names=original_names,
    )
    architecture = (values.get("architectures") or [""])[0]
    dropout = values.get("classifier_dropout", values.get("classifier_dropout_prob"))
    return dataclasses.replace(
        checkpoint,
        labels=_labels(values, classifier),
        token_labels="TokenClassification" in architecture,
        head_dropout=config.hidden_dropout_prob if dropout is None else dropout,
    )


def write(checkpoint, folder):
    """Writes `config.json` and `model.safetensors`, as transformers reads them.

    Args:
        checkpoint: A `Checkpoint`.
        folder: An empty folder.
    """
    from safetensors.numpy import save_file

    config = checkpoint.config
    kind = "albert" if isinstance(config, AlbertConfig) else "bert"
    prefix = f"{kind}." if checkpoint.heads else ""
    num_heads = config.num_attention_heads
    tensors = {}
    for row in TABLES[kind].rows(config):
        if row.ours in checkpoint.weights:
            in_encoder = row.group in ("encoder", "pooler")
            name = (prefix if in_encoder else "") + row.theirs
            array = row.transform.save(checkpoint.weights[row.ours](), num_heads)
            tensors[name] = np.ascontiguousarray(array)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})

    heads = (*checkpoint.heads, *(("tokens",) if checkpoint.token_labels else ()))
    architecture = tables.ARCHITECTURES[kind].get(heads)
    if architecture is None:
        raise ValueError(
            f"No class of transformers holds the heads {', '.join(heads)} together. "
            "Load one of them, as with MaskedLMModel.from_pretrained, and save that."
        )
    activation = "gelu_new" if config.hidden_act == "gelu_tanh" else config.hidden_act
    values = {
        "architectures": [architecture],
        "model_type": kind,
        **dataclasses.asdict(config),
        "hidden_act": activation,
        "pad_token_id": 0,
        "torch_dtype": "float32",
    }
    if checkpoint.labels:
        labels = dict(enumerate(checkpoint.labels))
        values["id2label"] = labels
        values["label2id"] = {label: index for index, label in labels.items()}
        dropout_key = "classifier_dropout" + ("_prob" if kind == "albert" else "")
        values[dropout_key] = checkpoint.head_dropout
    text = json.dumps(values, indent=2, ensure_ascii=False)
    (folder / "config.json").write_text(text + "\n", encoding="utf-8")


def _kind(values, file):
    kind = values.get("model_type")
    if kind is None:
        architecture = (values.get("architectures") or [""])[0]
        is_albert = architecture.startswith("Albert") or "num_hidden_groups" in values
        kind = "albert" if is_albert else "bert"
    if kind not in CONFIG_CLASSES:
        raise ValueError(
            f"Expected a model_type of 'bert' or 'albert' in {file}, got {kind!r}. "
            "kerasbert computes these two alone."
        )
    return kind


def _open_weights(folder):
    for name, read_file in WEIGHT_FILES.items():
        if (folder / name).is_file():
            return read_file(folder / name)
    raise FileNotFoundError(
        f"Expected weights in {folder}, one of {', '.join(WEIGHT_FILES)}; there are "
        "none. Was the folder fetched whole (git lfs pull)?"
    )


def _canonical(stored):
    """The tensors under the names of the tables, and their own names by those."""
    own_names = {}
    for own_name in stored.shapes:
        name = own_name
        for pattern, replacement in tables.OLD_NAMES:
            name = pattern.sub(replacement, name)
        own_names[name] = own_name
    for prefix in ("cls.", ""):  # a file may name the tied bias alone
        bias, tied = f"{prefix}predictions.bias", f"{prefix}predictions.decoder.bias"
        if tied in own_names and bias not in own_names:
            own_names[bias] = own_names.pop(tied)
    shapes = {name: stored.shapes[own_name] for name, own_name in own_names.items()}
    renamed = dataclasses.replace(
        stored, shapes=shapes, read=lambda name: stored.read(own_names[name])
    )
    return renamed, own_names


def _check_tied(stored, folder):
    """Refuses an output matrix of its own: ours is the token embedding."""
    ties = {
        "cls.predictions.decoder.weight": "embeddings.word_embeddings.weight",
        "cls.predictions.decoder.bias": "cls.predictions.bias",
        "predictions.decoder.weight": "embeddings.word_embeddings.weight",
        "predictions.decoder.bias": "predictions.bias",
    }
    for name, twin in ties.items():
        if name not in stored.shapes or twin not in stored.shapes:
            continue
        if not np.array_equal(stored.read(name), stored.read(twin)):
            raise ValueError(
                f"{folder}: {name} differs from {twin}. kerasbert ties the output of "
                "the masked language model to the token embedding, as BERT does."
            )


def _labels(values, classifier_shape):
    if classifier_shape is None:
        return ()
    labels = {int(key): name for key, name in (values.get("id2label") or {}).items()}
    return tuple(
        str(labels.get(index, f"LABEL_{index}")) for index in range(classifier_shape[0])
    )
