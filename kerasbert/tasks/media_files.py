"""Files of recordings and images with what they say or show.

A folder with a folder of files for each class, or a table of paths and targets: paths
are relative to the table.
"""

import contextlib
import os
import pathlib

from kerasbert.account import quoted
from kerasbert.data import DataAccount, Examples
from kerasbert.data.lines import open_lines
from kerasbert.tasks.example_files import cell_of, column_name, open_pairs

PATH_NAMES = ("path", "file", "filename", "file_name", "image", "audio", "wav")
TARGET_NAMES = ("label", "class", "text", "transcript", "sentence", "transcription")


def files_in(folder, suffixes):
    """Returns the files below a folder that have one of the suffixes, in order."""
    return sorted(
        path
        for path in pathlib.Path(folder).rglob("*")
        if path.suffix.lower() in suffixes and not path.name.startswith(".")
    )


def read_class_folders(folder, suffixes):
    """Reads a folder in which each class has a folder of files."""
    folder = pathlib.Path(folder)
    files = files_in(folder, suffixes)
    alone = [path for path in files if path.parent == folder]
    if alone or not files:
        found = f"{alone[0].name} in no folder" if alone else "none"
        raise ValueError(
            f"Expected files of {', '.join(suffixes)} in a folder for each class in "
            f"{folder}, such as {folder / 'cat' / '1.png'}, got {found}."
        )
    classes = [path.relative_to(folder).parts[0] for path in files]
    account = DataAccount(str(folder), "a folder a class")
    account.examples = len(files)
    account.count(classes)
    lines = list(range(1, len(files) + 1))
    return Examples(str(folder), lines, list(map(str, files)), classes, None, account)


def read_media_table(file, options, what):
    """Reads a table of paths and targets.

    Args:
        file: The table.
        options: A `kerasbert.cli.reading.ReaderOptions`: the text column holds the
            paths, the label column the targets.
        what: What a target is, for messages.

    Returns:
        `kerasbert.data.Examples`.

    Raises:
        FileNotFoundError: If the table, or a file that it names, is not there.
        ValueError: If it has no such columns, or a row has no path.
    """
    names = PATH_NAMES, TARGET_NAMES
    with open_pairs(file, options, names, f"a path and {what}") as (table, chosen):
        lines, paths, targets = [], [], []
        for line, cells in table:
            path, target = (cell_of(cells, column) for column in chosen)
            if not isinstance(target, str | int | float):
                raise ValueError(
                    f"Expected {what} in line {line} of {table.name}, got "
                    f"{quoted(str(target), 60)}."
                )
            path = str(path or "").strip()
            paths.append(_existing(path, file, f"line {line} of {table.name}"))
            targets.append(str(target).strip())
            lines.append(line)
        account = table.account
        path, target = (column_name(table, column) for column in chosen)
        account.columns |= {"path": path, "target": target}
    account.examples = len(paths)
    return Examples(account.name, lines, paths, targets, None, account)


@contextlib.contextmanager
def open_media(file, suffixes, encoding=None):
    """Opens a folder of files, one file, or a list of paths, a line each."""
    path = pathlib.Path(file)
    if path.is_dir() or path.suffix.lower() in suffixes:
        if not path.exists():
            raise FileNotFoundError(f"Expected a file at {path}, but there is none.")
        files = files_in(path, suffixes) if path.is_dir() else [path]
        if not files:
            raise FileNotFoundError(
                f"Expected files of {', '.join(suffixes)} in {path}, found none."
            )
        files = [os.fspath(each) for each in files]
        account = DataAccount(str(path), "a file an answer")
    else:
        with open_lines(file, encoding) as lines:
            files = [
                _existing(line.strip(), file, f"line {number} of {lines.name}")
                for number, line in enumerate(lines, 1)
                if line.strip()
            ]
            account = DataAccount(lines.name, "a path a line")
    yield (({"file": each}, each) for each in files), account


def _existing(path, table, where):
    found = path
    if not os.path.isabs(path) and str(table) != "-":
        found = os.path.join(os.path.dirname(os.path.abspath(table)), path)
    if not path or not os.path.isfile(found):
        raise FileNotFoundError(
            f"Expected the path of a file in {where}, got {quoted(path, 80)}, which is "
            f"not there{'' if found == path else f' ({found})'}."
        )
    return found
