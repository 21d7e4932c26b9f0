"""Readers of example files for the command line.

`options` is a `kerasbert.cli.reading.ReaderOptions`, or any object with its attributes.
"""

import contextlib
import dataclasses

from kerasbert.data import open_examples, read_examples


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


def _form(options):
    return {
        "form": options.format,
        "header": options.header,
        "delimiter": options.delimiter,
        "encoding": options.encoding,
    }
