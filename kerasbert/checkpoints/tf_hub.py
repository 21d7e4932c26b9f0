"""TF Hub SavedModels of BERT and ALBERT, read without running them.

The variables lie in a checkpoint whose object graph tells their names; what no
variable tells (how many layers share one weight, which GELU) is counted in the graph.
"""

import dataclasses
import re

from kerasbert.account import listed
from kerasbert.checkpoints import google_tf1
from kerasbert.checkpoints.assemble import assemble
from kerasbert.checkpoints.checkpoint import StoredTensors
from kerasbert.checkpoints.config_keys import make_config
from kerasbert.checkpoints.names import FAMILIES, names_of, titles
from kerasbert.checkpoints.names.table import name_in
from kerasbert.checkpoints.saved_model_graph import read_graph
from kerasbert.checkpoints.tensor_files import errors_name, read_tensorflow

NAME = "tf_hub"

# Models stand below scopes of their own, such as `bert/`; the tables begin here.
ROOTS = re.compile(
    r"(?:^|/)((?:word_embeddings|type_embeddings|position_embedding|embeddings"
    r"|embedding_postprocessor|embedding_projection|transformer|encoder"
    r"|pooler_transform|cls)/.*)$"
)
# Those of models exported in 2019 (`embedding_postprocessor`, `encoder`) and 2020.
OLD_NAMES = [
    (re.compile(r"^embedding_postprocessor/layer_norm/"), "embeddings/layer_norm/"),
    (
        re.compile(r"^embedding_postprocessor/type_embeddings$"),
        "type_embeddings/embeddings",
    ),
    (
        re.compile(r"^embedding_postprocessor/position_embeddings$"),
        "position_embedding/embeddings",
    ),
    (re.compile(r"^encoder/layer_"), "transformer/layer_"),
    (re.compile(r"/self_attention_output/"), "/self_attention/attention_output/"),
    (re.compile(r"^cls/predictions/output_bias$"), "cls/predictions/output_bias/bias"),
]
IGNORED = [
    (re.compile(r"^do_lower_case$"), "casing, which the tokenizer reads"),
    (re.compile(r"(^|/)(save_counter|global_step|iter)$"), "book-keeping"),
]


def recognises(folder):
    """Whether a folder looks like a SavedModel of TF Hub."""
    return (folder / "saved_model.pb").is_file()


def read(folder, account):
    """Reads a TF Hub folder: a TF2 SavedModel or a TF1-format hub module."""
    graph = read_graph(folder / "saved_model.pb")
    if not (folder / "variables" / "variables.index").is_file():
        raise ValueError(
            f"Expected variables/variables.index in {folder}; this SavedModel has no "
            "weights. Was the folder fetched whole?"
        )
    stored, read_bytes = read_tensorflow(folder / "variables" / "variables")
    if (folder / "tfhub_module.pb").is_file():
        return _read_tf1_module(folder, graph, stored, account)

    stored, original_names = _by_object_graph(folder, stored, read_bytes)
    family = _family_in(stored.shapes, NAME)
    if family is None:
        raise ValueError(
            f"Expected the variables of an encoder of {titles()} in {folder}, got "
            f"{listed(sorted(stored.shapes)) or 'none'}. A preprocessing model "
            "of TF Hub holds a vocabulary alone: name the encoder."
        )
    config = _config(folder, stored.shapes, graph, family, NAME)
    return assemble(
        NAME,
        folder,
        config,
        stored,
        account,
        is_encoders=lambda name: not name.startswith("cls/"),
        ignored=IGNORED,
        original_names=original_names,
    )


def _family_in(shapes, container):
    """Returns the family with the most matching names, or None."""
    found = {}
    for family in FAMILIES:
        names = getattr(family, container)
        if names is not None and name_in(names.table, "token_embedding/embeddings") in (
            shapes
        ):
            layers = [name_in(names.table, path) for path in names.table]
            found[family.name] = sum(layer in shapes for layer in layers), family
    return max(found.values(), key=lambda each: each[0])[1] if found else None


