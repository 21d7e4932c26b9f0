"""Export to LiteRT.

The graph takes one text of any length, which is resized to and not padded to: there
is no work on padding, and one copy of the weights in memory for all lengths. Every
shape in it but the length is a constant, so that the runtime takes all of it as one.
"""

import dataclasses
import os
import pathlib
import tempfile
from typing import Any

import keras
import tensorflow as tf

from kerasbert.checkpoints import read_checkpoint
from kerasbert.checkpoints.packed_writing import pack_folder
from kerasbert.checkpoints.tensor_files import read_safetensors
from kerasbert.checkpoints.vocabulary import write_tokenizer
from kerasbert.export.cards import LITERT, card
from kerasbert.export.saved_model import checked_length
from kerasbert.files import new_folder, write_json
from kerasbert.inference.serving_graph import frozen
from kerasbert.layers import ONE_ROW, pad
from kerasbert.litert import (
    FORMAT,
    GRAPH_FILE,
    MODEL_FILE,
    PACKED_FORMAT,
    SETTINGS_FILE,
    WEIGHTS_FILE,
)
from kerasbert.models.model import check_exports
from kerasbert.packed.graphs import cut
from kerasbert.tasks.embedding.serving import vector_of

PRECISIONS = ("float32", "int8")
TOKEN_TABLE = "embeddings/token_embedding/embeddings"


def export_litert(
    embedder: Any,
    folder: str | os.PathLike,
    precision: str = "float32",
    max_length: int | None = None,
    overwrite: bool = False,
    bits: int | dict | None = None,
) -> pathlib.Path:
    """Exports a `TextEmbedder` to LiteRT, which runs without TensorFlow.

    The folder holds `model.tflite`, from `token_ids`, `segment_ids` and
    `padding_mask`, int32 `[1, S]` each for any S, to `embedding`, float32 `[1, D]`;
    the vocabulary, with a `tokenizer.json` for the library `tokenizers`; what
    `kerasbert.LiteRTEmbedder` is to know; and a page about it. The embedder's default
    prompt, where it has one, is put before every text.

    Args:
        embedder: A `kerasbert.TextEmbedder`.
        folder: The folder to make; it appears when it is complete.
        precision: `"float32"`; or `"int8"`: the weights are int8, a scale for each
            output channel of a dense layer, and activations are float32 between the
            products.
        max_length: The longest text in tokens; by default the embedder's.
        overwrite: Whether a folder that exists is replaced.
        bits: Bits of packed weights, as in `BertEncoder.save_pretrained`. The folder is
            then that of the embedder, too, as `save` writes it, and its weights are
            unpacked when it is loaded: it is small at rest, and computes in float32.

    Returns:
        The folder, a `pathlib.Path`.

    Raises:
        FileExistsError: If the folder exists and `overwrite` is not given.
        ValueError: If there is no such precision or length, or `tokenizers` has no
            way to tokenize as the embedder does.

    Example:
        >>> import tempfile
        >>> from kerasbert.export import export_litert
        >>> embedder = kerasbert.TextEmbedder.from_pretrained(tiny_bert)
        >>> folder = export_litert(embedder, tempfile.mkdtemp(), "int8")
        >>> kerasbert.LiteRTEmbedder(folder).encode(["good morning"]).shape
        (1, 32)
    """
    check_exports()
    if precision not in PRECISIONS:
        raise ValueError(
            f"Expected a precision among {', '.join(PRECISIONS)} for LiteRT, got "
            f"{precision!r}."
        )
    if bits is not None and precision != "float32":
        raise ValueError(
            f"Expected the precision float32 with bits, got {precision}: packed "
            "weights are unpacked to float32. Leave one of them out."
        )
    max_length = checked_length(embedder, max_length)
    _check_tokenizer(embedder.tokenizer)
    around = embedder.tokenizer.frame()
    folder = pathlib.Path(folder)
    with new_folder(folder, overwrite=overwrite) as partial:
        packed = {}
        if bits is None:
            model = convert(embedder, precision, max_length)
            (partial / MODEL_FILE).write_bytes(model)
        else:
            embedder, model, packed = _packed(embedder, partial, max_length, bits)
            (partial / GRAPH_FILE).write_bytes(model)
        write_tokenizer(embedder.tokenizer.config, partial, "huggingface")
        settings = {
            "format": PACKED_FORMAT if packed else FORMAT,
            "model_bytes": len(model),
            **({"packed": packed} if packed else {}),
            "size": embedder.size,
            "max_length": max_length,
            "prompt": embedder.prompt_of(),
            "special_tokens_in_text": embedder.tokenizer.special_tokens_in_text,
            "tokens_before": len(around.groups[0]),
            "tokens_after": len(around.groups[-1]),
            "truncation_side": embedder.tokenizer.truncation_side,
            "precision": precision,
        }
        write_json(partial / SETTINGS_FILE, settings)
        facts = {
            **embedder.facts(),
            "precision": precision,
            "file": f"{_size(partial) / 1e6:.1f} MB",
            "longest text": f"{max_length} tokens",
        }
        page = card(LITERT, folder.resolve().name, facts, size=embedder.size)
        (partial / "README.md").write_text(page, "utf-8")
    return folder


