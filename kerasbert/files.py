"""Reading small text files with errors that help, and writing without halves.

What is written here appears under its name when it is complete, or not at all: it
is built beside its place under a hidden name, brought to disk, and renamed. A full
disk is an error that names the file, whichever library has written it.
"""

import contextlib
import errno
import json
import math
import os
import pathlib
import re
import shutil
import warnings

from kerasbert.account import quoted
from kerasbert.leftovers import beside, remove_leftovers, set_aside

__all__ = [
    "inside",
    "json_text",
    "new_folder",
    "read_json",
    "read_lines",
    "read_text",
    "write_atomically",
]

# What fsync says on file systems that have none.
NO_FSYNC = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
# How libraries say that a disk is full: as an errno, or in words alone.
FULL = {
    errno.ENOSPC: r"No space left|errno = 28\b|os error 28\b|requested and \d+ written",
    getattr(errno, "EDQUOT", errno.ENOSPC): r"[Qq]uota exceeded|os error 122\b",
    errno.EFBIG: r"File too large|errno = 27\b|os error 27\b",
}
_SURROGATES = re.compile("[\ud800-\udfff]")


def read_text(path):
    """Reads a UTF-8 text file, byte order mark or not.

    Args:
        path: The file.

    Returns:
        A string, with the line ends as they are in the file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is not UTF-8; the message names the file and the line.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"Expected a file at {path}, but there is none.")
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The error counts from behind the byte order mark, where there is one.
        start = error.start + len(data) - len(error.object)
        line = data.count(b"\n", 0, start) + 1
        raise ValueError(
            f"Expected UTF-8 text in {path}, but line {line} holds the byte "
            f"0x{data[start]:02x}, which is none. Convert the file, for instance "
            "with `iconv -f LATIN1 -t UTF-8` if it is Latin-1."
        ) from None


def read_lines(path):
    r"""Reads the lines of a UTF-8 text file.

    A line ends at a line feed, alone or after a carriage return, and nowhere else:
    vocabularies hold U+2028 and its like as words.

    Args:
        path: The file.

    Returns:
        A list of strings without their line ends.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "vocab.txt"
        >>> _ = path.write_bytes(b"[PAD]\r\n[UNK]\n")
        >>> read_lines(path)
        ['[PAD]', '[UNK]']
    """
    lines = read_text(path).split("\n")
    if lines[-1] == "":
        del lines[-1]
    return [line.removesuffix("\r") for line in lines]


def read_json(path):
    """Reads a JSON file.

    Args:
        path: The file.

    Returns:
        What the file holds.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is not UTF-8 or not JSON; the message names the file and
            the line.
    """
    text = read_text(path)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"Expected JSON in {path}, but line {error.lineno}, column {error.colno} "
            f"says otherwise: {error.msg}. Is the file complete? Fetch or write it "
            "again."
        ) from None
    except RecursionError:
        raise ValueError(f"Expected plain JSON in {path}, got one too deep.") from None


def inside(folder, path, file=None):
    """The place of a path that a file of a folder names, which must stay inside it.

    Symbolic links are followed. Those of the cache of the Hugging Face Hub, whose
    folders `snapshots` link to `blobs` beside them, are let pass.

    Args:
        folder: The folder.
        path: The path, relative to the folder, as the file has it.
        file: The file that names it, for the message; by default the folder.

    Returns:
        A `pathlib.Path`; there may be nothing.

    Raises:
        ValueError: If the path is no string, no path, or leads out of the folder.

    Example:
        >>> inside("model", "1_Pooling").as_posix()
        'model/1_Pooling'
    """
    folder = pathlib.Path(folder)
    root = folder.resolve()
    roots = [root]
    for parent in (root, *root.parents):
        if parent.parent.name == "snapshots":
            roots.append(parent.parent.parent / "blobs")
    if isinstance(path, str) and _is_path(path):
        parts = path.replace("\\", "/").split("/")
        drive = pathlib.PureWindowsPath(path).drive
        if not path.startswith(("/", "\\")) and not drive and ".." not in parts:
            place = folder / path
            target = place.resolve()
            if any(target.is_relative_to(allowed) for allowed in roots):
                return place
    raise ValueError(
        f"{file or folder} names the path {quoted(path)}, which leads out of "
        f"{folder}. Expected a path inside it; put what is meant there."
    )


def _is_path(text):
    """Whether a file system can have a file of this name."""
    parts = text.encode("utf-8", "replace").split(b"/")
    encodable = all(not "\ud800" <= character <= "\udfff" for character in text)
    short = len(text) <= 4000 and all(len(part) <= 255 for part in parts)
    return encodable and short and "\0" not in text


@contextlib.contextmanager
def write_atomically(path):
    """Gives a path to write to, which takes its place when the block ends well.

    The folder is made where it does not exist. When the block ends with an error or
    an interruption, what was written is removed and an earlier file stays as it was.
    A device or pipe, such as `/dev/stdout`, is written to directly.

    Args:
        path: Where the file is to be.

    Yields:
        A `pathlib.Path` in the same folder, with the same suffix.

    Raises:
        IsADirectoryError: `path` is a folder.

    Example:
        >>> import tempfile
        >>> target = pathlib.Path(tempfile.mkdtemp()) / "scores.json"
        >>> with write_atomically(target) as path:
        ...     _ = path.write_text("[1, 2]")
        >>> read_json(target)
        [1, 2]
    """
    path = _behind_links(path)
    if path.is_dir():
        raise IsADirectoryError(
            f"Expected a file to write, got the folder {path}. Name a file in it."
        )
    if path.exists() and not path.is_file():
        with _full_disk_named(path):
            yield path
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path.parent)
    partial = beside(path)
    try:
        with _full_disk_named(path):
            yield partial
            _to_disk(partial, path)
        os.replace(partial, path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
    _to_disk(path.parent)


@contextlib.contextmanager
def new_folder(path, overwrite=False):
    """Gives a folder to fill, which takes its place when the block ends well.

    Args:
        path: Where the folder is to be; an empty folder may be there already.
        overwrite: Replace the folder, all that it holds, if one is there.

    Yields:
        A `pathlib.Path`: an empty folder.

    Raises:
        FileExistsError: There is something at `path` already, and `overwrite` is
            not set; or `path` holds the home folder or the current one.

    Example:
        >>> import tempfile
        >>> target = pathlib.Path(tempfile.mkdtemp()) / "model"
        >>> with new_folder(target) as folder:
        ...     _ = (folder / "config.json").write_text("{}")
        >>> [file.name for file in target.iterdir()]
        ['config.json']
    """
    path = _behind_links(path)
    _check_free(path, overwrite)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path.parent)
    # A mounted folder cannot be renamed: it is filled from a folder within.
    mounted = path.is_dir() and os.path.ismount(path)
    if mounted:
        remove_leftovers(path)
    partial = beside(path / "new" if mounted else path)
    partial.mkdir()
    try:
        with _full_disk_named(path):
            yield partial
            for file in partial.rglob("*"):
                _to_disk(file, path / file.relative_to(partial))
            _to_disk(partial, path)
        _check_free(path, overwrite, besides=partial)
        if mounted:
            _move_up(partial, path)
        else:
            _put_in_place(partial, path)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    _to_disk(path.parent)


def json_text(value, indent=None):
    """A value as JSON; numbers that JSON has not are null, and a warning names them.

    Args:
        value: What `json.dumps` takes, or numbers and arrays of NumPy in it.
        indent: As there.

    Returns:
        A string, without a line end.

    Example:
        >>> json_text({"f1": 0.5, "text": "né"})
        '{"f1": 0.5, "text": "né"}'
    """
    options = {"ensure_ascii": False, "indent": indent, "default": _of_numpy}
    try:
        text = json.dumps(value, allow_nan=False, **options)
    except ValueError:
        missing = []
        value = _finite(json.loads(json.dumps(value, default=_of_numpy)), "", missing)
        text = json.dumps(value, allow_nan=False, **options)
        shown = ", ".join(missing[:4]) + (", ..." if len(missing) > 4 else "")
        warnings.warn(
            f"Of what is written as JSON, no finite number are {shown}: null there.",
            stacklevel=2,
        )
    # A half of a surrogate pair has no UTF-8, but an escape.
    return _SURROGATES.sub(lambda half: f"\\u{ord(half.group()):04x}", text)


def _of_numpy(value):
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"Expected what JSON can hold, got {type(value).__name__}.")


def _finite(value, path, missing):
    if isinstance(value, dict):
        return {k: _finite(v, f"{path}.{k}", missing) for k, v in value.items()}
    if isinstance(value, list):
        return [_finite(v, f"{path}[{i}]", missing) for i, v in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        missing.append(f"{path.removeprefix('.')} ({value})")
        return None
    return value


@contextlib.contextmanager
def _full_disk_named(path):
    """Makes one error of the many that libraries raise when a disk is full."""
    try:
        yield
    except Exception as error:
        number = _full(error)
        if number is None:
            raise
        kept = " What was there is kept." if path.exists() else ""
        part = pathlib.Path(os.fsdecode(getattr(error, "filename", None) or "")).name
        what = "this" if part in ("", path.name) or part[0] == "." else f"its {part}"
        raise OSError(
            number,
            f"{os.strerror(number)} while {what} was written, of which nothing is "
            f"left.{kept} Make room, and write it again",
            str(path),
        ) from error


def _full(error):
    """The errno of an error that says that a disk is full, or None."""
    if getattr(error, "errno", None) in FULL:
        return error.errno
    text = str(error)
    return next((n for n, words in FULL.items() if re.search(words, text)), None)


def _behind_links(path):
    return pathlib.Path(os.path.realpath(pathlib.Path(path).expanduser()))


def _check_free(path, overwrite, besides=None):
    if not path.exists():
        return
    if not path.is_dir():
        raise FileExistsError(
            f"Expected a folder to write at {path}, but a file is there. Name another "
            "folder, or remove the file."
        )
    if not any(child != besides for child in path.iterdir()):
        return
    if not overwrite:
        raise FileExistsError(
            f"Expected no folder or an empty one at {path}, but it holds files. Name "
            "another folder, or replace this one with overwrite=True (--overwrite)."
        )
    for precious in (pathlib.Path.home(), pathlib.Path.cwd()):
        if precious.resolve().is_relative_to(path):
            raise FileExistsError(
                f"Not replaced: {path} holds the folder {precious}. Name a folder "
                "of its own for what is written."
            )


def _put_in_place(partial, path):
    if not path.exists():
        os.rename(partial, path)
        return
    with set_aside(path):
        os.rename(partial, path)


def _move_up(partial, path):
    for old in path.iterdir():
        if old.is_dir() and not old.is_symlink() and old != partial:
            shutil.rmtree(old)
        elif old != partial:
            old.unlink()
    for file in partial.iterdir():
        os.rename(file, path / file.name)
    partial.rmdir()


def _to_disk(path, name=None):
    """Waits until a file, or a folder's list of names, is on disk.

    Args:
        path: The file or folder.
        name: What an error calls it, where it is to have another name.
    """
    if path.is_dir() and os.name == "nt" or path.is_symlink():
        return
    try:
        handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    except PermissionError:
        if path.is_dir():  # which may be written to, not listed
            return
        raise
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in NO_FSYNC:
            raise OSError(
                error.errno,
                f"{os.strerror(error.errno or 0)} while this was brought to disk",
                str(name or path),
            ) from error
    finally:
        os.close(handle)
