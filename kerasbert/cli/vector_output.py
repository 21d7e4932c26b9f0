"""Streaming of vectors to JSON lines or an array file."""

import contextlib
import warnings

import numpy as np

from kerasbert.files import json_text, write_atomically

__all__ = ["open_json_lines", "open_npy"]

# JSON may hold these as they are, but some readers of lines end a line there.
_LINE_ENDS = {ord(end): f"\\u{ord(end):04x}" for end in "\x85\u2028\u2029"}


@contextlib.contextmanager
def open_json_lines(path):
    """Writes dictionaries as JSON lines, with full float32 precision."""
    if path in (None, "-"):
        yield lambda row: print(_json(row))
        return
    with (
        write_atomically(path) as partial,
        open(partial, "w", encoding="utf-8") as file,
    ):
        yield lambda row: print(_json(row), file=file)


@contextlib.contextmanager
def open_npy(path, size):
    """Writes vectors as the rows of an array of unknown length."""
    count = 0

    def write(vector):
        nonlocal count
        file.write(np.asarray(vector, "<f4").tobytes())
        count += 1

    with write_atomically(path) as partial, open(partial, "wb") as file:
        _write_header(file, count, size)
        yield write
        # NumPy leaves room in the header for the first axis to grow.
        file.seek(0)
        _write_header(file, count, size)


def _write_header(file, count, size):
    header = {"descr": "<f4", "fortran_order": False, "shape": (count, size)}
    np.lib.format.write_array_header_1_0(file, header)


def _json(row):
    members = (f"{json_text(key)}: {_value(value)}" for key, value in row.items())
    return "{" + ", ".join(members) + "}"


def _value(value):
    if not isinstance(value, np.ndarray):
        return json_text(value).translate(_LINE_ENDS)
    if value.ndim > 1:
        return "[" + ", ".join(map(_value, value)) + "]"
    if not np.isfinite(value).all():
        warnings.warn(
            "A vector holds numbers that are not finite, for which JSON has null. Is "
            "the model whole?",
            stacklevel=2,
        )
        numbers = (str(x) if np.isfinite(x) else "null" for x in value)
        return "[" + ", ".join(numbers) + "]"
    # The shortest digits that give the same float32 again.
    return "[" + ", ".join(map(str, value)) + "]"
