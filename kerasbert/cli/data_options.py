"""The options of commands that read files of examples."""

import enum
from typing import Annotated

import typer

__all__ = [
    *("Characters", "Format", "Header", "LabelColumns", "LabelSeparator", "Labels"),
    *("MultiLabel", "PairColumn", "TextColumn", "WeightColumn", "WordPrefix"),
    *("parsed_labels", "reading_values"),
]

_COLUMN = "its name, or its number from 1."

Format = Annotated[
    enum.Enum("Format", {name: name for name in ("tsv", "csv", "jsonl", "conll")})
    | None,
    typer.Option("--format", help="By default told by the file itself."),
]
Header = Annotated[
    bool | None,
    typer.Option(
        "--header/--no-header",
        help="Whether the first row names the columns. By default told by its words.",
    ),
]
TextColumn = Annotated[
    str | None,
    typer.Option(
        "--text-column", metavar="COLUMN", help=f"The column of the text: {_COLUMN}"
    ),
]
PairColumn = Annotated[
    str | None,
    typer.Option(
        "--pair-column",
        metavar="COLUMN",
        help=f"That of the second text of a pair: {_COLUMN}",
    ),
]
LabelColumns = Annotated[
    list[str] | None,
    typer.Option(
        "--label-column",
        metavar="COLUMN",
        help=f"That of the label or score: {_COLUMN} Several are named after labels, "
        "and hold 0 or 1.",
    ),
]
WeightColumn = Annotated[
    str | None,
    typer.Option(
        "--weight-column",
        metavar="COLUMN",
        help=f"That of how much an example counts: {_COLUMN}",
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
    typer.Option("--label-separator", help="What stands between several labels."),
]
WordPrefix = Annotated[
    str | None,
    typer.Option("--word-prefix", help="For tags: what to take off every word."),
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
