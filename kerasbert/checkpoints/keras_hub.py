"""KerasHub presets: `config.json` and `model.weights.h5`, and a task's two files."""

import dataclasses
import json
import re
import warnings

import numpy as np

from kerasbert.account import quoted
from kerasbert.checkpoints import keras_hub_tables as tables
from kerasbert.checkpoints.assemble import assemble
from kerasbert.checkpoints.checkpoint import StoredTensors
from kerasbert.checkpoints.config_keys import (
    CONFIG_CLASSES,
    dropout_rate,
    make_config,
    read_object,
)
from kerasbert.checkpoints.foreign import (
    warn_of_other_head,
    warn_of_other_mathematics,
)
from kerasbert.checkpoints.kept import KEY, kept_scores, read_kept, restore
from kerasbert.checkpoints.tensor_files import read_hdf5
from kerasbert.config import AlbertConfig
from kerasbert.files import read_json

NAME = "keras_hub"
TABLES = tables.TABLES


def recognises(folder):
    """Whether a folder looks like a preset of KerasHub."""
    file = folder / "config.json"
    if not file.is_file():
        return False
    values = read_json(file)
    return isinstance(values, dict) and "class_name" in values


def read(folder, account):
    """Reads a KerasHub preset, with the head of its task where it has one.

    Args:
        folder: A `pathlib.Path`.
        account: The `kerasbert.account.Account` of its files.

    Returns:
        A `Checkpoint`.

    Raises:
        ValueError: If the folder is broken or holds another kind of model.
    """
    file = folder / "config.json"
    values = read_object(file)
    kinds = {f"{kind.capitalize()}Backbone": kind for kind in CONFIG_CLASSES}
    kind = kinds.get(str(values["class_name"]))
    if kind is None:
        raise ValueError(
            f"Expected a {' or '.join(kinds)} in {file}, got "
            f"{quoted(values['class_name'])}. kerasbert computes these two alone."
        )
    tables.OBJECT_KEYS.settle(values, file, account)
    arguments = _config_in(values, file)
    fields = tables.CONFIG_KEYS.read(arguments, file, account, "config.")
    fields["attention_probs_dropout_prob"] = fields.get("hidden_dropout_prob", 0.1)
    metadata, kept = folder / "metadata.json", {}
    if metadata.is_file():
        about = read_object(metadata)
        tables.METADATA_KEYS.settle(about, metadata, account)
        kept = read_kept(about, metadata)
    fields |= {"hidden_act": "gelu_tanh", **kept.get("config", {})}
    config = make_config(CONFIG_CLASSES[kind], fields, file)

    weights = folder / "model.weights.h5"
    if not weights.is_file():
        raise FileNotFoundError(
            f"Expected model.weights.h5 in {folder}; there is none. Was the folder "
            "fetched whole?"
        )
    stored, own_names = _canonical(read_hdf5(weights), "")
    task = _task_in(folder / "task.json", account)
    if (folder / "task.weights.h5").is_file():
        head, head_names = _canonical(read_hdf5(folder / "task.weights.h5"), "task/")
        stored, own_names = _joined(stored, head), own_names | head_names
    shape = stored.shapes.get("task/layers/dense/vars/1", ())
    classes = shape[0] if len(shape) == 1 and shape[0] else None
    checkpoint = assemble(
        NAME,
        folder,
        config,
        stored,
        TABLES[kind],
        account,
        is_encoders=lambda name: not name.startswith("task/"),
        ignored=tables.IGNORED,
        num_classes=classes,
        original_names=own_names,
    )
    checkpoint = dataclasses.replace(
        checkpoint,
        labels=tuple(map(str, range(classes or 0))),
        head_dropout=dropout_rate(task.get("dropout", 0.1), folder / "task.json"),
        score_activation=_score_activation(task.get("activation"), classes),
    )
    kept = {"masked_lm": tables.MASKED_LM[kind], **kept}
    return restore(checkpoint, kept, metadata)


def _score_activation(name, classes):
    """The activation of the scores: KerasHub's default, none, says nothing of classes.

    Args:
        name: The activation of a KerasHub classifier.
        classes: Its number of classes; 0: there is no classifier.
    """
    if not classes:
        return None
    if name in ("linear", None):
        return "linear" if classes == 1 else None
    return str(name)


def write(checkpoint, folder):
    """Writes a preset as KerasHub reads it, and a task where it has one for the head.

    Args:
        checkpoint: A `Checkpoint`; heads that KerasHub has not are left out, which is
            warned about.
        folder: An empty folder.

    Raises:
        ValueError: If KerasHub's backbone cannot hold the model.
    """
    import keras

    config = checkpoint.config
    kind = "albert" if isinstance(config, AlbertConfig) else "bert"
    if kind == "albert" and config.num_hidden_layers % config.num_hidden_groups:
        raise ValueError(
            "Expected num_hidden_layers to be a multiple of num_hidden_groups, as "
            f"KerasHub needs, got {config.num_hidden_layers} layers in "
            f"{config.num_hidden_groups} groups. Use another format."
        )
    rows = TABLES[kind].rows(config)
    arrays = {
        row.theirs: row.transform.save(
            checkpoint.weights[row.ours](), config.num_attention_heads
        )
        for row in rows
        if row.ours in checkpoint.weights
    }
    kept = {"config": _what_keras_hub_has_not(config)}
    if checkpoint.labels:
        kept["labels"] = list(checkpoint.labels)
        kept |= kept_scores(checkpoint)
    if "masked_lm_head" in checkpoint.heads:
        kept["masked_lm"] = dict(checkpoint.masked_lm)
        warn_of_other_head(checkpoint, "KerasHub", tables.MASKED_LM[kind])
    if not checkpoint.has_pooler:
        kept["has_pooler"] = False
        arrays |= _zero_pooler(rows, config)
    backbone = {name: a for name, a in arrays.items() if not name.startswith("task/")}
    _write_hdf5(folder / "model.weights.h5", backbone)
    files = {
        "config.json": _backbone_object(kind, config),
        "metadata.json": {
            "keras_version": keras.__version__,
            "parameter_count": sum(array.size for array in backbone.values()),
            "tasks": [class_name for class_name, _ in tables.TASKS.values()],
            KEY: kept,
        },
    }
    head = _task_of(checkpoint)
    if head:
        names = tables.HEADS[head].values()
        task = {name.removeprefix("task/"): arrays[name] for name in names}
        _write_hdf5(folder / "task.weights.h5", task)
        files["task.json"] = _task_object(checkpoint, head, kind, files["config.json"])
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, indent=4) + "\n", "utf-8")


