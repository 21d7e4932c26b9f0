"""Decompression of files, and recognition of binary formats."""

import bz2
import gzip
import io
import lzma
import pathlib
import zipfile

__all__ = ["bare_name", "opened"]

COMPRESSED = (".gz", ".bz2", ".xz", ".zip")
_OPENERS = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
_CSV = "python -c \"import pandas; pandas.{}.to_csv('data.csv', index=False)\""
# Magic bytes of binary formats, with their names and a conversion.
_FOREIGN = {
    b"PAR1": ("a Parquet file", _CSV.format("read_parquet('FILE')")),
    b"ARROW1": ("an Arrow file", _CSV.format("read_feather('FILE')")),
    b"\xff\xff\xff\xff": (
        "an Arrow stream of datasets.save_to_disk",
        "python -c \"import datasets; datasets.Dataset.from_file('FILE')"
        ".to_json('data.jsonl')\"",
    ),
    b"\xd0\xcf\x11\xe0": ("an Excel workbook", _CSV.format("read_excel('FILE')")),
    b"SQLite format 3": (
        "an SQLite database",
        "sqlite3 -csv -header FILE 'SELECT ...'",
    ),
    b"\x89HDF": ("an HDF5 file", _CSV.format("read_hdf('FILE')")),
    b"\x93NUMPY": ("a NumPy array", "a text file with one text per line"),
    b"%PDF": ("a PDF file", "pdftotext FILE data.txt"),
    b"(\xb5/\xfd": ("compressed by zstd", "unzstd FILE"),
    b"\x80\x04\x95": ("a pickle, which is not opened", "pandas' to_csv"),
    b"\x80\x05\x95": ("a pickle, which is not opened", "pandas' to_csv"),
    b"Obj\x01": ("an Avro file", "JSON lines"),
    b"version https://git-lfs": ("a Git LFS pointer", "git lfs pull"),
    b"{\\rtf": ("a document in RTF", "plain text"),
}
_HTML = (b"<!doctype html", b"<html")


def bare_name(file):
    """Returns the lower-case name of a file without compression suffixes.

    Example:
        >>> bare_name("data/Train.CSV.gz")
        'train.csv'
    """
    name = pathlib.Path(file).name.lower()
    for suffix in COMPRESSED:
        name = name.removesuffix(suffix)
    return name


def opened(path, stack):
    """Opens a file in binary mode and decompresses it; returns stream and compression.

    Raises a `ValueError` with a conversion command for binary formats and archives of
    several files. `stack` closes the file.
    """
    stream = stack.enter_context(path.open("rb"))
    first = stream.read(64)
    stream.seek(0)
    for magic, opener in _OPENERS.items():
        if first.startswith(magic):
            name = {gzip.open: "gzip", bz2.open: "bzip2", lzma.open: "xz"}[opener]
            return stack.enter_context(opener(stream, "rb")), name
    if first.startswith(b"PK\x03\x04"):
        return _member(path, stack), "zip"
    for magic, (name, remedy) in _FOREIGN.items():
        if first.startswith(magic):
            raise ValueError(
                f"Expected a text file at {path}, but it is {name}. Convert it: "
                f"{remedy.replace('FILE', path.name)}"
            )
    if first.lstrip(b"\xef\xbb\xbf\r\n\t ").lower().startswith(_HTML):
        raise ValueError(
            f"Expected a file of examples at {path}, but it is an HTML page, such as "
            "a login page. Download the file itself."
        )
    return stream, None


def _member(path, stack):
    try:
        archive = stack.enter_context(zipfile.ZipFile(path))
    except zipfile.BadZipFile as error:
        raise ValueError(
            f"The zip file {path} is corrupt: {error}. Download it again."
        ) from None
    names = [name for name in archive.namelist() if not name.endswith("/")]
    names = [name for name in names if not name.startswith("__MACOSX/")]
    if any(name.startswith("xl/") for name in names):
        raise ValueError(
            f"Expected a text file at {path}, but it is an Excel workbook. Save it as "
            "CSV UTF-8, or: " + _CSV.format(f"read_excel('{path.name}')")
        )
    if len(names) != 1:
        shown = ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
        raise ValueError(
            f"Expected one file in {path}, got {len(names)}: {shown[:150]}. Unpack it "
            "and name one."
        )
    if archive.getinfo(names[0]).flag_bits & 1:
        raise ValueError(f"Expected a zip file without a password at {path}.")
    return stack.enter_context(archive.open(names[0]))


class Rejoined(io.RawIOBase):
    """A stream that first returns bytes that were already read."""

    def __init__(self, head, stream):
        self._head = memoryview(head)
        self._stream = stream

    def readable(self):
        """Returns True."""
        return True

    def readinto(self, buffer):
        """Reads into a buffer; returns the number of bytes."""
        if self._head:
            count = min(len(buffer), len(self._head))
            buffer[:count] = self._head[:count]
            self._head = self._head[count:]
            return count
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
