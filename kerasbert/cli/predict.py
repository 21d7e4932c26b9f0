"""`kerasbert predict`: the answers of a model, a line each."""

import itertools
from typing import Annotated

import typer

from kerasbert.cli.flags import with_flags
from kerasbert.cli.reading import ReaderOptions, reading_of

__all__ = ["predict"]

CHUNK = 1024  # inputs whose answers are held at once


FLAGS = (
    *("text_column", "pair_column", "word_prefix", "characters", "format", "header"),
    *("delimiter", "encoding", "sentence_column"),
)


@with_flags(ReaderOptions, *FLAGS)
def predict(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="The folder of a run or a task.")
    ],
    input_file: Annotated[
        str,
        typer.Option(
            *("--input", "-i"),
            metavar="FILE",
            help="Texts, a line each (.txt), or a table (.csv, .tsv, .jsonl); for tags "
            "also words in columns as in CoNLL; for answers JSON as in SQuAD; of "
            "recordings and images one, a folder, or paths, a line each; - is standard "
            "input. What is read is shown in a line.",
        ),
    ],
    output_file: Annotated[
        str | None,
        typer.Option(
            *("--output", "-o"), metavar="FILE", help="Where to write JSON lines."
        ),
    ] = None,
    given=None,
):
    """Answer for every text: a JSON line each.

    Input of any length is read, answered and written in a memory of fixed size. The
    output file appears when it is complete, or not at all.
    """
    from kerasbert.cli.task_data import shown
    from kerasbert.cli.vector_output import open_json_lines
    from kerasbert.tasks import load

    task = load(model)
    reading = reading_of(model, task, given, input_file)
    with (
        task.open_inputs(input_file, reading) as (inputs, account),
        open_json_lines(output_file) as write,
    ):
        inputs = shown(inputs, account)
        while chunk := list(itertools.islice(inputs, CHUNK)):
            answers = task.answer_rows([one for _, one in chunk], reading)
            for (told, _), answer in zip(chunk, answers, strict=True):
                write({**told, **answer})
