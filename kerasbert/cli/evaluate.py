"""`kerasbert evaluate`: how right a model is on examples whose answers are known."""

from typing import Annotated

import typer

from kerasbert.cli import data_options as data

__all__ = ["evaluate"]


def evaluate(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="The folder of a run or a task.")
    ],
    input_file: Annotated[
        str, typer.Option("--input", "-i", metavar="FILE", help="The examples.")
    ],
    batch_size: Annotated[
        int, typer.Option("--batch-size", min=1, help="Examples of a batch.")
    ] = 32,
    labels: data.Labels = None,
    text_column: data.TextColumn = None,
    pair_column: data.PairColumn = None,
    label_column: data.LabelColumns = None,
    label_separator: data.LabelSeparator = None,
    word_prefix: data.WordPrefix = None,
    characters: data.Characters = None,
    format: data.Format = None,
    header: data.Header = None,
    delimiter: data.Delimiter = None,
    encoding: data.Encoding = None,
    sentence_column: data.SentenceColumn = None,
):
    """Test a model on a file; metrics come as JSON.

    Files of a run are read as those it was trained on, where nothing else is said.
    """
    given = data.reading_values(
        labels=data.parsed_labels(labels),
        text_column=text_column,
        pair_column=pair_column,
        label_column=label_column,
        label_separator=label_separator,
        word_prefix=word_prefix,
        characters=characters,
        format=format,
        header=header,
        delimiter=delimiter,
        encoding=encoding,
        sentence_column=sentence_column,
    )
    from kerasbert.cli.reading import reading_of
    from kerasbert.cli.task_data import checked_labels, read_data, show_account
    from kerasbert.files import json_text
    from kerasbert.tasks import load

    task = load(model)
    reading = reading_of(model, task, given, input_file)
    pairs = getattr(task, "pairs", None)
    examples = read_data(task.kind, input_file, reading, pairs)
    if task.kind == "classify":
        checked_labels(examples, task.labels)
    show_account(examples.account)
    found = task.evaluate(examples.inputs, examples.targets, batch_size)
    metrics = {name: float(value) for name, value in found.items()}
    print(json_text({"examples": len(examples), **metrics}, indent=2))
