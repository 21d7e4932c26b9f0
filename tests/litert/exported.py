"""Models of the fixtures for LiteRT, made once for all tests of a process."""

import atexit
import functools
import pathlib
import shutil
import tempfile

from kerasbert.export import export_litert
from tests.export.served import embedder_of


@functools.cache
def litert_folder(name):
    """The folder, in float32, of a model of the fixtures."""
    folder = pathlib.Path(tempfile.mkdtemp()) / name
    atexit.register(shutil.rmtree, folder.parent)
    return export_litert(embedder_of(name), folder)
