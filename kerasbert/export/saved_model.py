"""SavedModels that take raw text, for TF Serving and for everyone without kerasbert."""

import json
import pathlib
import urllib.parse

import tensorflow as tf

from kerasbert.export.batching import batching_parameters
from kerasbert.export.embedder_signatures import EmbedderSignatures
from kerasbert.export.int8_products import OPERATION
from kerasbert.export.model_card import model_card
from kerasbert.export.operations import check_saved_model
from kerasbert.export.version_folder import new_version
from kerasbert.export.warm_up import embedder_requests, write_warm_up
from kerasbert.models.model import check_exports


def export_embedder(
    embedder,
    folder,
    precision="float32",
    max_length=None,
    overwrite=False,
    token_layers=None,
    combine="concat",
    xla=False,
    calibration=None,
):
    """Writes a `TextEmbedder` as a SavedModel that takes raw text.

    Signatures: `serving_default`, from `text` to `embedding` and `token_count` (how
    many tokens the text has; those after `max_length` were cut), and `tokens`, from
    `token_ids`, `segment_ids` and `padding_mask` to `embedding`. The embedder's
    default prompt, where it has one, is put before every text.

    Args:
        embedder: A `kerasbert.TextEmbedder`.
        folder: The folder of the model; the next version folder in it is made.
        precision: In which the encoder computes: `"float32"`; `"bfloat16"`, for
            processors that have it; or `"int8"`, for x86-64 processors and servers
            since TF Serving 2.18.
        max_length: The longest text in tokens; by default the embedder's.
        overwrite: Whether the newest version is replaced, rather than a new one made.
        token_layers: Adds the signature `token_embeddings`, from `text` to `tokens`,
            where they stand in it (`starts`, `ends`), and the vectors of these
            layers, as in `embedder.encode_tokens`; (-1,) is the last layer.
        combine: How several of `token_layers` become one vector, as there.
        xla: Adds the signature `xla`, which computes what `serving_default` does. A
            server runs it only if it is started with XLA on. It is not for int8,
            which XLA does not multiply.
        calibration: Some hundred texts like those that will come, for int8; by
            default plain sentences that ship with kerasbert.

    Returns:
        The version folder, a `pathlib.Path`.

    Raises:
        FileExistsError: If `folder` holds anything but versions of a model.
        ValueError: If there is no such precision, length or layer, TensorFlow here
            does not have int8, or TF Serving could not load the model.
    """
    check_exports()
    max_length = checked_length(embedder, max_length)
    if precision == "int8" and xla:
        raise ValueError(
            "Expected no signature for XLA beside int8, which XLA does not multiply. "
            "Leave xla out, or export another model in float32 for it."
        )
    name = model_name(folder)
    with new_version(folder, overwrite) as (version, final):
        functions = EmbedderSignatures(embedder, precision, max_length, calibration)
        signatures = {"serving_default": functions.text(), "tokens": functions.tokens()}
        if token_layers is not None:
            signatures["token_embeddings"] = functions.token_embeddings(
                token_layers, combine
            )
        warm = tuple(signatures)  # A server without XLA could not load its requests.
        if xla:
            signatures["xla"] = functions.xla()
        save(signatures, version, precision)
        write_warm_up(version, name, embedder_requests(embedder.tokenizer, warm))
        (version / "batching_params.pbtxt").write_text(batching_parameters(signatures))
        card = model_card(embedder, name, precision, max_length, signatures)
        (version / "README.md").write_text(card, "utf-8")
    return final


def save(signatures, folder, precision="float32"):
    """Writes functions as a SavedModel that TF Serving can load.

    Args:
        signatures: From a signature's name to a `tf.function`.
        folder: A folder, which may be there.
        precision: Of the functions; that of int8 has an operation of its own.

    Raises:
        ValueError: If TF Serving could not load it; the message names the operations
            that it lacks.
    """
    concrete = {
        name: function.get_concrete_function() for name, function in signatures.items()
    }
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    root = tf.Module()
    root.tables = [v for function in concrete.values() for v in function.variables]
    tf.saved_model.save(root, str(folder), signatures=concrete, options=options)
    check_saved_model(folder, {OPERATION} if precision == "int8" else frozenset())


def model_name(folder):
    """The name that a model in a folder is served under."""
    return pathlib.Path(folder).resolve().name


def curl_line(name, port=8501):
    """The command that asks a server for the embedding of a text.

    Example:
        >>> print(curl_line("minilm"))
        curl -d '{"instances": ["hello world"]}' \
http://localhost:8501/v1/models/minilm:predict
    """
    body = json.dumps({"instances": ["hello world"]})
    return f"curl -d '{body}' {predict_url(name, port)}"


def predict_url(name, port):
    """Where a server is asked for the answers of a model."""
    name = urllib.parse.quote(name, safe="")
    return f"http://localhost:{port}/v1/models/{name}:predict"


def checked_length(embedder, max_length):
    """The longest text in tokens, for an embedder.

    Args:
        embedder: A `kerasbert.TextEmbedder`.
        max_length: What was asked for; None: the embedder's own.

    Raises:
        ValueError: If the model has no such length.
    """
    positions = embedder.encoder.config.max_position_embeddings
    if max_length is None:
        return embedder.max_length
    if not 3 <= max_length <= positions:
        raise ValueError(
            f"Expected max_length from 3 to {positions} (the model's positions), got "
            f"{max_length}."
        )
    return max_length
