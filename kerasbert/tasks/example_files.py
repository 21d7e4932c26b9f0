"""Readers of example files for the command line.

`options` is a `kerasbert.cli.reading.ReaderOptions`, or any object with its attributes.
"""

import contextlib
import dataclasses

from kerasbert.data import open_examples, read_examples
from kerasbert.data.tables import open_table


def read_table(file, options, target, pairs=None):
    """Reads the `kerasbert.data.Examples` of a table."""
    return read_examples(file, options.columns, target, pairs=pairs, **_form(options))


@contextlib.contextmanager
def open_texts(file, options, pairs=False):
    """Opens a file of texts or pairs as a stream."""
    columns = dataclasses.replace(options.columns, label=None, weight=None)
    may_be_table = getattr(options, "may_be_table", False)
    with open_examples(
        file, columns, pairs=pairs, may_be_table=may_be_table, **_form(options)
    ) as (_, rows):
        yield rows


@contextlib.contextmanager
def open_pairs(file, options, names, expected, hint=""):
    """Opens a table, and chooses two columns.

    They are those that are told or have known names; where neither is, the first two;
    where one of two columns is, the other one. `names` are the known names of each,
    and `expected` and `hint` are of an error.
    """
    columns = options.columns
    told = (columns.text, columns.label)
    known = [*names[0], *names[1], *(name for name in told if isinstance(name, str))]
    with open_table(
        *(file, options.format, options.header, known),
        *(options.delimiter, options.encoding),
    ) as table:
        chosen = _two_columns(table, told, names)
        if None in chosen or chosen[0] == chosen[1]:
            has = ", ".join(map(str, table.all_columns))
            raise ValueError(
                f"Expected {expected} in each row of {table.name}, got the columns "
                f"{has}. Name them with --text-column and --label-column{hint}."
            )
        yield table, chosen


def column_name(table, column):
    """Returns the name of a chosen column, or its number from 1."""
    return table.all_columns[column] if isinstance(column, int) else column


def cell_of(cells, column):
    """Returns the cell of a row in a chosen column, None where it has none."""
    if isinstance(cells, dict):
        return cells.get(column)
    return cells[column] if column < len(cells) else None


def _two_columns(table, told, names):
    """Returns the columns of both sides, None for one that is not known."""
    chosen = []
    for given, usual in zip(told, names, strict=True):
        named = [name for name in usual if name in (table.names or ())]
        column = named[0] if given is None and named else given
        chosen.append(None if column is None else table.column(column))
    if isinstance(table.names, dict) or table.width < 2:
        return chosen
    if chosen == [None, None]:
        return [0, 1]
    if table.width == 2 and None in chosen:
        [known] = [side for side in chosen if side is not None]
        return [1 - known if side is None else side for side in chosen]
    return chosen


def _form(options):
    return {
        "form": options.format,
        "header": options.header,
        "delimiter": options.delimiter,
        "encoding": options.encoding,
    }
