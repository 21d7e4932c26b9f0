"""Texts from the command line, a file or standard input, as a stream."""

from kerasbert.data.lines import open_lines

__all__ = ["read_texts"]


def read_texts(texts, file):
    """The texts that a command is given, one after the other.

    Args:
        texts: Texts of the command line, or None.
        file: A file with a text a line, `"-"` for standard input, or None.

    Yields:
        Strings without line ends.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A text is not UTF-8; the message names the file and the line.
    """
    if file is None:
        yield from [_valid(text, position) for position, text in enumerate(texts, 1)]
    else:
        with open_lines(file) as (_, lines):
            yield from lines


def _valid(text, position):
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(
            f"Expected UTF-8 text, but text {position} of the command line is none: "
            f"{ascii(text)}."
        ) from None
    return text
