"""`kerasbert predict`: the answers of a model, a line each."""

import itertools
from typing import Annotated

import typer

from kerasbert.cli import data_options as data

__all__ = ["predict"]

CHUNK = 1024  # inputs whose answers are held at once


def predict(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="The folder of a run or a task.")
    ],
    input_file: Annotated[
        str,
        typer.Option(
            *("--input", "-i"),
            metavar="FILE",
            help="Texts, a line each, or a table; for answers also JSON as in SQuAD; - "
            "is standard input.",
        ),
    ],
    output_file: Annotated[
        str | None,
        typer.Option(
            *("--output", "-o"), metavar="FILE", help="Where to write JSON lines."
        ),
    ] = None,
    text_column: data.TextColumn = None,
    pair_column: data.PairColumn = None,
    format: data.Format = None,
    header: data.Header = None,
):
    """Answer for every text: a JSON line each.

    Input of any length is read, answered and written in a memory of fixed size. The
    output file appears when it is complete, or not at all.
    """
    given = data.reading_values(
        text_column=text_column, pair_column=pair_column, format=format, header=header
    )
    from kerasbert.cli.task_data import open_inputs, reading_of
    from kerasbert.cli.vector_output import open_json_lines
    from kerasbert.tasks import load

    task = load(model)
    pairs = task.kind == "answer" or getattr(task, "pairs", False)
    reading = reading_of(model, task, given)
    with (
        open_inputs(task.kind, input_file, reading, pairs) as inputs,
        open_json_lines(output_file) as write,
    ):
        while chunk := list(itertools.islice(inputs, CHUNK)):
            for one, answer in zip(chunk, task.predict(chunk), strict=True):
                write({**_input(task, one), **_answer(task, answer)})


def _input(task, one):
    if isinstance(one, str):
        return {"text": one}
    names = ("question", "context") if task.kind == "answer" else ("text", "pair")
    return dict(zip(names, one, strict=True))


def _answer(task, answer):
    if isinstance(answer, dict):
        return answer
    return {"entities" if task.kind == "tag" else "embedding": answer}
