"""Reading of text files line by line, with errors that name the line."""

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
HEAD = 1 << 16  # bytes from which encoding and line ends are detected
SAMPLE_LINES = 2000  # size of the sample from which the format is inferred
SAMPLE_SIZE = 1 << 20
_MARKS = {  # byte order marks
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_PACKED = (EOFError, zlib.error, OSError)


@contextlib.contextmanager
def open_lines(file, encoding=None):
    """Opens a text file as a stream of lines.

    Args:
        file: The file; `"-"` is standard input. Files compressed with gzip, bzip2, xz
            or zip are decompressed.
        encoding: Encoding of the file; None is UTF-8, or UTF-16 or UTF-32 if there is a
            byte order mark.

    Yields:
        The `Lines`.

    Raises:
        FileNotFoundError: If the file does not exist.
        IsADirectoryError: If it is a folder.
        ValueError: If it is not a text file, such as a workbook.
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
    r"""The lines of a binary stream, without line ends.

    Lines end with `\n` or `\r\n` only, since texts may contain U+2028 and similar
    characters. In files without `\n`, such as tables of old versions of Excel for Mac,
    lines end with `\r`. While iterating, a `ValueError` names a line that is not
    decodable, too long, or contains a null character. Where `invalid` is made a list,
    lines that are not decodable are left out, and their numbers are added to it.

    Example:
        >>> list(Lines("a file", "", io.BytesIO(b"one\r\n\ntwo")))
        ['one', '', 'two']
    """

    def __init__(self, name, suffix, stream, encoding=None, compression=None):
        self.name = name
        self.suffix = suffix
        self.longest = LONGEST_LINE
        self.number = 0  # of lines read
        self.invalid = None
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
        """Returns the next lines, up to `most` or `size` characters; they stay unread.

        An error is raised when its line is reached.
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
        """Whether `ahead` has reached the end."""
        return self._is_read

    def text(self):
        """Returns all remaining lines as one string."""
        self.longest = None
        return "\n".join(self)

    def _read(self):
        if self.encoding.startswith(("utf-16", "utf-32")):
            yield from self._wide_lines()
            return
        for line in self._byte_lines():
            self.number += 1
            if self.number == 1:
                line = line.removeprefix(codecs.BOM_UTF8)
            try:
                text = line.decode(self.encoding)
            except UnicodeDecodeError as error:
                if self.invalid is None:
                    raise ValueError(self._undecodable(line, error)) from None
                self.invalid.append(self.number)
            else:
                yield self._checked(text)

    def _byte_lines(self):
        if self._old_ends:
            yield from self._lines_of_old_ends()
            return
        while line := self._readline(self._stream):
            yield line.removesuffix(b"\n").removesuffix(b"\r")

    def _lines_of_old_ends(self):
        rest = b""
        while data := self._stream.read(HEAD):
            *lines, rest = (rest + data).split(b"\r")
            yield from lines
            if self.longest and len(rest) > self.longest:
                raise ValueError(self._too_long())
        if rest.strip(b"\n"):
            yield rest

    def _wide_lines(self):
        stream = io.TextIOWrapper(self._stream, self.encoding, newline="\n")
        while True:
            try:
                line = self._readline(stream)
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"Expected {self.encoding.upper()} text in {self.name}, but after "
                    f"line {self.number} it is not: {error.reason}."
                ) from None
            if not line:
                return
            self.number += 1
            yield self._checked(line.removesuffix("\n").removesuffix("\r"))

    def _readline(self, stream):
        try:
            if self.longest is None:
                return stream.readline()
            line = stream.readline(self.longest + 1)
        except _PACKED as error:
            raise ValueError(_broken(self.name, error)) from None
        if len(line) > self.longest:
            raise ValueError(self._too_long())
        return line

    def _too_long(self):
        return (
            f"Expected lines of at most {self.longest:,} bytes in {self.name}, got a "
            f"longer one in line {self.number + 1}. Is it a text file, with one text "
            "or row per line? A JSON document needs the suffix .json."
        )

    def _checked(self, text):
        if "\0" not in text:
            return text
        found = encoding_advice(self._head) if "\0" in text[:8] else ""
        raise ValueError(
            f"Expected text in {self.name}, but line {self.number} has a null "
            f"character: {quoted(text, 60)}. Likely causes: UTF-16 without a byte "
            "order mark (--encoding utf-16-le), a binary file, or an incomplete file. "
            f"{found}".rstrip()
        )

    def _undecodable(self, line, error):
        around = line if len(line) > 200 else self._head[:4096] + b"\n" + line
        if error.start < len(line) and len(line) > 4096:
            around = line[max(error.start - 1000, 0) : error.start + 1000]
        kind = "UTF-8" if self.encoding == "utf-8" else self.encoding
        return (
            f"Expected {kind} text in {self.name}, but in line {self.number} the byte "
            f"0x{line[error.start]:02x} is not valid {kind}. " + encoding_advice(around)
        )


def _read(stream, size):
    """Reads up to `size` bytes."""
    parts, held = [], 0
    while held < size and (part := stream.read(size - held)):
        parts.append(part)
        held += len(part)
    return b"".join(parts)


def _broken(name, error):
    return f"The compressed file {name} is corrupt: {error}. Download it again."


def _encoding(head, encoding, name):
    """Detects the encoding of a file from its first bytes; returns it and its label."""
    mark = next((mark for mark in _MARKS if head.startswith(mark)), None)
    if encoding is None:
        found = _MARKS[mark] if mark else "utf-8"
        return found, found.upper()
    found = checked_encoding(encoding)
    if found in ("utf-8", "utf-8-sig"):
        return "utf-8", "UTF-8"
    if mark == codecs.BOM_UTF8 or _is_utf8(head):
        warnings.warn(
            f"{name} is valid UTF-8, but is read as {encoding}, as set by --encoding. "
            "If the texts are garbled, omit --encoding.",
            stacklevel=4,
        )
    return found, encoding


def _is_utf8(head):
    """Whether bytes are UTF-8, but not ASCII."""
    if head.isascii():
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True
