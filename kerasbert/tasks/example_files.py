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
    """Opens a table, and chooses two columns: as told, by their names, or the first.

    `names` are the known names of each, and `expected` and `hint` are of an error.
    """
    columns = options.columns
    told = (columns.text, columns.label)
    known = [*names[0], *names[1], *(name for name in told if isinstance(name, str))]
    with open_table(
        *(file, options.format, options.header, known),
        *(options.delimiter, options.encoding),
    ) as table:
        chosen = []
        for place, (given, usual) in enumerate(zip(told, names, strict=True)):
            named = [name for name in usual if name in (table.names or ())]
            if given is not None or named:
                chosen.append(table.column(named[0] if given is None else given))
            elif isinstance(table.names, dict) or table.width < 2:
                has = ", ".join(map(str, table.all_columns))
                raise ValueError(
                    f"Expected {expected} in each row of {table.name}, got the columns "
                    f"{has}. Name them with --text-column and --label-column{hint}."
                )
            else:
                chosen.append(place)
        yield table, chosen


def _form(options):
    return {
        "form": options.format,
        "header": options.header,
        "delimiter": options.delimiter,
        "encoding": options.encoding,
    }
