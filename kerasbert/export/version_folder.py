"""Numbered version folders, as TF Serving watches them."""

import contextlib
import pathlib

from kerasbert.files import new_folder


@contextlib.contextmanager
def new_version(folder, overwrite=False):
    """A folder for the next version of a model; it appears when it is complete.

    Args:
        folder: The folder of the model.
        overwrite: Whether the newest version is replaced.

    Yields:
        The folder to fill, and the path that it will have.

    Raises:
        FileExistsError: If `folder` holds anything but versions.
    """
    folder = pathlib.Path(folder)
    versions = list(_versions(folder))
    newest = max(versions, default=0)
    number = newest if overwrite and newest else newest + 1
    final = folder / str(number)
    with new_folder(final, overwrite=overwrite) as partial:
        yield partial, final


def _versions(folder):
    if not folder.exists():
        return
    for child in folder.iterdir() if folder.is_dir() else [folder]:
        if child.is_dir() and child.name.isdecimal():
            yield int(child.name)
        elif not child.name.startswith("."):
            raise FileExistsError(
                f"Expected {folder} to hold versions of a model (folders 1, 2, ...), "
                f"but {child.name} is there. Name a folder of its own."
            )