def _config(folder, shapes, graph, family, container):
    """Infers the config from shapes and the graph."""
    table = names_of(family, container).table

    def shape(path):
        return shapes[name_in(table, path)]

    with errors_name(folder, (IndexError, KeyError, TypeError, ValueError)):
        query = shape("attention/query/kernel")  # [D, N, H] or [D, D]
        numbers = _block_numbers(shapes, table)
        inner = len({block.get("inner", 0) for block in numbers})
        layers = len(numbers)
        if "layer" not in numbers[0]:  # layers share blocks
            layers = graph.attention_count // inner
        fields = {
            "vocab_size": shape("token_embedding/embeddings")[0],
            "embedding_size": shape("token_embedding/embeddings")[1],
            "hidden_size": query[0],
            "num_hidden_layers": layers,
            "num_hidden_groups": len({block.get("group", 0) for block in numbers}),
            "inner_group_num": inner,
            "num_attention_heads": (
                query[1] if len(query) == 3 else query[0] // graph.head_size
            ),
            "intermediate_size": shape("feed_forward/intermediate/kernel")[1],
            "max_position_embeddings": shape("position_embedding/embeddings")[0],
            "type_vocab_size": shape("segment_embedding/embeddings")[0],
            "hidden_act": graph.activation,
        }
    known = [field.name for field in dataclasses.fields(family.config_class)]
    fields = {name: value for name, value in fields.items() if name in known}
    return make_config(family.config_class, fields, folder)


def _block_numbers(shapes, table):
    """Returns the block numbers, from the names of one tensor."""
    path = next(path for path in table if path.endswith("attention/query/kernel"))
    name = re.escape(table[path][0]).replace(r"\{", "{").replace(r"\}", "}")
    pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>\\d+)", name))
    matches = filter(None, map(pattern.fullmatch, shapes))
    return [{key: int(n) for key, n in m.groupdict().items()} for m in matches]


def _by_object_graph(folder, stored, read_bytes):
    """Returns the variables under table names, by the object graph."""
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import trackable_object_graph_pb2

    key = "_CHECKPOINTABLE_OBJECT_GRAPH"
    if key not in stored.shapes:
        raise ValueError(
            f"Expected an object graph in the checkpoint of {folder}: this SavedModel "
            "is not of TF2, and no TF1-format hub module (tfhub_module.pb) either."
        )
    object_graph = trackable_object_graph_pb2.TrackableObjectGraph()
    with errors_name(folder, (DecodeError, TypeError)):
        object_graph.ParseFromString(read_bytes(key))
    keys, original_names = {}, {}
    for node in object_graph.nodes:
        for attribute in node.attributes:
            if attribute.checkpoint_key not in stored.shapes:
                continue
            full_name = attribute.full_name.removesuffix(":0")
            root = ROOTS.search(full_name)
            name = root[1] if root else attribute.checkpoint_key.split("/.ATTR")[0]
            for pattern, replacement in OLD_NAMES:
                name = pattern.sub(replacement, name)
            if keys.setdefault(name, attribute.checkpoint_key) != (
                attribute.checkpoint_key
            ):
                raise ValueError(
                    f"Expected one variable {name} in {folder}, which has several. Is "
                    "it one encoder?"
                )
            original_names[name] = full_name if root else name
    shapes = {name: stored.shapes[key] for name, key in keys.items()}
    return StoredTensors(shapes, lambda name: stored.read(keys[name])), original_names


def _read_tf1_module(folder, graph, stored, account):
    """Reads a TF1-format hub module, with Google's names."""
    own_names = {name.removeprefix("module/"): name for name in stored.shapes}
    shapes = {name: stored.shapes[own_name] for name, own_name in own_names.items()}
    renamed = StoredTensors(shapes, lambda name: stored.read(own_names[name]))
    family = _family_in(shapes, google_tf1.NAME)
    if family is None:
        raise ValueError(
            f"Expected the variables of {titles()} in {folder}, got "
            f"{listed(sorted(shapes))}."
        )
    config = _config(folder, shapes, graph, family, google_tf1.NAME)
    return assemble(
        NAME,
        folder,
        config,
        renamed,
        account,
        names=google_tf1.NAME,
        is_encoders=google_tf1.is_encoders,
        ignored=google_tf1.IGNORED,
        original_names=own_names,
    )
