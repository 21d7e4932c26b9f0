"""Errors and warnings as one line each."""

import contextlib
import re
import sys
import warnings

__all__ = ["one_line", "warnings_as_lines"]

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_KERAS_CALL = re.compile(
    r"Exception encountered when calling .*?\n\n(.*?)\n\nArguments received by ", re.S
)


def one_line(message):
    r"""Converts a message to one plain line.

    Keras puts an error that a layer raises between the layer's name and the layer's
    arguments, in colours: only the error is kept.

    Example:
        >>> one_line("The tensors differ:\n  missing: a\n  missing: b\nIs it whole?")
        'The tensors differ: missing: a; missing: b; Is it whole?'
    """
    message = _COLOURS.sub("", message)
    if keras := _KERAS_CALL.search(message):
        message = keras.group(1)
    line = ""
    for part in filter(None, map(str.strip, message.splitlines())):
        if not line:
            line = part
        else:
            line += (" " if line[-1] in ".:;,?!" else "; ") + part
    return line


@contextlib.contextmanager
def warnings_as_lines():
    """Prints each distinct warning once, as one line on stderr."""
    shown = set()

    def show(message, category, filename, lineno, file=None, line=None):
        text = one_line(str(message))
        if text not in shown:
            shown.add(text)
            print(f"kerasbert: warning: {text}", file=sys.stderr)

    with warnings.catch_warnings():
        if not sys.warnoptions:
            warnings.simplefilter("always", UserWarning)
        warnings.showwarning = show
        yield
