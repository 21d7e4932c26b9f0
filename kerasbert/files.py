"""Reading small text files with errors that help, and writing without halves.

What is written here appears under its name when it is complete, or not at all: it
is built beside its place under a hidden name, brought to disk, and renamed.
"""

import contextlib
import json
import os
import pathlib
import secrets
import shutil

from kerasbert.account import quoted

__all__ = [
    "inside",
    "new_folder",
    "read_json",
    "read_lines",
    "read_text",
    "write_atomically",
]


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
        yield path
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _beside(path)
    try:
        yield partial
        _to_disk(partial)
        os.replace(partial, path)
    except BaseException:
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
    # A mounted folder cannot be renamed: it is filled from a folder within.
    mounted = path.is_dir() and os.path.ismount(path)
    partial = _beside(path / "new" if mounted else path)
    partial.mkdir()
    try:
        yield partial
        for file in partial.rglob("*"):
            if file.is_file():
                _to_disk(file)
        _check_free(path, overwrite, besides=partial)
        if mounted:
            _move_up(partial, path)
        else:
            _put_in_place(partial, path)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    _to_disk(path.parent)


def _behind_links(path):
    return pathlib.Path(os.path.realpath(pathlib.Path(path).expanduser()))


def _beside(path):
    return path.with_name(f".partial-{secrets.token_hex(4)}-{path.name}")


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
    old = _beside(path)
    os.rename(path, old)
    try:
        os.rename(partial, path)
    except BaseException:
        os.rename(old, path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _move_up(partial, path):
    for old in path.iterdir():
        if old.is_dir() and not old.is_symlink() and old != partial:
            shutil.rmtree(old)
        elif old != partial:
            old.unlink()
    for file in partial.iterdir():
        os.rename(file, path / file.name)
    partial.rmdir()


def _to_disk(path):
    """Waits until a file, or a folder's list of names, is on disk."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    except OSError:
        pass  # Some file systems cannot; the rename is still in order.
    finally:
        os.close(handle)