def _size(folder):
    """Returns the bytes of the model's files."""
    files = (folder / name for name in (MODEL_FILE, GRAPH_FILE, WEIGHTS_FILE))
    return sum(file.stat().st_size for file in files if file.is_file())


def _packed(embedder, folder, max_length, bits):
    """Writes an embedder with packed weights; returns it, and what LiteRT adds."""
    embedder.write(folder)
    pack_folder(folder, bits)
    embedder = type(embedder).from_pretrained(folder)
    names = {
        entry.variable: entry.name
        for entry in read_checkpoint(folder).ledger.used
        if not entry.variable.startswith("pooler/")
    }
    stored = read_safetensors(folder / WEIGHTS_FILE)
    table = names.pop(TOKEN_TABLE)
    if table not in stored.notes:
        raise ValueError(
            "Expected bits for the token table, which is not a part of the LiteRT "
            'model, got none. Give it some, such as {"token_embedding": 8}.'
        )
    arrays = {name: stored.read(name) for name in names.values()}
    model = convert(embedder, "float32", max_length, takes_embeddings=True)
    graph, holes = cut(
        model,
        {name: array for name, array in arrays.items() if name in stored.notes},
        {name: array for name, array in arrays.items() if array.ndim == 1},
    )
    holes = [dataclasses.astuple(hole) for hole in holes]
    return embedder, graph, {"table": table, "holes": holes}


def convert(embedder, precision, max_length=None, takes_embeddings=False):
    """Converts an embedder to a LiteRT model."""
    with tempfile.TemporaryDirectory() as folder:
        options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
        make = _function_of_embeddings if takes_embeddings else _function
        function = make(embedder, max_length or embedder.max_length)
        tf.saved_model.save(tf.Module(), folder, function, options)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if precision == "int8":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        return converter.convert()


def _function(embedder, max_length):
    """Returns the frozen function of one row of tokens."""
    compute = _row_function(embedder, max_length)

    def embed(token_ids, segment_ids, padding_mask):
        return compute(tf.reshape(token_ids, [-1]), segment_ids, padding_mask)

    specs = [
        tf.TensorSpec([1, None], tf.int32, name)
        for name in ("token_ids", "segment_ids", "padding_mask")
    ]
    return tf.function(embed, specs, autograph=False).get_concrete_function()


def _function_of_embeddings(embedder, max_length):
    """Returns the frozen function of one row of rows of the token table."""
    compute = _row_function(embedder, max_length)
    table = embedder.model.encoder.token_embedding.embeddings

    def embed(token_embeddings, segment_ids, padding_mask):
        return compute(None, segment_ids, padding_mask, token_embeddings)

    specs = [
        tf.TensorSpec([None, table.shape[1]], tf.float32, "token_embeddings"),
        tf.TensorSpec([1, None], tf.int32, "segment_ids"),
        tf.TensorSpec([1, None], tf.int32, "padding_mask"),
    ]
    return tf.function(embed, specs, autograph=False).get_concrete_function()


def _row_function(embedder, max_length):
    """Returns the function of one row with constant weights.

    Where it is given embeddings, these are its token table, and the tokens its rows.
    """
    model, constants = frozen(embedder.model)
    encoder, compute = model.encoder, vector_of(embedder, model, max_length)
    table = encoder.token_embedding.embeddings

    def embed(tokens, segment_ids, padding_mask, token_embeddings=None):
        # Dense layers on [T, D] and not [1, T, D]: no shape is computed when it runs.
        segments = tf.reshape(segment_ids, [-1])  # [T]
        # The positions, from a tensor of that shape: a range would be of any length.
        positions = tf.cumsum(segments * 0 + 1, exclusive=True)  # [T]
        with keras.StatelessScope(constants) as scope:
            if token_embeddings is not None:
                scope.add_update((table, token_embeddings))
                tokens = positions
            states = encoder.compute_packed(
                tokens, segments, positions, padding_mask, ONE_ROW
            )
            embedding = compute([pad(states[-1], ONE_ROW)], padding_mask)  # [1, D]
        return {"embedding": embedding}

    return embed


def _check_tokenizer(tokenizer):
    if tokenizer.config.split_digits_from_commas:
        raise ValueError(
            "Expected a tokenizer that tokenizer.json can describe, but this one has "
            "split_digits_from_commas=True, which only kerasbert knows. Load it "
            "without."
        )
    if (
        tokenizer.config.kind == "sentencepiece"
        and not tokenizer.special_tokens_in_text
    ):
        raise ValueError(
            "Expected special_tokens_in_text=True: with a SentencePiece vocabulary, "
            "tokenizers takes <pad> in a text for the special token. Load the "
            "tokenizer without it, or export a SavedModel."
        )
