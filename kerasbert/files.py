"""Reading of small text files with helpful errors, and atomic writing.

Files and folders are written under a hidden name next to their place, synced to disk
and renamed, so they are complete or absent. When the disk is full, the error names the
file, whichever library was writing it.
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
    "write_json",
]

# Errors of fsync on file systems without it.
NO_FSYNC = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
# Errors of a full disk: an errno, or the message of a library.
FULL = {
    errno.ENOSPC: r"No space left|errno = 28\b|os error 28\b|requested and \d+ written",
    getattr(errno, "EDQUOT", errno.ENOSPC): r"[Qq]uota exceeded|os error 122\b",
    errno.EFBIG: r"File too large|errno = 27\b|os error 27\b",
}
_SURROGATES = re.compile("[\ud800-\udfff]")


def read_text(path):
    """Reads a UTF-8 text file, with or without byte order mark.

    Args:
        path: The file.

    Returns:
        A string with the original line ends.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is not UTF-8; the message names the line.
    """
    path = pathlib.Path(path)
    if not path.exists() or path.is_dir():  # a pipe is as good as a file
        raise FileNotFoundError(f"Expected a file at {path}, but there is none.")
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The position in the error excludes a byte order mark.
        start = error.start + len(data) - len(error.object)
        line = data.count(b"\n", 0, start) + 1
        raise ValueError(
            f"Expected UTF-8 text in {path}, but in line {line} the byte "
            f"0x{data[start]:02x} is not valid UTF-8. Convert the file, for instance "
            "with `iconv -f LATIN1 -t UTF-8` if it is Latin-1."
        ) from None


def read_lines(path):
    r"""Reads the lines of a UTF-8 text file.

    Lines end with `\n` or `\r\n` only: vocabularies contain U+2028 and similar
    characters as tokens.

    Args:
        path: The file.

    Returns:
        A list of strings without line ends.

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
        The parsed value.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is not UTF-8 or not JSON; the message names the line.
    """
    text = read_text(path)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"Expected JSON in {path}, but line {error.lineno}, column {error.colno} "
            f"is invalid: {error.msg}. Is the file complete? Download or write it "
            "again."
        ) from None
    except RecursionError:
        raise ValueError(f"The JSON in {path} is nested too deeply.") from None


def inside(folder, path, file=None):
    """Resolves a path named in a file of a folder, which must stay inside the folder.

    Symbolic links are followed. The cache of the Hugging Face Hub, whose `snapshots`
    link to `blobs` next to them, is accepted.

    Args:
        folder: The folder.
        path: The relative path, as written in the file.
        file: The file that names the path, for the message; by default the folder.

    Returns:
        A `pathlib.Path`, which may not exist.

    Raises:
        ValueError: If the path is no valid path or leads out of the folder.

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
        f"{folder}. Expected a path inside it: move the file there."
    )


def _is_path(text):
    """Whether a string is a valid file name."""
    parts = text.encode("utf-8", "replace").split(b"/")
    encodable = all(not "\ud800" <= character <= "\udfff" for character in text)
    short = len(text) <= 4000 and all(len(part) <= 255 for part in parts)
    return encodable and short and "\0" not in text


@contextlib.contextmanager
def write_atomically(path):
    """Yields a path to write to, which replaces `path` when the block succeeds.

    The folder is created if necessary. If the block raises, the partial file is
    removed, and an earlier file is unchanged. Devices and pipes, such as `/dev/stdout`,
    are written directly.

    Args:
        path: The file to write.

    Yields:
        A `pathlib.Path` in the same folder, with the same suffix.

    Raises:
        IsADirectoryError: If `path` is a folder.

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
    """Yields an empty folder to fill, which becomes `path` when the block succeeds.

    Args:
        path: The folder to write; it may exist if it is empty.
        overwrite: Whether to replace an existing folder with all of its content.

    Yields:
        A `pathlib.Path`: an empty folder.

    Raises:
        FileExistsError: If `path` exists and `overwrite` is not set, or `path` contains
            the home folder or the current folder.

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
    # A mount point cannot be renamed: it is filled from a folder inside it.
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
    """Serializes a value to JSON; non-finite numbers become null, with a warning.

    Args:
        value: Anything `json.dumps` accepts, and NumPy numbers and arrays.
        indent: Indentation, see `json.dumps`.

    Returns:
        A string without a line end.

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
            f"JSON has no NaN or infinity: {shown} written as null.",
            stacklevel=2,
        )
    # A lone surrogate cannot be encoded as UTF-8, but can be escaped.
    return _SURROGATES.sub(lambda half: f"\\u{ord(half.group()):04x}", text)


def write_json(path: str | os.PathLike, value: object, indent: int | None = 2) -> None:
    """Writes a value as JSON, atomically; see `json_text` and `write_atomically`.

    Args:
        path: The file to write.
        value: Anything that `json_text` takes.
        indent: Indentation, see `json.dumps`.

    Raises:
        IsADirectoryError: If `path` is a folder.
        OSError: If the disk is full; the message names the file.
    """
    with write_atomically(path) as partial:
        partial.write_text(f"{json_text(value, indent)}\n", "utf-8")


def _of_numpy(value):
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"Expected a JSON-serializable value, got {type(value).__name__}.")


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
    """Converts the errors that libraries raise on a full disk to one `OSError`."""
    try:
        yield
    except Exception as error:
        number = _full(error)
        if number is None:
            raise
        kept = " The existing one is kept." if path.exists() else ""
        part = pathlib.Path(os.fsdecode(getattr(error, "filename", None) or "")).name
        what = "this" if part in ("", path.name) or part[0] == "." else f"its {part}"
        raise OSError(
            number,
            f"{os.strerror(number)} while {what} was written; the partial output was "
            f"removed.{kept} Free disk space and try again",
            str(path),
        ) from error


def _full(error):
    """Returns the errno if an error means that the disk is full, else None."""
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
            f"Expected a folder to write at {path}, but a file is there. Use another "
            "folder, or delete the file."
        )
    if not any(child != besides for child in path.iterdir()):
        return
    if not overwrite:
        raise FileExistsError(
            f"Expected no folder or an empty one at {path}, but it contains files. Use "
            "another folder, or replace this one with overwrite=True (--overwrite)."
        )
    for precious in (pathlib.Path.home(), pathlib.Path.cwd()):
        if precious.resolve().is_relative_to(path):
            raise FileExistsError(
                f"Not replaced: {path} contains the folder {precious}. Use another "
                "folder for the output."
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
    """Syncs a file, or a folder's entries, to disk; errors call it `name`."""
    if path.is_dir() and os.name == "nt" or path.is_symlink():
        return
    try:
        handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    except PermissionError:
        if path.is_dir():  # writable, but not readable
            return
        raise
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in NO_FSYNC:
            raise OSError(
                error.errno,
                f"{os.strerror(error.errno or 0)} while syncing this to disk",
                str(name or path),
            ) from error
    finally:
        os.close(handle)
