"""SavedModels that take raw text, for TF Serving and for everyone without kerasbert."""

import json
import pathlib

import tensorflow as tf

from kerasbert.export.model_card import model_card
from kerasbert.export.operations import check_operations
from kerasbert.export.packed_graph import packed_encoder
from kerasbert.export.precision import with_precision
from kerasbert.export.version_folder import new_version
from kerasbert.export.warm_up import write_warm_up

WARM_UP_BATCHES = (1, 8, 32)
WARM_UP_WORDS = (4, 24, 96)
BATCHING = """\
max_batch_size { value: 64 }
batch_timeout_micros { value: 1000 }
max_enqueued_batches { value: 256 }
num_batch_threads { value: 2 }
"""


def export_embedder(
    embedder, folder, precision="float32", max_length=None, overwrite=False
):
    """Writes a `TextEmbedder` as a SavedModel that takes raw text.

    Signatures: `serving_default`, from `text` to `embedding` and `token_count` (how
    many tokens the text has; more than `max_length` were cut), and `tokens`, from
    `token_ids`, `segment_ids` and `padding_mask` to `embedding`.

    Args:
        embedder: A `kerasbert.TextEmbedder`.
        folder: The folder of the model; the next version folder in it is made.
        precision: `"float32"` or `"bfloat16"`, in which the encoder computes.
        max_length: The longest text in tokens; by default the embedder's.
        overwrite: Whether the newest version is replaced, rather than a new one made.

    Returns:
        The version folder, a `pathlib.Path`.

    Raises:
        FileExistsError: If `folder` holds anything but versions of a model.
        ValueError: If there is no such precision, or TF Serving could not load it.
    """
    tokenizer = embedder.tokenizer
    max_length = max_length or embedder.max_length
    encoder = with_precision(embedder.encoder, precision)
    head = embedder.model.head
    compute = packed_encoder(encoder, lambda states, mask: head(states[-1], mask))

    def of_text(text):
        ragged = tokenizer.tokenize(text)
        token_ids, segment_ids = tokenizer.pack(ragged, None, max_length)
        lengths = tf.cast(token_ids.row_lengths(), tf.int32)  # [B]
        padding_mask = tf.sequence_mask(lengths, dtype=tf.int32)  # [B, S]
        embedding = compute(token_ids.values, segment_ids.values, padding_mask)
        token_count = tf.cast(ragged.row_lengths(), tf.int32) + 2
        return {"embedding": embedding, "token_count": token_count}

    def of_tokens(token_ids, segment_ids, padding_mask):
        tokens = padding_mask > 0  # [B, S]
        embedding = compute(
            tf.boolean_mask(token_ids, tokens),
            tf.boolean_mask(segment_ids, tokens),
            tf.cast(tokens, tf.int32),
        )
        return {"embedding": embedding}

    rows = tf.TensorSpec([None, None], tf.int32)
    module = tf.Module()
    module.text = tf.function(
        of_text, [tf.TensorSpec([None], tf.string, name="text")], autograph=False
    )
    names = ("token_ids", "segment_ids", "padding_mask")
    module.tokens = tf.function(
        of_tokens,
        [tf.TensorSpec(rows.shape, rows.dtype, name=name) for name in names],
        autograph=False,
    )
    signatures = {"serving_default": module.text, "tokens": module.tokens}
    signatures = {
        name: function.get_concrete_function() for name, function in signatures.items()
    }
    for function in signatures.values():
        check_operations(function.graph.as_graph_def())

    name = pathlib.Path(folder).name
    with new_version(folder, overwrite) as (version, final):
        tf.saved_model.save(module, str(version), signatures=signatures)
        write_warm_up(version, name, _requests())
        (version / "batching_params.pbtxt").write_text(BATCHING)
        card = model_card(embedder, name, precision, max_length)
        (version / "README.md").write_text(card, "utf-8")
    return final


def curl_line(name, port=8501):
    """The command that asks a server for the embedding of a text."""
    body = json.dumps({"instances": ["hello world"]})
    return f"curl -d '{body}' http://localhost:{port}/v1/models/{name}:predict"


def _requests():
    for words in WARM_UP_WORDS:
        for batch in WARM_UP_BATCHES:
            yield "serving_default", {"text": [b" ".join([b"word"] * words)] * batch}
