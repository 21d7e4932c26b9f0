"""Name tables: our variables, a format's tensors, and the transforms between them.

A table is a dictionary from the path of a variable of ours to the name of a tensor of
theirs, or to a pair of the name and a `Transform`. The path of a variable in a block
begins with the name of the block, such as `layer_{layer}/`, and their name has its
numbers, too: one line stands for all blocks.
"""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

# The axes of every variable, in the letters of `kerasbert.layers`; `G` is the segments,
# `P` the positions, `R` the pixels of a patch's side, `I` the channels of an image.
# Those of a block are without its name.
BLOCK = {
    "attention/query/kernel": "DD",
    "attention/query/bias": "D",
    "attention/key/kernel": "DD",
    "attention/key/bias": "D",
    "attention/value/kernel": "DD",
    "attention/value/bias": "D",
    "attention/output/kernel": "DD",
    "attention/output/bias": "D",
    "attention_norm/gamma": "D",
    "attention_norm/beta": "D",
    "feed_forward/intermediate/kernel": "DF",
    "feed_forward/intermediate/bias": "F",
    "feed_forward/output/kernel": "FD",
    "feed_forward/output/bias": "D",
    "feed_forward_norm/gamma": "D",
    "feed_forward_norm/beta": "D",
}
# Of decoder blocks alone.
CROSS_ATTENTION = {
    path.replace("attention", "cross_attention", 1): letters
    for path, letters in BLOCK.items()
    if path.startswith("attention")
}
EMBEDDINGS = {
    "embeddings/token_embedding/embeddings": "VE",
    "embeddings/segment_embedding/embeddings": "GE",
    "embeddings/position_embedding/embeddings": "PE",
    "embeddings/norm/gamma": "E",
    "embeddings/norm/beta": "E",
    "embeddings/projection/kernel": "ED",
    "embeddings/projection/bias": "D",
}
PATCHES = {
    "embeddings/patches/kernel": "RRID",
    "embeddings/patches/bias": "D",
    "embeddings/class_token": "D",
}
NORM = {"norm/gamma": "D", "norm/beta": "D"}  # after the last block
POOLER = {"pooler/dense/kernel": "DD", "pooler/dense/bias": "D"}
HEADS = {
    "masked_lm_head": {
        "masked_lm_head/dense/kernel": "DE",
        "masked_lm_head/dense/bias": "E",
        "masked_lm_head/norm/gamma": "E",
        "masked_lm_head/norm/beta": "E",
        "masked_lm_head/bias": "V",
    },
    "pair_head": {"pair_head/dense/kernel": "D2", "pair_head/dense/bias": "2"},
    "classification_head": {
        "classification_head/dense/kernel": "DC",
        "classification_head/dense/bias": "C",
    },
    "span_head": {"span_head/dense/kernel": "D2", "span_head/dense/bias": "2"},
}
LETTERS = {
    **BLOCK,
    **CROSS_ATTENTION,
    **EMBEDDINGS,
    **PATCHES,
    **NORM,
    **POOLER,
}
for _variables in HEADS.values():
    LETTERS |= _variables


class Transform(NamedTuple):
    """An invertible rearrangement of a tensor.

    Args:
        name: What it does, in a word.
        load: From their array to ours.
        save: From our array and the number of attention heads to theirs.
    """

    name: str
    load: Callable
    save: Callable

    def saved_shape(self, shape, num_heads):
        """Returns the shape of a saved variable."""
        hollow = np.broadcast_to(np.float32(0), shape)  # takes no memory
        return self.save(hollow, num_heads).shape


SAME = Transform("same", lambda array: array, lambda array, num_heads: array)

TRANSPOSE = Transform(
    "transpose", lambda array: array.T, lambda array, num_heads: array.T
)

# Query, key and value: the last two axes, heads and head size, are one of ours.
JOIN_HEADS = Transform(
    "join heads",
    lambda array: array.reshape(*array.shape[:-2], -1),
    lambda array, num_heads: array.reshape(*array.shape[:-1], num_heads, -1),
)

# The output of attention: its first two axes, heads and head size, are one of ours.
JOIN_HEADS_IN = Transform(
    "join heads",
    lambda array: array.reshape(-1, array.shape[-1]),
    lambda array, num_heads: array.reshape(num_heads, -1, array.shape[-1]),
)

