"""`kerasbert evaluate`: how right a model is on examples whose answers are known."""

from typing import Annotated

import typer

from kerasbert.cli.flags import with_flags
from kerasbert.cli.reading import ReaderOptions, parsed_labels, reading_of

__all__ = ["evaluate"]


FLAGS = (
    *("labels", "text_column", "pair_column", "label_column", "label_separator"),
    *("word_prefix", "characters", "format", "header", "delimiter", "encoding"),
    "sentence_column",
)


@with_flags(ReaderOptions, *FLAGS)
def evaluate(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="The folder of a run or a task.")
    ],
    input_file: Annotated[
        str, typer.Option("--input", "-i", metavar="FILE", help="The examples.")
    ],
    batch_size: Annotated[
        int, typer.Option("--batch-size", min=1, help="Examples per batch.")
    ] = 32,
    given=None,
):
    """Test a model on a file; metrics come as JSON.

    Files of a run are read as those it was trained on, where nothing else is said.
    """
    if "labels" in given:
        given["labels"] = parsed_labels(given["labels"])
    from kerasbert.cli.task_data import read_data, show_account
    from kerasbert.files import json_text
    from kerasbert.tasks import load

    task = load(model)
    reading = reading_of(model, task, given, input_file)
    pairs = getattr(task, "pairs", None)
    examples = read_data(type(task), input_file, reading, pairs)
    task.check_labels(examples, getattr(task, "labels", None))
    show_account(examples.account)
    found = task.evaluate(examples.inputs, examples.targets, batch_size)
    metrics = {name: float(value) for name, value in found.items()}
    print(json_text({"examples": len(examples), **metrics}, indent=2))
