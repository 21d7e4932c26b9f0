"""Texts from the command line, a file or standard input, as a stream."""

import pathlib
import sys

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
    elif file == "-":
        yield from _lines(sys.stdin.buffer, "standard input")
    else:
        path = pathlib.Path(file).expanduser()
        if not path.exists():
            raise FileNotFoundError(f"Expected a file of texts at {path}, but none is.")
        if path.is_dir():
            raise IsADirectoryError(f"Expected a file of texts, got the folder {path}.")
        with path.open("rb") as stream:
            yield from _lines(stream, path)


def _lines(stream, name):
    """A line ends at a line feed, alone or after a carriage return."""
    for number, line in enumerate(stream, 1):
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(
                f"Expected UTF-8 text in {name}, but line {number} holds the byte "
                f"0x{line[error.start]:02x}, which is none. Convert it, for instance "
                "with `iconv -f LATIN1 -t UTF-8` if it is Latin-1."
            ) from None
        yield text.removesuffix("\n").removesuffix("\r")


def _valid(text, position):
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(
            f"Expected UTF-8 text, but text {position} of the command line is none: "
            f"{ascii(text)}."
        ) from None
    return text
