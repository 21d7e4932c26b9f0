"""Export of SavedModels that take raw text."""

import json
import os
import pathlib
import urllib.parse
from typing import Any

import tensorflow as tf

from kerasbert.export.cards import serving_card
from kerasbert.export.operations import check_saved_model
from kerasbert.export.serving_files import (
    batching_parameters,
    new_version,
    warm_up_requests,
    write_warm_up,
)
from kerasbert.inference.int8_products import OPERATION
from kerasbert.inference.serving_graph import check_precision
from kerasbert.models.model import check_exports


def export_task(
    task: Any,
    folder: str | os.PathLike,
    precision: str = "float32",
    max_length: int | None = None,
    overwrite: bool = False,
    calibration: Any = None,
    **options: Any,
) -> pathlib.Path:
    """Exports a task as a SavedModel that takes raw text.

    Its signatures are those of `task.signatures`, which says what they take and give:
    `serving_default` takes text. The default prompt of an embedder is put before every
    text.

    Args:
        task: A task of `kerasbert.tasks`, such as a `kerasbert.TextClassifier`.
        folder: The folder of the model; the next version folder in it is made.
        precision: In which the encoder computes: `"float32"`; `"bfloat16"`, for
            processors that have it; or `"int8"`, for x86-64 processors and servers
            since TF Serving 2.18.
        max_length: The longest sequence in tokens; by default the task's.
        overwrite: Whether the newest version is replaced, rather than a new one made.
        calibration: Some hundred texts like those that will come, for int8 of tasks
            that encode texts; by default plain sentences that ship with kerasbert.
        **options: Those of the task's signatures: `token_layers`, `combine` and `xla`
            of a `kerasbert.TextEmbedder`.

    Returns:
        The version folder, a `pathlib.Path`.

    Raises:
        FileExistsError: If `folder` holds anything but versions of a model.
        ValueError: If there is no such precision, length or layer, TensorFlow here
            does not have int8, or TF Serving could not load the model.
    """
    check_exports()
    check_precision(precision)
    max_length = checked_length(task, max_length)
    name = model_name(folder)
    with new_version(folder, overwrite) as (version, final):
        signatures = task.serving_functions(
            precision, max_length, calibration, **options
        )
        save(signatures, version, precision)
        write_warm_up(version, name, warm_up_requests(task, signatures))
        (version / "batching_params.pbtxt").write_text(batching_parameters(signatures))
        curl = curl_line(name, task=task)
        page = serving_card(task, name, precision, max_length, signatures, curl)
        (version / "README.md").write_text(page, "utf-8")
    return final


def save(signatures, folder, precision="float32"):
    """Saves functions as a SavedModel for TF Serving."""
    concrete = {
        name: function.get_concrete_function() for name, function in signatures.items()
    }
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    root = tf.Module()
    root.tables = [v for function in concrete.values() for v in function.variables]
    tf.saved_model.save(root, str(folder), signatures=concrete, options=options)
    check_saved_model(folder, {OPERATION} if precision == "int8" else frozenset())


def model_name(folder: str | os.PathLike) -> str:
    """Returns the served name of a model folder."""
    return pathlib.Path(folder).resolve().name


def curl_line(name: str, port: int = 8501, task: Any = None) -> str:
    """Returns a curl command with an example request.

    Args:
        name: The name that the model is served under.
        port: The port of the server.
        task: The task; None: one that takes any text.

    Example:
        >>> print(curl_line("minilm"))
        curl -d '{"instances": ["hello world"]}' \
http://localhost:8501/v1/models/minilm:predict
    """
    instance = "hello world"
    if task is not None and not task.takes_text:
        instance = task.example_instance()
    elif task is not None:
        instance = task.example_text()
        if len(task.input_names) > 1:
            instance = dict.fromkeys(task.input_names, instance)
    body = json.dumps({"instances": [instance]})
    name = urllib.parse.quote(name, safe="")
    return f"curl -d '{body}' http://localhost:{port}/v1/models/{name}:predict"


def checked_length(task, max_length):
    """Validates the maximum length of an export."""
    if max_length is None:
        return task.max_length
    if not task.takes_text:
        raise ValueError(f"Expected no max_length: {task.kind} takes no tokens.")
    positions = task.max_positions
    if not 3 <= max_length <= positions:
        raise ValueError(
            f"Expected max_length from 3 to {positions} (the model's positions), got "
            f"{max_length}."
        )
    return max_length