# The kernel of a convolution: height, width, in, out; and a table or a vector with an
# axis of one before it.
CONVOLUTION = Transform(
    "convolution",
    lambda array: array.transpose(2, 3, 1, 0),
    lambda array, num_heads: array.transpose(3, 2, 0, 1),
)
ONE_ROW = Transform(
    "one row", lambda array: array[0], lambda array, num_heads: array[None]
)
ONE_ROW_OF_ONE = Transform(
    "one row of one",
    lambda array: array[0, 0],
    lambda array, num_heads: array[None, None],
)

NUMBERS = ("index", "layer", "group", "inner")  # of a block, in names


@dataclasses.dataclass(frozen=True)
class Row:
    """A pair of one of our variables and one of their tensors.

    Args:
        ours: The path of our variable.
        theirs: Their name.
        transform: From their tensor to our variable.
        group: `"encoder"`, `"pooler"` or the name of a head.
        letters: The letters of our variable's axes.
    """

    ours: str
    theirs: str
    transform: Transform
    group: str
    letters: str

    def expected_shape(self, config, num_classes=None):
        """Returns the shape of their tensor for a config."""
        shape = shape_of(self.letters, config, num_classes)
        return self.transform.saved_shape(shape, config.num_attention_heads)


def rows_of(table, config):
    """Returns the rows of a table for a config, one per variable."""
    rows = []
    for index, numbers in enumerate([None, *config.blocks], start=-1):
        for path, name in table.items():
            if ("{" in path) == (numbers is not None):
                rows.append(_row(path, name, {"index": index, **(numbers or {})}))
    return rows


def name_in(table, path):
    """Returns their name of a variable by its path's end; of the first block."""
    full = next(each for each in table if each.endswith(path))
    return _row(full, table[full], dict.fromkeys(NUMBERS, 0)).theirs


def _row(path, name, numbers):
    name, transform = _pair(name)
    first, _, rest = path.partition("/")
    in_block = "{" in first
    group = "encoder" if in_block or first in ("embeddings", "norm") else first
    letters = LETTERS[rest if in_block else path]
    ours, theirs = path.format(**numbers), name.format(**numbers)
    return Row(ours, theirs, transform, group, letters)


def shape_of(letters, config, num_classes=None):
    """Returns the shape of axis letters."""
    sizes = {
        "V": config.vocab_size,
        "P": config.max_position_embeddings,
        "G": config.type_vocab_size,
        "D": config.hidden_size,
        "E": getattr(config, "embedding_size", config.hidden_size),
        "F": config.intermediate_size,
        "R": getattr(config, "patch_size", None),
        "I": getattr(config, "num_channels", None),
        "C": num_classes,
        "2": 2,
    }
    return tuple(sizes[letter] for letter in letters)


def _pair(name):
    return (name, SAME) if isinstance(name, str) else name


def table_of(layers, endings, transforms=None):
    """Expands a table of layers to a table of variables."""
    table = {}
    for layer, module in layers.items():
        first, _, rest = layer.partition("/")
        inner = rest if "{" in first else layer
        if inner in LETTERS:
            table[layer] = module
            continue
        for path in LETTERS:
            stem, _, last = path.rpartition("/")
            if stem == inner:
                ending, transform = _pair(endings[last])
                transform = (transforms or {}).get(path, transform)
                table[f"{layer}/{last}"] = module + ending, transform
    return table


def in_block(ours, theirs, layers):
    """Prefixes the layers of a block with its names."""
    return {ours + layer: theirs + module for layer, module in layers.items()}


# What the variables of a layer are called in PyTorch, in TensorFlow 1 and in HDF5.
TORCH = {
    "kernel": (".weight", TRANSPOSE),
    "bias": ".bias",
    "gamma": ".weight",
    "beta": ".bias",
    "embeddings": ".weight",
}
TENSORFLOW = {name: f"/{name}" for name in ("kernel", "bias", "gamma", "beta")}
HDF5 = {
    "kernel": "/vars/0",
    "bias": "/vars/1",
    "gamma": "/vars/0",
    "beta": "/vars/1",
    "embeddings": "/vars/0",
}
# Where attention keeps the axes of heads and head size apart.
HEADS_APART = {
    **{
        f"attention/{name}/{variable}": JOIN_HEADS
        for name in ("query", "key", "value")
        for variable in ("kernel", "bias")
    },
    "attention/output/kernel": JOIN_HEADS_IN,
}