def write_embedder(config, modules, folder):
    """Writes the files of KerasHub's `TextEmbedder`, where it has one for a model.

    What it does not have is warned about; kerasbert reads `modules.json` instead.

    Args:
        config: The encoder's configuration.
        modules: `kerasbert.checkpoints.sentence_transformers.SentenceModules`.
        folder: The folder of a preset, with its tokenizer.
    """
    other = {
        "ALBERT": isinstance(config, AlbertConfig),
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
        names = [name for name, is_so in other.items() if is_so]
        lacks = names[-1] == "a tokenizer"
        warnings.warn(
            f"KerasHub's TextEmbedder {'needs' if lacks else 'does not have'} "
            f"{', '.join(names)}: no task.json is written for it. kerasbert reads the "
            "embedder back from modules.json.",
            stacklevel=4,
        )
        return
    positions = config.max_position_embeddings
    preprocessor = _object(
        "bert",
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
        "task.json": _object("bert", "TextEmbedder", "text_embedder", arguments),
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, indent=4) + "\n", "utf-8")


def _what_keras_hub_has_not(config):
    """Fields that are written beside the preset, so that it reads back as it was."""
    warn_of_other_mathematics(config, "KerasHub", ("gelu_tanh",))
    held = tables.CONFIG_KEYS.handled.values()
    fields = dataclasses.asdict(config).items()
    return {name: value for name, value in fields if name not in held}


def _task_of(checkpoint):
    """The head that KerasHub has a task for; the others are warned about."""
    held = [head for head in checkpoint.heads if head in tables.TASKS]
    if checkpoint.token_labels or checkpoint.other_head:
        held = [head for head in held if head != "classification_head"]
    left_out = [head for head in checkpoint.heads if head not in held[:1]]
    if left_out:
        warnings.warn(
            f"KerasHub has no task for {', '.join(left_out)}: left out. The other "
            "formats hold it.",
            stacklevel=4,
        )
    return held[0] if held else None


def _zero_pooler(rows, config):
    warnings.warn(
        "The model has no pooler, and KerasHub's backbone has: it is written as zeros, "
        "so KerasHub's pooled_output will be zero.",
        stacklevel=4,
    )
    pooler = [row for row in rows if row.group == "pooler"]
    shapes = {row.theirs: row.expected_shape(config, None) for row in pooler}
    return {name: np.zeros(shape, "float32") for name, shape in shapes.items()}


def _backbone_object(kind, config):
    fields = dataclasses.asdict(config)
    keys = tables.CONFIG_KEYS.handled.items()
    arguments = {theirs: fields[ours] for theirs, ours in keys if ours in fields}
    return _object(kind, "Backbone", "backbone", arguments)


def _task_object(checkpoint, head, kind, backbone):
    class_name, file = tables.TASKS[head]
    arguments = {"backbone": backbone, "preprocessor": None}
    if head == "classification_head":
        arguments["num_classes"] = len(checkpoint.labels)
        arguments |= {"activation": "linear", "dropout": checkpoint.head_dropout}
    return _object(kind, class_name, file, arguments)


def _object(kind, class_name, file, arguments):
    """A layer as Keras serialises it."""
    class_name = kind.capitalize() + class_name
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
            name = name.replace(
                tables.PREFIX.format(index=0), "layers/transformer_encoder/"
            )
            # Layers that their parent keeps to itself have an underscore.
            tensors[re.sub(tables.PRIVATE, r"/_\1", name)] = array


def _task_in(file, account):
    """The arguments of the task that a preset is of; none where it is of none."""
    if not file.is_file():
        return {}
    values = read_object(file)
    tables.OBJECT_KEYS.settle(values, file, account)
    arguments = _config_in(values, file)
    tables.TASK_KEYS.settle(arguments, file, account, "config.")
    return arguments


def _config_in(values, file):
    config = values.get("config", {})
    if not isinstance(config, dict):
        raise ValueError(
            f"Expected an object under 'config' in {file}, got {quoted(config)}."
        )
    return config


def _canonical(stored, prefix):
    """Names without what Keras versions write differently: underscores, a zero."""
    own_names = {}
    for own_name in stored.shapes:
        name = re.sub(r"/_", "/", own_name).replace("layernorm", "layer_norm")
        name = name.replace(
            "layers/transformer_encoder/", tables.PREFIX.format(index=0)
        )
        own_names[prefix + name] = own_name
    shapes = {name: stored.shapes[own_name] for name, own_name in own_names.items()}
    shown = {name: f"{prefix}{own_name}" for name, own_name in own_names.items()}
    return StoredTensors(shapes, lambda name: stored.read(own_names[name])), shown


def _joined(first, second):
    def read(name):
        return (first if name in first.shapes else second).read(name)

    return StoredTensors({**second.shapes, **first.shapes}, read)
