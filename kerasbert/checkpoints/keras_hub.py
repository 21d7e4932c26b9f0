"""KerasHub presets: `config.json`, `model.weights.h5`, and the files of a task."""

import dataclasses
import re
import warnings

import numpy as np

from kerasbert.account import quoted
from kerasbert.checkpoints import keras_hub_keys as keys
from kerasbert.checkpoints.assemble import assemble
from kerasbert.checkpoints.checkpoint import StoredTensors
from kerasbert.checkpoints.config_keys import (
    dropout_rate,
    make_config,
    read_object,
)
from kerasbert.checkpoints.foreign import (
    warn_of_other_head,
    warn_of_other_mathematics,
)
from kerasbert.checkpoints.kept import KEY, kept_scores, read_kept, restore
from kerasbert.checkpoints.names import FAMILIES, family_of, names_of, rows_in, titles
from kerasbert.checkpoints.names.table import name_in
from kerasbert.checkpoints.tensor_files import read_hdf5
from kerasbert.files import read_json, write_json

NAME = "keras_hub"
TASK = "task/"  # what the names of tensors in task.weights.h5 begin with here
FIRST_BLOCK = "layers/transformer_encoder_0/"  # without a number in the file


def recognises(folder):
    """Whether a folder looks like a KerasHub preset."""
    file = folder / "config.json"
    if not file.is_file():
        return False
    values = read_json(file)
    return isinstance(values, dict) and "class_name" in values


def read(folder, account):
    """Reads a KerasHub preset, with the head of its task."""
    file = folder / "config.json"
    values = read_object(file)
    held = [family for family in FAMILIES if family.keras_hub]
    families = {f"{family.keras_hub.title}Backbone": family for family in held}
    family = families.get(str(values["class_name"]))
    if family is None:
        raise ValueError(
            f"Expected one of {', '.join(families)} in {file}, got "
            f"{quoted(values['class_name'])}. kerasbert computes {titles()} alone."
        )
    names = family.keras_hub
    keys.OBJECT_KEYS.settle(values, file, account)
    arguments = _config_in(values, file)
    known = keys.CONFIG_KEYS.with_names(names.config)
    fields = known.read(arguments, file, account, "config.")
    fields["attention_probs_dropout_prob"] = fields.get("hidden_dropout_prob", 0.1)
    metadata, kept = folder / "metadata.json", {}
    if metadata.is_file():
        about = read_object(metadata)
        keys.METADATA_KEYS.settle(about, metadata, account)
        kept = read_kept(about, metadata)
    fields |= {"hidden_act": names.activation, **kept.get("config", {})}
    config = make_config(family.config_class, fields, file)

    weights = folder / "model.weights.h5"
    if not weights.is_file():
        raise FileNotFoundError(
            f"Expected model.weights.h5 in {folder}; there is none. Was the folder "
            "fetched whole?"
        )
    stored, own_names = _canonical(read_hdf5(weights), "")
    task = _task_in(folder / "task.json", account)
    if (folder / "task.weights.h5").is_file():
        head, head_names = _canonical(read_hdf5(folder / "task.weights.h5"), TASK)
        stored, own_names = _joined(stored, head), own_names | head_names
    shape = stored.shapes.get(
        name_in(names.table, "classification_head/dense/bias"), ()
    )
    classes = shape[0] if len(shape) == 1 and shape[0] else None
    checkpoint = assemble(
        NAME,
        folder,
        config,
        stored,
        account,
        is_encoders=lambda name: not name.startswith(TASK),
        ignored=keys.IGNORED,
        num_classes=classes,
        original_names=own_names,
    )
    checkpoint = dataclasses.replace(
        checkpoint,
        labels=tuple(map(str, range(classes or 0))),
        head_dropout=dropout_rate(task.get("dropout", 0.1), folder / "task.json"),
        score_activation=_score_activation(task.get("activation"), classes),
    )
    kept = {"masked_lm": names.masked_lm, **kept}
    return restore(checkpoint, kept, metadata)


def _score_activation(name, classes):
    """Returns the activation of the scores of a KerasHub classifier."""
    if not classes:
        return None
    if name in ("linear", None):
        return "linear" if classes == 1 else None
    return str(name)


