"""The options of commands that read files of examples."""

import enum
from typing import Annotated

import typer

__all__ = [
    *("Characters", "Delimiter", "Encoding", "Format", "Header", "LabelColumns"),
    *("LabelSeparator", "Labels", "MultiLabel", "PairColumn", "SentenceColumn"),
    *("TextColumn", "WeightColumn", "WordPrefix", "parsed_labels", "reading_values"),
]

_COLUMN = "its name, or its number from 1."
_FORMATS = ("tsv", "csv", "jsonl", "txt", "conll")

Format = Annotated[
    enum.Enum("Format", {name: name for name in _FORMATS}) | None,
    typer.Option(
        "--format",
        help="How it is written: tsv (quotes are text), csv (quoted cells), jsonl "
        "(JSON lines, an array, or columns), txt (a text a line), conll (a word a "
        "line). By default told by its name and its first rows, and shown. Such as "
        "--format txt.",
    ),
]
Header = Annotated[
    bool | None,
    typer.Option(
        "--header/--no-header",
        help="Whether the first row names the columns. By default as it and the rows "
        "below it show. Such as --no-header.",
    ),
]
Delimiter = Annotated[
    str | None,
    typer.Option(
        "--delimiter",
        metavar="CHARACTER",
        help="What stands between cells: a character, or tab, comma, semicolon, bar, "
        "space. By default as the first rows show. Such as --delimiter ';'.",
    ),
]
Encoding = Annotated[
    str | None,
    typer.Option(
        "--encoding",
        metavar="NAME",
        help="By default UTF-8, or what a byte order mark says. Such as --encoding "
        "gb18030, big5, shift_jis, cp1252.",
    ),
]
SentenceColumn = Annotated[
    str | None,
    typer.Option(
        "--sentence-column",
        metavar="COLUMN",
        help="For tags: that which tells sentences apart, where no empty lines do: "
        f"{_COLUMN} Such as --sentence-column 'Sentence #'.",
    ),
]
TextColumn = Annotated[
    str | None,
    typer.Option(
        "--text-column",
        metavar="COLUMN",
        help=f"The column of the text, or word: {_COLUMN} Such as --text-column tweet.",
    ),
]
PairColumn = Annotated[
    str | None,
    typer.Option(
        "--pair-column",
        metavar="COLUMN",
        help=f"That of the second text of a pair: {_COLUMN} Such as --pair-column 3.",
    ),
]
LabelColumns = Annotated[
    list[str] | None,
    typer.Option(
        "--label-column",
        metavar="COLUMN",
        help=f"That of the label, score or tag: {_COLUMN} Several are named after "
        "labels, and hold 0 or 1. With embed, none learns pairs without scores. Such "
        "as --label-column sentiment.",
    ),
]
WeightColumn = Annotated[
    str | None,
    typer.Option(
        "--weight-column",
        metavar="COLUMN",
        help=f"That of how much an example counts: {_COLUMN} Such as --weight-column "
        "weight.",
    ),
]
MultiLabel = Annotated[
    bool | None,
    typer.Option(
        "--multi-label/--one-label", help="Whether a text may have several labels."
    ),
]
LabelSeparator = Annotated[
    str | None,
    typer.Option(
        "--label-separator",
        help="What stands between several labels, by default a comma. Such as "
        "--label-separator ';'.",
    ),
]
WordPrefix = Annotated[
    str | None,
    typer.Option(
        "--word-prefix",
        help="For tags: what to take off every word. Such as --word-prefix en:.",
    ),
]
Characters = Annotated[
    bool | None,
    typer.Option(
        "--characters/--words",
        help="For tags: whether a line is a character, of a text without spaces.",
    ),
]
Labels = Annotated[
    str | None,
    typer.Option(
        "--labels",
        help="All labels, with commas between; 0=negative,1=positive gives those of "
        "the file names. By default those that are found.",
    ),
]


def reading_values(label_column=None, format=None, **others):
    """The fields of `kerasbert.cli.reading.Reading` that options give.

    Args:
        label_column: The columns of labels, or None.
        format: A member of the enumeration of formats, or None.
        **others: The other options.

    Returns:
        A dictionary without what was not given.
    """
    values = {
        "label_column": label_column[0]
        if len(label_column or ()) == 1
        else label_column,
        "format": format and format.value,
        **others,
    }
    return {name: value for name, value in values.items() if value not in (None, [])}


def parsed_labels(labels):
    """The labels of a command line: a list, or a dictionary to their names.

    Args:
        labels: A string with commas, or None.

    Raises:
        ValueError: If some are given names and others are not.

    Example:
        >>> parsed_labels("bad,good"), parsed_labels("0=bad, 1=good")
        (['bad', 'good'], {'0': 'bad', '1': 'good'})
    """
    if labels is None:
        return None
    parts = [part.strip() for part in labels.split(",")]
    named = [part.split("=", 1) for part in parts if "=" in part]
    if not named:
        return parts
    if len(named) < len(parts):
        raise ValueError(f"Expected names for all labels or for none, got {labels!r}.")
    return {said.strip(): name.strip() for said, name in named}
