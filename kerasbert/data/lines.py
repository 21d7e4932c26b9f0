"""Lines of text from a file or a stream, with errors that say where."""

import codecs
import collections
import contextlib
import io
import pathlib
import sys
import warnings
import zlib

from kerasbert.account import quoted
from kerasbert.data.encodings import checked_encoding, encoding_advice
from kerasbert.data.packaging import Rejoined, bare_name, opened

__all__ = ["LONGEST_LINE", "Lines", "open_lines"]

LONGEST_LINE = 1 << 24  # bytes; characters in UTF-16 and UTF-32
HEAD = 1 << 16  # bytes by which encoding and line ends are known
SAMPLE_LINES = 2000  # how much of a file is looked at before it is read
SAMPLE_SIZE = 1 << 20
_MARKS = {  # a byte order mark, and what it says
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_PACKED = (EOFError, zlib.error, OSError)


@contextlib.contextmanager
def open_lines(file, encoding=None):
    """Opens a file of text as a stream of lines.

    Args:
        file: The file; `"-"`: standard input. One that gzip, bzip2, xz or zip has
            compressed is read as what it holds.
        encoding: Its encoding; None: UTF-8, or UTF-16 or UTF-32 where a byte order
            mark says so.

    Yields:
        The `Lines`.

    Raises:
        FileNotFoundError: There is no such file.
        IsADirectoryError: It is a folder.
        ValueError: It is no text, such as a workbook; the message says what to do.
    """
    with contextlib.ExitStack() as stack:
        if str(file) == "-":
            yield Lines("standard input", "", sys.stdin.buffer, encoding)
            return
        path = pathlib.Path(file).expanduser()
        if not path.exists():
            raise FileNotFoundError(f"Expected a file at {path}, but there is none.")
        if path.is_dir():
            raise IsADirectoryError(f"Expected a file, got the folder {path}.")
        stream, compression = opened(path, stack)
        suffix = pathlib.Path(bare_name(path)).suffix
        yield Lines(str(path), suffix, stream, encoding, compression)


class Lines:
    r"""The lines of a binary stream, without their ends.

    A line ends at a line feed, alone or after a carriage return, and nowhere else: a
    text may hold U+2028 and its like. Where there are carriage returns alone, as in
    tables of old versions of Excel for Mac, they end lines.

    Args:
        name: What messages call the stream.
        suffix: The suffix of the file, in lower case.
        stream: A binary file.
        encoding: As in `open_lines`.
        compression: What it was compressed by.

    Raises:
        ValueError: While it is read, if a line is not in the encoding, is too long, or
            holds a null character; the message names the file and the line.

    Example:
        >>> list(Lines("a file", "", io.BytesIO(b"one\r\n\ntwo")))
        ['one', '', 'two']
    """

    def __init__(self, name, suffix, stream, encoding=None, compression=None):
        self.name = name
        self.suffix = suffix
        self.longest = LONGEST_LINE
        self.compression = compression
        try:
            head = _read(stream, HEAD)
        except _PACKED as error:
            raise ValueError(_broken(name, error)) from None
        self.encoding, self.how = _encoding(head, encoding, name)
        self._head = head
        self._stream = io.BufferedReader(Rejoined(head, stream), HEAD)
        self._old_ends = b"\r" in head.rstrip(b"\r") and b"\n" not in head
        self._lines = self._read()
        self._ahead = collections.deque()
        self._is_read = False
        self._error = None

    @property
    def notes(self):
        """How the bytes were read, in words."""
        notes = [self.how]
        if self.compression:
            notes.append(self.compression)
        if self._old_ends:
            notes.append("lines end at carriage returns")
        return notes

    def __iter__(self):
        return self

    def __next__(self):
        if self._ahead:
            return self._ahead.popleft()
        if self._error is not None:
            raise self._error
        return next(self._lines)

    def ahead(self, most=SAMPLE_LINES, size=SAMPLE_SIZE):
        """The next lines, which stay where they are; an error among them comes later.

        Args:
            most: How many lines at most.
            size: How many characters at most, but a line at least.

        Returns:
            A list of strings.

        Raises:
            ValueError: If the next line is wrong.
        """
        held = sum(map(len, self._ahead))
        while len(self._ahead) < most and held < size and self._error is None:
            try:
                line = next(self._lines)
            except StopIteration:
                self._is_read = True
                break
            except ValueError as error:
                self._error = error
                break
            self._ahead.append(line)
            held += len(line)
        if self._error is not None and not self._ahead:
            raise self._error
        return list(self._ahead)[:most]

    @property
    def is_whole(self):
        """Whether `ahead` has come to the end."""
        return self._is_read

    def text(self):
        """All lines, as one string."""
        self.longest = None
        return "\n".join(self)

    def _read(self):
        if self.encoding.startswith(("utf-16", "utf-32")):
            yield from self._wide_lines()
            return
        number = 0
        for line in self._byte_lines():
            number += 1
            if number == 1:
                line = line.removeprefix(codecs.BOM_UTF8)
            try:
                text = line.decode(self.encoding)
            except UnicodeDecodeError as error:
                raise ValueError(self._undecodable(line, number, error)) from None
            yield self._checked(text, number)

    def _byte_lines(self):
        if self._old_ends:
            yield from self._lines_of_old_ends()
            return
        number = 0
        while line := self._readline(self._stream, number + 1):
            number += 1
            yield line.removesuffix(b"\n").removesuffix(b"\r")

    def _lines_of_old_ends(self):
        rest, number = b"", 0
        while data := self._stream.read(HEAD):
            *lines, rest = (rest + data).split(b"\r")
            yield from lines
            number += len(lines)
            if self.longest and len(rest) > self.longest:
                raise ValueError(self._too_long(number + 1))
        if rest.strip(b"\n"):
            yield rest

    def _wide_lines(self):
        stream = io.TextIOWrapper(self._stream, self.encoding, newline="\n")
        number = 0
        while True:
            try:
                line = self._readline(stream, number + 1)
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"Expected {self.encoding.upper()} text in {self.name}, but after "
                    f"line {number} it is not: {error.reason}."
                ) from None
            if not line:
                return
            number += 1
            yield self._checked(line.removesuffix("\n").removesuffix("\r"), number)

    def _readline(self, stream, number):
        try:
            if self.longest is None:
                return stream.readline()
            line = stream.readline(self.longest + 1)
        except _PACKED as error:
            raise ValueError(_broken(self.name, error)) from None
        if len(line) > self.longest:
            raise ValueError(self._too_long(number))
        return line

    def _too_long(self, number):
        return (
            f"Expected lines of at most {self.longest:,} bytes in {self.name}, got a "
            f"longer one in line {number}. Is it a text file, with a text or a row a "
            "line? A JSON document ends in .json."
        )

    def _checked(self, text, number):
        if "\0" not in text:
            return text
        found = encoding_advice(self._head) if "\0" in text[:8] else ""
        raise ValueError(
            f"Expected text in {self.name}, but line {number} holds a null character: "
            f"{quoted(text, 60)}. Likely causes: UTF-16 without a byte order mark "
            "(--encoding utf-16-le), a binary file, or one that was not written whole. "
            f"{found}".rstrip()
        )

    def _undecodable(self, line, number, error):
        around = line if len(line) > 200 else self._head[:4096] + b"\n" + line
        if error.start < len(line) and len(line) > 4096:
            around = line[max(error.start - 1000, 0) : error.start + 1000]
        kind = "UTF-8" if self.encoding == "utf-8" else self.encoding
        return (
            f"Expected {kind} text in {self.name}, but line {number} holds the byte "
            f"0x{line[error.start]:02x}, which is not valid there. "
            + encoding_advice(around)
        )


def _read(stream, size):
    """So many bytes, or all that there are."""
    parts, held = [], 0
    while held < size and (part := stream.read(size - held)):
        parts.append(part)
        held += len(part)
    return b"".join(parts)


def _broken(name, error):
    return f"Expected a whole compressed file at {name}: {error}. Fetch it again."


def _encoding(head, encoding, name):
    """The encoding of a file by its first bytes, and what to call it."""
    mark = next((mark for mark in _MARKS if head.startswith(mark)), None)
    if encoding is None:
        found = _MARKS[mark] if mark else "utf-8"
        return found, found.upper()
    found = checked_encoding(encoding)
    if found in ("utf-8", "utf-8-sig"):
        return "utf-8", "UTF-8"
    if mark == codecs.BOM_UTF8 or _is_utf8(head):
        warnings.warn(
            f"{name} is valid UTF-8, and is read as {encoding}, as --encoding says. "
            "If its texts come out wrong, leave --encoding out.",
            stacklevel=4,
        )
    return found, encoding


def _is_utf8(head):
    """Whether bytes are UTF-8, and more than ASCII."""
    if head.isascii():
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True
