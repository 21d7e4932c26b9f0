"""KerasHub presets: `config.json` and `model.weights.h5`."""

import dataclasses
import json
import re

from kerasbert.checkpoints.assemble import assemble
from kerasbert.checkpoints.checkpoint import StoredTensors
from kerasbert.checkpoints.config_keys import CONFIG_CLASSES, ConfigKeys, make_config
from kerasbert.checkpoints.foreign import warn_of_other_mathematics
from kerasbert.checkpoints.tables import Table
from kerasbert.checkpoints.tensor_files import read_hdf5
from kerasbert.checkpoints.transforms import JOIN_HEADS, JOIN_HEADS_IN
from kerasbert.config import AlbertConfig
from kerasbert.files import read_json

NAME = "keras_hub"

EMBEDDINGS = {
    "embeddings/token_embedding/embeddings": "layers/reversible_embedding/vars/0",
    "embeddings/segment_embedding/embeddings": "layers/embedding/vars/0",
    "embeddings/position_embedding/embeddings": "layers/position_embedding/vars/0",
    "embeddings/norm/gamma": "layers/layer_normalization/vars/0",
    "embeddings/norm/beta": "layers/layer_normalization/vars/1",
}
BLOCK = {
    "attention/query/kernel": ("self_attention_layer/query_dense/vars/0", JOIN_HEADS),
    "attention/query/bias": ("self_attention_layer/query_dense/vars/1", JOIN_HEADS),
    "attention/key/kernel": ("self_attention_layer/key_dense/vars/0", JOIN_HEADS),
    "attention/key/bias": ("self_attention_layer/key_dense/vars/1", JOIN_HEADS),
    "attention/value/kernel": ("self_attention_layer/value_dense/vars/0", JOIN_HEADS),
    "attention/value/bias": ("self_attention_layer/value_dense/vars/1", JOIN_HEADS),
    "attention/output/kernel": (
        "self_attention_layer/output_dense/vars/0",
        JOIN_HEADS_IN,
    ),
    "attention/output/bias": "self_attention_layer/output_dense/vars/1",
    "attention_norm/gamma": "self_attention_layer_norm/vars/0",
    "attention_norm/beta": "self_attention_layer_norm/vars/1",
    "feed_forward/intermediate/kernel": "feedforward_intermediate_dense/vars/0",
    "feed_forward/intermediate/bias": "feedforward_intermediate_dense/vars/1",
    "feed_forward/output/kernel": "feedforward_output_dense/vars/0",
    "feed_forward/output/bias": "feedforward_output_dense/vars/1",
    "feed_forward_norm/gamma": "feedforward_layer_norm/vars/0",
    "feed_forward_norm/beta": "feedforward_layer_norm/vars/1",
}
HEADS = {
    "masked_lm_head": {
        "masked_lm_head/dense/kernel": (
            "layers/masked_lm_head/intermediate_dense/vars/0"
        ),
        "masked_lm_head/dense/bias": "layers/masked_lm_head/intermediate_dense/vars/1",
        "masked_lm_head/norm/gamma": (
            "layers/masked_lm_head/intermediate_layer_norm/vars/0"
        ),
        "masked_lm_head/norm/beta": (
            "layers/masked_lm_head/intermediate_layer_norm/vars/1"
        ),
        "masked_lm_head/bias": "layers/masked_lm_head/vars/0",
    },
}
PREFIX = "layers/transformer_encoder_{index}/"

BERT = Table(
    EMBEDDINGS,
    BLOCK,
    PREFIX,
    pooler={
        "pooler/dense/kernel": "layers/dense/vars/0",
        "pooler/dense/bias": "layers/dense/vars/1",
    },
    heads=HEADS,
)
ALBERT = Table(
    {
        **EMBEDDINGS,
        "embeddings/projection/kernel": "layers/dense/vars/0",
        "embeddings/projection/bias": "layers/dense/vars/1",
    },
    BLOCK,
    PREFIX,
    pooler={
        "pooler/dense/kernel": "layers/dense_1/vars/0",
        "pooler/dense/bias": "layers/dense_1/vars/1",
    },
    heads=HEADS,
)
TABLES = {"bert": BERT, "albert": ALBERT}
CLASS_NAMES = {"bert": "BertBackbone", "albert": "AlbertBackbone"}
PRIVATE = ("feedforward", "self_attention", "intermediate")

IGNORED = [(re.compile(r"^optimizer/|/seed_generator/|_state/"), "training state")]

CONFIG_KEYS = ConfigKeys(
    handled={
        "vocabulary_size": "vocab_size",
        "num_layers": "num_hidden_layers",
        "num_heads": "num_attention_heads",
        "hidden_dim": "hidden_size",
        "intermediate_dim": "intermediate_size",
        "dropout": "hidden_dropout_prob",
        "max_sequence_length": "max_position_embeddings",
        "num_segments": "type_vocab_size",
        "embedding_dim": "embedding_size",
        "num_groups": "num_hidden_groups",
        "num_inner_repetitions": "inner_group_num",
    },
    ignored=frozenset({"name", "trainable", "dtype"}),
    required={},
)


