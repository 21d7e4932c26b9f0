"""Process-wide settings of the command line."""

import contextlib
import importlib.abc
import importlib.machinery
import io
import logging
import os
import signal
import sys
import warnings

__all__ = ["drop_output", "prepare"]

_TALKATIVE = ("tensorflow", "tensorflow_text", "jax")


def prepare():
    """Silences TensorFlow's log, and makes SIGTERM clean up."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if os.environ["TF_CPP_MIN_LOG_LEVEL"] == "3":
        sys.meta_path.insert(0, _QuietImports())
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def drop_output():
    """Discards the rest of standard output, which nobody reads."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _QuietImports(importlib.abc.MetaPathFinder):
    """Silences libraries that write to stderr from C++ on import.

    What TensorFlow logs while it is loaded heeds no setting.
    """

    def find_spec(self, name, path=None, target=None):
        if name not in _TALKATIVE:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None:
            spec.loader.exec_module = _quietly(spec.loader.exec_module)
        return spec


def _quietly(function):
    def quiet(*arguments):
        sys.stderr.flush()
        kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return function(*arguments)
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            os.close(nowhere)

    return quiet
