"""Lines of UTF-8 text from a file or a stream, with errors that say where."""

import contextlib
import pathlib
import sys


@contextlib.contextmanager
def open_lines(file):
    """Opens a file of text as a stream of lines.

    Args:
        file: The file; `"-"`: standard input.

    Yields:
        The name of the file for messages, and an iterator of the lines, without their
        ends.

    Raises:
        FileNotFoundError: There is no such file.
        IsADirectoryError: It is a folder.
    """
    if str(file) == "-":
        yield "standard input", decoded_lines(sys.stdin.buffer, "standard input")
        return
    path = pathlib.Path(file).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"Expected a file at {path}, but there is none.")
    if path.is_dir():
        raise IsADirectoryError(f"Expected a file, got the folder {path}.")
    with path.open("rb") as stream:
        yield str(path), decoded_lines(stream, path)


def decoded_lines(stream, name):
    r"""The lines of a binary stream.

    A line ends at a line feed, alone or after a carriage return, and nowhere else: a
    text may hold U+2028 and its like.

    Args:
        stream: A binary file.
        name: What to call it in messages.

    Yields:
        Strings without line ends; a byte order mark is left out.

    Raises:
        ValueError: A line is not UTF-8; the message names the file and the line.

    Example:
        >>> import io
        >>> list(decoded_lines(io.BytesIO(b"one\r\n\ntwo"), "a file"))
        ['one', '', 'two']
    """
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
