"""TF Hub SavedModels of BERT and ALBERT. They are read, never run.

The variables lie in a checkpoint whose object graph tells their names; what no
variable tells (how many layers share one weight, which GELU) is counted in the graph.
"""

import re

from kerasbert.account import listed
from kerasbert.checkpoints import google_tf1
from kerasbert.checkpoints.assemble import assemble
from kerasbert.checkpoints.checkpoint import StoredTensors
from kerasbert.checkpoints.config_keys import make_config
from kerasbert.checkpoints.saved_model_graph import read_graph
from kerasbert.checkpoints.tables import Table
from kerasbert.checkpoints.tensor_files import errors_name, read_tensorflow
from kerasbert.checkpoints.transforms import JOIN_HEADS, JOIN_HEADS_IN
from kerasbert.config import AlbertConfig, BertConfig

NAME = "tf_hub"

EMBEDDINGS = {
    "embeddings/token_embedding/embeddings": "word_embeddings/embeddings",
    "embeddings/segment_embedding/embeddings": "type_embeddings/embeddings",
    "embeddings/position_embedding/embeddings": "position_embedding/embeddings",
    "embeddings/norm/gamma": "embeddings/layer_norm/gamma",
    "embeddings/norm/beta": "embeddings/layer_norm/beta",
}
BLOCK = {
    "attention/query/kernel": ("self_attention/query/kernel", JOIN_HEADS),
    "attention/query/bias": ("self_attention/query/bias", JOIN_HEADS),
    "attention/key/kernel": ("self_attention/key/kernel", JOIN_HEADS),
    "attention/key/bias": ("self_attention/key/bias", JOIN_HEADS),
    "attention/value/kernel": ("self_attention/value/kernel", JOIN_HEADS),
    "attention/value/bias": ("self_attention/value/bias", JOIN_HEADS),
    "attention/output/kernel": (
        "self_attention/attention_output/kernel",
        JOIN_HEADS_IN,
    ),
    "attention/output/bias": "self_attention/attention_output/bias",
    "attention_norm/gamma": "self_attention_layer_norm/gamma",
    "attention_norm/beta": "self_attention_layer_norm/beta",
    "feed_forward/intermediate/kernel": "intermediate/kernel",
    "feed_forward/intermediate/bias": "intermediate/bias",
    "feed_forward/output/kernel": "output/kernel",
    "feed_forward/output/bias": "output/bias",
    "feed_forward_norm/gamma": "output_layer_norm/gamma",
    "feed_forward_norm/beta": "output_layer_norm/beta",
}
POOLER = {
    "pooler/dense/kernel": "pooler_transform/kernel",
    "pooler/dense/bias": "pooler_transform/bias",
}
HEADS = {
    "masked_lm_head": {
        "masked_lm_head/dense/kernel": "cls/predictions/transform/dense/kernel",
        "masked_lm_head/dense/bias": "cls/predictions/transform/dense/bias",
        "masked_lm_head/norm/gamma": "cls/predictions/transform/LayerNorm/gamma",
        "masked_lm_head/norm/beta": "cls/predictions/transform/LayerNorm/beta",
        "masked_lm_head/bias": "cls/predictions/output_bias/bias",
    }
}

BERT = Table(EMBEDDINGS, BLOCK, "transformer/layer_{index}/", POOLER, HEADS)
ALBERT = Table(
    {
        **EMBEDDINGS,
        "embeddings/projection/kernel": "embedding_projection/kernel",
        "embeddings/projection/bias": "embedding_projection/bias",
    },
    BLOCK,
    "transformer/",
    POOLER,
    HEADS,
)

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
    """Whether a folder looks like a SavedModel of TF Hub, of either form."""
    return (folder / "saved_model.pb").is_file()


def read(folder, account):
    """Reads a TF Hub folder: a TF2 SavedModel or a TF1-format hub module.

    Args:
        folder: A `pathlib.Path`.
        account: The `kerasbert.account.Account` of its files.

    Returns:
        A `Checkpoint`.

    Raises:
        ValueError: If the folder is broken or holds another kind of model.
    """
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
    if "word_embeddings/embeddings" not in stored.shapes:
        raise ValueError(
            f"Expected the variables of a BERT or ALBERT encoder in {folder}, got "
            f"{listed(sorted(stored.shapes)) or 'none'}. A preprocessing model "
            "of TF Hub holds a vocabulary alone: name the encoder."
        )
    is_albert = "embedding_projection/kernel" in stored.shapes
    with errors_name(folder, (IndexError, KeyError, TypeError, ValueError)):
        fields = _fields(stored.shapes, graph, is_albert)
    config = make_config(AlbertConfig if is_albert else BertConfig, fields, folder)
    return assemble(
        NAME,
        folder,
        config,
        stored,
        ALBERT if is_albert else BERT,
        account,
        is_encoders=lambda name: not name.startswith("cls/"),
        ignored=IGNORED,
        original_names=original_names,
    )


