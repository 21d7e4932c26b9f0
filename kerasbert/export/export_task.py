"""Tasks as SavedModels: raw text in, answers out."""

import importlib
import json

from kerasbert.export.batching import batching_parameters, most_rows
from kerasbert.export.model_card import servers_of, signature_table
from kerasbert.export.saved_model import (
    checked_length,
    model_name,
    predict_url,
    save,
)
from kerasbert.export.task_graph import TaskGraph
from kerasbert.export.version_folder import new_version
from kerasbert.export.warm_up import WARM_UPS, write_warm_up
from kerasbert.models.model import check_exports

# Where the signatures of each kind of task are.
SIGNATURES = {
    "classify": "classifier_signatures:classifier_signatures",
    "regress": "classifier_signatures:regressor_signatures",
    "tag": "token_classifier_signatures:token_classifier_signatures",
    "answer": "question_answerer_signatures:question_answerer_signatures",
    "fill": "masked_lm_signatures:masked_lm_signatures",
}
CARD = """\
# {name}

A SavedModel that takes raw text: `{kind}`, with an encoder of {layers} layers, {hidden}
wide, in {precision}. It needs nothing but TensorFlow and the operations of TF Text,
which TF Serving links. The longest sequence is {max_length} tokens. Servers: {servers}.

{table}

    docker run -p 8501:8501 -v "$PWD/{name}:/models/{name}" -e MODEL_NAME={name} \\
      tensorflow/serving
    {curl}

Batching on the server is for it: `--enable_batching` and
`--enable_per_model_batching_parameters` with `batching_params.pbtxt`. A request may
have up to {most_rows} rows there.
"""


def export_task(
    task,
    folder,
    precision="float32",
    max_length=None,
    overwrite=False,
    calibration=None,
):
    """Writes a task as a SavedModel that takes raw text and gives its answers.

    Args:
        task: A task of `kerasbert.tasks`, such as a `kerasbert.TextClassifier`.
        folder: The folder of the model; the next version folder in it is made.
        precision: `"float32"`, `"bfloat16"` or `"int8"`, in which the model computes.
        max_length: The longest sequence in tokens; by default the task's.
        overwrite: Whether the newest version is replaced, rather than a new one made.
        calibration: Texts for `"int8"`; by default such as come with kerasbert.

    Returns:
        The version folder, a `pathlib.Path`.

    Raises:
        FileExistsError: If `folder` holds anything but versions of a model.
        ValueError: If there is no such precision or length, or TF Serving could not
            load the model.
    """
    check_exports()
    max_length = checked_length(task, max_length)
    graph = TaskGraph(task, precision, max_length, calibration)
    signatures = _signatures_of(task.kind)(task, graph)
    name = model_name(folder)
    with new_version(folder, overwrite) as (version, final):
        save(signatures, version, precision)
        write_warm_up(version, name, _requests(task, signatures))
        (version / "batching_params.pbtxt").write_text(batching_parameters(signatures))
        card = _card(task, name, precision, max_length, signatures)
        (version / "README.md").write_text(card, "utf-8")
    return final


def task_curl_line(task, name, port=8501):
    """The command that asks a server for the answer of a task.

    Args:
        task: The task.
        name: The name that it is served under.
        port: The port of the server.
    """
    text = f"hello {_mask(task)}" if task.kind == "fill" else "hello world"
    inputs = dict.fromkeys(_inputs(task), text)
    [*values] = inputs.values()
    instance = inputs if len(inputs) > 1 else values[0]
    body = json.dumps({"instances": [instance]})
    return f"curl -d '{body}' {predict_url(name, port)}"


def _inputs(task):
    if task.kind == "answer":
        return ["question", "context"]
    return ["text", "pair"] if getattr(task, "pairs", False) else ["text"]


def _mask(task):
    return task.tokenizer.special_tokens.mask


def _signatures_of(kind):
    module, _, function = SIGNATURES[kind].partition(":")
    return getattr(importlib.import_module(f"kerasbert.export.{module}"), function)


def _requests(task, signatures):
    """Requests that TF Serving plays when it loads the model: words, in every input."""
    for signature, function in signatures.items():
        names = [spec.name for spec in function.input_signature]
        for batch, words in WARM_UPS:
            text = " ".join(["word"] * words)
            if task.kind == "fill":
                text = f"{_mask(task)} {text}"
            yield signature, {name: [text] * batch for name in names}


def _card(task, name, precision, max_length, signatures):
    config = task.encoder.config
    return CARD.format(
        name=name,
        kind=task.kind,
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        precision=precision,
        max_length=max_length,
        servers=servers_of(precision),
        table=signature_table(signatures),
        most_rows=most_rows(signatures),
        curl=task_curl_line(task, name).replace(" http", " \\\n      http"),
    )