def write(checkpoint, folder):
    """Writes a preset for KerasHub, with a task if it has the head."""
    import keras

    config = checkpoint.config
    names = names_of(family_of(config), NAME)
    if names.limit(config):
        raise ValueError(names.limit(config))
    rows = rows_in(config, NAME)
    arrays = {
        row.theirs: row.transform.save(
            checkpoint.weights[row.ours](), config.num_attention_heads
        )
        for row in rows
        if row.ours in checkpoint.weights
    }
    kept = {"config": _what_keras_hub_has_not(config, names)}
    if checkpoint.labels:
        kept["labels"] = list(checkpoint.labels)
        kept |= kept_scores(checkpoint)
    if "masked_lm_head" in checkpoint.heads:
        kept["masked_lm"] = dict(checkpoint.masked_lm)
        warn_of_other_head(checkpoint, "KerasHub", names.masked_lm)
    pooler = [r for r in rows if r.group == "pooler" and not r.theirs.startswith(TASK)]
    if pooler and not checkpoint.has_pooler:
        kept["has_pooler"] = False
        arrays |= _zero_pooler(pooler, config)
    backbone = {name: a for name, a in arrays.items() if not name.startswith(TASK)}
    _write_hdf5(folder / "model.weights.h5", backbone)
    files = {
        "config.json": _backbone_object(names, config),
        "metadata.json": {
            "keras_version": keras.__version__,
            "parameter_count": sum(array.size for array in backbone.values()),
            "tasks": [class_name for class_name, _ in keys.TASKS.values()],
            KEY: kept,
        },
    }
    head = _task_of(checkpoint)
    if head:
        task = {
            row.theirs.removeprefix(TASK): arrays[row.theirs]
            for row in rows
            if row.group in (head, "pooler") and row.theirs in arrays.keys() - backbone
        }
        _write_hdf5(folder / "task.weights.h5", task)
        files["task.json"] = _task_object(checkpoint, head, names, files["config.json"])
    for name, content in files.items():
        write_json(folder / name, content, indent=4)


def write_embedder(config, modules, folder):
    """Writes the files of KerasHub's `TextEmbedder`, if it supports the model.

    What it does not have is warned about; kerasbert reads `modules.json` instead.
    """
    family = family_of(config)
    names = names_of(family, NAME)
    other = {
        family.title: not names.has_embedder,
        f"the pooling {' and '.join(modules.poolings)}": (
            modules.poolings not in (("mean",), ("cls",), ("max",))
        ),
        "layers after pooling": bool(modules.projections),
        "truncate_dim": modules.truncate_dim is not None,
        "a default prompt": bool(modules.prompts.get(modules.default_prompt)),
        f"the similarity {modules.similarity_fn_name}": (
            modules.similarity_fn_name not in ("cosine", "dot")
        ),
        "another task in this preset": (folder / "task.json").exists(),
        "a tokenizer": not (folder / "tokenizer.json").is_file(),
    }
    if any(other.values()):
        reasons = [reason for reason, is_so in other.items() if is_so]
        lacks = reasons[-1] == "a tokenizer"
        warnings.warn(
            f"KerasHub's TextEmbedder {'needs' if lacks else 'does not have'} "
            f"{', '.join(reasons)}: no task.json is written for it. kerasbert reads "
            "the embedder back from modules.json.",
            stacklevel=4,
        )
        return
    positions = config.max_position_embeddings
    preprocessor = _object(
        names,
        "TextEmbedderPreprocessor",
        "text_embedder_preprocessor",
        {
            "tokenizer": read_json(folder / "tokenizer.json"),
            "config_file": "preprocessor.json",
            "sequence_length": min(modules.max_length or positions, positions),
            "truncate": "round_robin",
        },
    )
    arguments = {
        "backbone": read_json(folder / "config.json"),
        "preprocessor": preprocessor,
        "pooling_mode": modules.poolings[0],
        "normalize": modules.normalize,
    }
    files = {
        "preprocessor.json": preprocessor,
        "task.json": _object(names, "TextEmbedder", "text_embedder", arguments),
    }
    for name, content in files.items():
        write_json(folder / name, content, indent=4)