def recognises(folder):
    """Whether a folder looks like a preset of KerasHub."""
    config = folder / "config.json"
    if not config.is_file():
        return False
    values = read_json(config)
    return isinstance(values, dict) and "class_name" in values


def read(folder, strict=False):
    """Reads a KerasHub preset.

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
    kinds = {class_name: kind for kind, class_name in CLASS_NAMES.items()}
    kind = kinds.get(values["class_name"])
    if kind is None:
        raise ValueError(
            f"Expected a BertBackbone or AlbertBackbone in {file}, got "
            f"{values['class_name']!r}. kerasbert computes these two alone."
        )
    fields = CONFIG_KEYS.read(values.get("config", {}), file, strict)
    fields["attention_probs_dropout_prob"] = fields.get("hidden_dropout_prob", 0.1)
    # What KerasHub computes, unless the folder was written by kerasbert.
    ours = read_json(folder / "metadata.json") if _has_metadata(folder) else {}
    fields |= {"hidden_act": "gelu_tanh", **ours.get("kerasbert", {})}
    config = make_config(CONFIG_CLASSES[kind], fields, file)

    weights = folder / "model.weights.h5"
    if not weights.is_file():
        raise FileNotFoundError(
            f"Expected model.weights.h5 in {folder}; there is none. Was the folder "
            "fetched whole?"
        )
    stored, original_names = _canonical(read_hdf5(weights))
    task_weights = folder / "task.weights.h5"
    if task_weights.is_file():
        head, head_names = _canonical(read_hdf5(task_weights))
        original_names |= head_names
        stored = _joined(stored, head)
    return assemble(
        NAME,
        folder,
        config,
        stored,
        TABLES[kind],
        ignored=IGNORED,
        original_names=original_names,
    )


def write(checkpoint, folder):
    """Writes `config.json` and `model.weights.h5`, as KerasHub reads them.

    Args:
        checkpoint: A `Checkpoint`; its heads are left out, which is warned about.
        folder: An empty folder.
    """
    import h5py
    import keras

    config = checkpoint.config
    kind = "albert" if isinstance(config, AlbertConfig) else "bert"
    if config.attention_probs_dropout_prob != config.hidden_dropout_prob:
        config = dataclasses.replace(
            config, attention_probs_dropout_prob=config.hidden_dropout_prob
        )
    with h5py.File(folder / "model.weights.h5", "w") as file:
        for row in TABLES[kind].rows(config):
            if row.ours in checkpoint.weights and row.group in ("encoder", "pooler"):
                array = row.transform.save(
                    checkpoint.weights[row.ours](), config.num_attention_heads
                )
                file[_private(row.theirs)] = array
    fields = dataclasses.asdict(config)
    class_name = CLASS_NAMES[kind]
    values = {
        "module": f"keras_hub.src.models.{kind}.{kind}_backbone",
        "class_name": class_name,
        "config": {
            "name": f"{kind}_backbone",
            "trainable": True,
            **{
                theirs: fields[ours]
                for theirs, ours in CONFIG_KEYS.handled.items()
                if ours in fields
            },
        },
        "registered_name": f"keras_hub>{class_name}",
    }
    metadata = {"keras_version": keras.__version__, "tasks": ["MaskedLM"]}
    metadata["parameter_count"] = sum(
        checkpoint.weights[row.ours]().size
        for row in TABLES[kind].rows(config)
        if row.ours in checkpoint.weights and row.group in ("encoder", "pooler")
    )
    if warn_of_other_mathematics(config, "KerasHub"):
        metadata["kerasbert"] = {
            "hidden_act": config.hidden_act,
            "layer_norm_eps": config.layer_norm_eps,
        }
    for name, content in (("config.json", values), ("metadata.json", metadata)):
        (folder / name).write_text(json.dumps(content, indent=4) + "\n", "utf-8")


def _has_metadata(folder):
    return (folder / "metadata.json").is_file()


def _canonical(stored):
    """Names without what Keras versions write differently: underscores, a zero."""
    own_names = {}
    for own_name in stored.shapes:
        name = re.sub(r"/_", "/", own_name).replace("layernorm", "layer_norm")
        name = name.replace("layers/transformer_encoder/", PREFIX.format(index=0))
        own_names[name] = own_name
    shapes = {name: stored.shapes[own_name] for name, own_name in own_names.items()}
    return StoredTensors(shapes, lambda name: stored.read(own_names[name])), own_names


def _private(name):
    """The name as Keras writes it today."""
    name = name.replace(PREFIX.format(index=0), "layers/transformer_encoder/")
    return re.sub(rf"/(?=({'|'.join(PRIVATE)})_)", "/_", name)


def _joined(first, second):
    def read(name):
        return (first if name in first.shapes else second).read(name)

    return StoredTensors({**second.shapes, **first.shapes}, read)