def _fields(shapes, graph, is_albert):
    """The configuration, read off the shapes and the graph."""
    block = "transformer/" if is_albert else "transformer/layer_0/"
    vocab_size, embedding_size = shapes["word_embeddings/embeddings"]
    hidden_size, num_heads, _ = shapes[block + "self_attention/query/kernel"]
    fields = {
        "vocab_size": vocab_size,
        "hidden_size": hidden_size,
        "num_attention_heads": num_heads,
        "intermediate_size": shapes[block + "intermediate/kernel"][1],
        "max_position_embeddings": shapes["position_embedding/embeddings"][0],
        "type_vocab_size": shapes["type_embeddings/embeddings"][0],
        "hidden_act": graph.activation,
    }
    if is_albert:
        layers = graph.attention_count
        return {**fields, "num_hidden_layers": layers, "embedding_size": embedding_size}
    layers = {name.split("/")[1] for name in shapes if name.startswith("transformer/")}
    return {**fields, "num_hidden_layers": len(layers)}


def _by_object_graph(folder, stored, read_bytes):
    """The variables under the names of the tables, by the checkpoint's object graph."""
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
    """A TF1-format hub module: Google's names, perhaps below `module/`."""
    own_names = {name.removeprefix("module/"): name for name in stored.shapes}
    shapes = {name: stored.shapes[own_name] for name, own_name in own_names.items()}
    renamed = StoredTensors(shapes, lambda name: stored.read(own_names[name]))
    if "bert/embeddings/word_embeddings" not in shapes:
        raise ValueError(
            f"Expected the variables of BERT or ALBERT in {folder}, got "
            f"{listed(sorted(shapes))}."
        )
    is_albert = "bert/encoder/embedding_hidden_mapping_in/kernel" in shapes
    with errors_name(folder, (IndexError, KeyError, TypeError, ValueError)):
        fields = _tf1_fields(shapes, graph, is_albert)
    config = make_config(AlbertConfig if is_albert else BertConfig, fields, folder)
    return assemble(
        NAME,
        folder,
        config,
        renamed,
        google_tf1.ALBERT if is_albert else google_tf1.BERT,
        account,
        is_encoders=google_tf1.is_encoders,
        ignored=google_tf1.IGNORED,
        original_names=own_names,
    )


def _tf1_fields(shapes, graph, is_albert):
    vocab_size, embedding_size = shapes["bert/embeddings/word_embeddings"]
    numbers = _block_numbers(shapes, is_albert)
    block = (
        "bert/encoder/transformer/group_0/inner_group_0/ffn_1/"
        if is_albert
        else "bert/encoder/layer_0/"
    )
    hidden_size, intermediate_size = shapes[block + "intermediate/dense/kernel"]
    fields = {
        "vocab_size": vocab_size,
        "hidden_size": hidden_size,
        "num_attention_heads": hidden_size // graph.head_size,
        "intermediate_size": intermediate_size,
        "max_position_embeddings": shapes["bert/embeddings/position_embeddings"][0],
        "type_vocab_size": shapes["bert/embeddings/token_type_embeddings"][0],
        "hidden_act": graph.activation,
    }
    if not is_albert:
        return {**fields, "num_hidden_layers": len(numbers)}
    inner_group_num = len({inner for _, inner in numbers})
    return {
        **fields,
        "embedding_size": embedding_size,
        "num_hidden_layers": graph.attention_count // inner_group_num,
        "num_hidden_groups": len({group for group, _ in numbers}),
        "inner_group_num": inner_group_num,
    }


def _block_numbers(shapes, is_albert):
    pattern = re.compile(
        r"/group_(\d+)/inner_group_(\d+)/" if is_albert else r"/layer_(\d+)/"
    )
    found = (pattern.search(name) for name in shapes)
    return {match.groups() for match in found if match}
