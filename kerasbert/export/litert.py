"""Export to LiteRT.

The graph takes one text of any length, which is resized to and not padded to: there
is no work on padding, and one copy of the weights in memory for all lengths. Every
shape in it but the length is a constant, so that the runtime takes all of it as one.
"""

import os
import pathlib
import tempfile
from typing import Any

import keras
import tensorflow as tf

from kerasbert.checkpoints.vocabulary import write_tokenizer
from kerasbert.export.cards import LITERT, card
from kerasbert.export.saved_model import checked_length
from kerasbert.files import new_folder, write_json
from kerasbert.inference.serving_graph import frozen
from kerasbert.layers import ONE_ROW, pad
from kerasbert.litert import FORMAT, MODEL_FILE, SETTINGS_FILE
from kerasbert.models.model import check_exports
from kerasbert.tasks.embedding.serving import vector_of

PRECISIONS = ("float32", "int8")


def export_litert(
    embedder: Any,
    folder: str | os.PathLike,
    precision: str = "float32",
    max_length: int | None = None,
    overwrite: bool = False,
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
    max_length = checked_length(embedder, max_length)
    _check_tokenizer(embedder.tokenizer)
    around = embedder.tokenizer.frame()
    folder = pathlib.Path(folder)
    with new_folder(folder, overwrite=overwrite) as partial:
        model = convert(embedder, precision, max_length)
        (partial / MODEL_FILE).write_bytes(model)
        write_tokenizer(embedder.tokenizer.config, partial, "huggingface")
        settings = {
            "format": FORMAT,
            "model_bytes": len(model),
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
            "file": f"{len(model) / 1e6:.1f} MB",
            "longest text": f"{max_length} tokens",
        }
        page = card(LITERT, folder.resolve().name, facts, size=embedder.size)
        (partial / "README.md").write_text(page, "utf-8")
    return folder


def convert(embedder, precision, max_length=None):
    """Converts an embedder to a LiteRT model."""
    with tempfile.TemporaryDirectory() as folder:
        options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
        function = _function(embedder, max_length or embedder.max_length)
        tf.saved_model.save(tf.Module(), folder, function, options)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if precision == "int8":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        return converter.convert()


def _function(embedder, max_length):
    """Returns the frozen function of one row of tokens."""
    model, constants = frozen(embedder.model)
    encoder, compute = model.encoder, vector_of(embedder, model, max_length)

    def embed(token_ids, segment_ids, padding_mask):
        # Dense layers on [T, D] and not [1, T, D]: no shape is computed when it runs.
        tokens = tf.reshape(token_ids, [-1])  # [T]
        segments = tf.reshape(segment_ids, [-1])  # [T]
        # The positions, from a tensor of that shape: a range would be of any length.
        positions = tf.cumsum(tokens * 0 + 1, exclusive=True)  # [T]
        with keras.StatelessScope(constants):
            states = encoder.compute_packed(
                tokens, segments, positions, padding_mask, ONE_ROW
            )
            embedding = compute([pad(states[-1], ONE_ROW)], padding_mask)  # [1, D]
        return {"embedding": embedding}

    specs = [
        tf.TensorSpec([1, None], tf.int32, name)
        for name in ("token_ids", "segment_ids", "padding_mask")
    ]
    return tf.function(embed, specs, autograph=False).get_concrete_function()


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
