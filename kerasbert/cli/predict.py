"""`kerasbert predict`: the answers of a model, a line each."""

import itertools
import warnings
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
            help="Texts, a line each (.txt), or a table (.csv, .tsv, .jsonl); for tags "
            "also words in columns as in CoNLL; for answers JSON as in SQuAD; - is "
            "standard input. What is read is shown in a line.",
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
    word_prefix: data.WordPrefix = None,
    characters: data.Characters = None,
    format: data.Format = None,
    header: data.Header = None,
    delimiter: data.Delimiter = None,
    encoding: data.Encoding = None,
    sentence_column: data.SentenceColumn = None,
):
    """Answer for every text: a JSON line each.

    Input of any length is read, answered and written in a memory of fixed size. The
    output file appears when it is complete, or not at all.
    """
    given = data.reading_values(
        text_column=text_column,
        pair_column=pair_column,
        word_prefix=word_prefix,
        characters=characters,
        format=format,
        header=header,
        delimiter=delimiter,
        encoding=encoding,
        sentence_column=sentence_column,
    )
    from kerasbert.cli.reading import reading_of
    from kerasbert.cli.task_data import open_inputs, shown
    from kerasbert.cli.vector_output import open_json_lines
    from kerasbert.tasks import load

    task = load(model)
    reading = reading_of(model, task, given, input_file)
    with (
        open_inputs(task, input_file, reading) as (inputs, account),
        open_json_lines(output_file) as write,
    ):
        inputs = shown(inputs, account)
        unmasked = 0
        while chunk := list(itertools.islice(inputs, CHUNK)):
            answers = _answers(task, [one for _, one in chunk], reading.characters)
            for (shown, _), answer in zip(chunk, answers, strict=True):
                write({**shown, **answer})
                unmasked += answer.get("masks") == []
    if unmasked:
        mask = task.tokenizer.special_tokens.mask
        warnings.warn(
            f"{unmasked} of the texts have no {mask} to fill in.", stacklevel=2
        )


def _answers(task, inputs, characters):
    """A dictionary for each input."""
    if task.kind == "fill":
        return _filled(task, inputs)
    if task.kind == "tag" and isinstance(inputs[0], list):
        answers = task.predict_words(inputs)
        if characters:
            for words, answer in zip(inputs, answers, strict=True):
                entities = answer["entities"]
                answer["entities"] = [_unspaced(one, words) for one in entities]
        return answers
    answers = task.predict(inputs)
    if isinstance(answers[0], dict):
        return answers
    name = "entities" if task.kind == "tag" else "embedding"
    return [{name: answer} for answer in answers]


def _filled(task, texts):
    """The answers of a masked language model; texts without a mask stay as they are."""
    mask = task.tokenizer.special_tokens.mask
    masked = [text for text in texts if mask in text]
    answers = iter(task.predict(masked) if masked else [])
    found = []
    for text in texts:
        answer = next(answers) if mask in text else {"text": text, "masks": []}
        found.append({"filled": answer["text"], "masks": answer["masks"]})
    return found


def _unspaced(entity, characters):
    """An entity of a text without spaces, of which every character is a word."""
    start, end = entity["first_word"], entity["last_word"] + 1
    text = "".join(characters[start:end])
    place = {"text": text, "start": start, "end": end}
    return {"type": entity["type"], **place, "score": entity["score"]}