def _what_keras_hub_has_not(config, names):
    """Returns the round-trip metadata of a preset."""
    warn_of_other_mathematics(config, "KerasHub", (names.activation,))
    held = names.config.values()
    fields = dataclasses.asdict(config).items()
    return {name: value for name, value in fields if name not in held}


def _task_of(checkpoint):
    """Returns the head that KerasHub has a task for; warns about the others."""
    held = [head for head in checkpoint.heads if head in keys.TASKS]
    if checkpoint.token_labels or checkpoint.other_head:
        held = [head for head in held if head != "classification_head"]
    left_out = [head for head in checkpoint.heads if head not in held[:1]]
    rows = rows_in(checkpoint.config, NAME)
    of_task = any(r.group == "pooler" and r.theirs.startswith(TASK) for r in rows)
    if of_task and checkpoint.has_pooler and not held[:1] == ["classification_head"]:
        left_out.append("the pooler")
    if left_out:
        warnings.warn(
            f"KerasHub has no task for {', '.join(left_out)}: left out. The other "
            "formats hold it.",
            stacklevel=4,
        )
    return held[0] if held else None


def _zero_pooler(pooler, config):
    warnings.warn(
        "The model has no pooler, and KerasHub's backbone has: it is written as zeros, "
        "so KerasHub's pooled_output will be zero.",
        stacklevel=4,
    )
    shapes = {row.theirs: row.expected_shape(config) for row in pooler}
    return {name: np.zeros(shape, "float32") for name, shape in shapes.items()}


def _backbone_object(names, config):
    fields = dataclasses.asdict(config)
    arguments = {theirs: fields[ours] for theirs, ours in names.config.items()}
    return _object(names, "Backbone", "backbone", arguments)


def _task_object(checkpoint, head, names, backbone):
    class_name, file = keys.TASKS[head]
    arguments = {"backbone": backbone, "preprocessor": None}
    if head == "classification_head":
        arguments["num_classes"] = len(checkpoint.labels)
        activation = checkpoint.score_activation
        if activation not in ("softmax", "sigmoid"):
            activation = "linear"
        arguments |= {"activation": activation, "dropout": checkpoint.head_dropout}
    return _object(names, class_name, file, arguments)


def _object(names, class_name, file, arguments):
    """Serializes a layer like Keras."""
    class_name, kind = names.title + class_name, names.module
    return {
        "module": f"keras_hub.src.models.{kind}.{kind}_{file}",
        "class_name": class_name,
        "config": {"name": f"{kind}_{file}", "trainable": True, **arguments},
        "registered_name": f"keras_hub>{class_name}",
    }


def _write_hdf5(file, arrays):
    import h5py

    with h5py.File(file, "w") as tensors:
        for name, array in arrays.items():
            name = name.replace(FIRST_BLOCK, "layers/transformer_encoder/")
            # Layers that their parent keeps to itself have an underscore.
            tensors[re.sub(keys.PRIVATE, r"/_\1", name)] = array


def _task_in(file, account):
    """Returns the arguments of a preset's task, if any."""
    if not file.is_file():
        return {}
    values = read_object(file)
    keys.OBJECT_KEYS.settle(values, file, account)
    arguments = _config_in(values, file)
    keys.TASK_KEYS.settle(arguments, file, account, "config.")
    return arguments


def _config_in(values, file):
    config = values.get("config", {})
    if not isinstance(config, dict):
        raise ValueError(
            f"Expected an object under 'config' in {file}, got {quoted(config)}."
        )
    return config


def _canonical(stored, prefix):
    """Removes the differences between Keras versions from names."""
    own_names = {}
    for own_name in stored.shapes:
        name = re.sub(r"/_", "/", own_name).replace("layernorm", "layer_norm")
        name = name.replace("layers/transformer_encoder/", FIRST_BLOCK)
        own_names[prefix + name] = own_name
    shapes = {name: stored.shapes[own_name] for name, own_name in own_names.items()}
    shown = {name: f"{prefix}{own_name}" for name, own_name in own_names.items()}
    return StoredTensors(shapes, lambda name: stored.read(own_names[name])), shown


def _joined(first, second):
    def read(name):
        return (first if name in first.shapes else second).read(name)

    return StoredTensors({**second.shapes, **first.shapes}, read)
