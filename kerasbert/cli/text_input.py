"""Texts from arguments, a file or standard input, as a stream."""

from kerasbert.account import quoted

__all__ = ["read_texts"]


def read_texts(texts, file, reading=None):
    """Yields the texts given to a command."""
    if file is None:
        yield from [_valid(text, position) for position, text in enumerate(texts, 1)]
        return
    from kerasbert.cli.task_data import shown  # needed for files alone
    from kerasbert.data.table import EmptyFile
    from kerasbert.tasks.example_files import open_texts

    try:
        with open_texts(file, reading) as rows:
            yield from (row.input for row in shown(rows, rows.account))
    except EmptyFile:
        return


def _valid(text, position):
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(
            f"Expected UTF-8 text, but text {position} of the command line is none: "
            f"{quoted(ascii(text))}."
        ) from None
    return text
