"""The command `kerasbert`, which imports TensorFlow only if needed.

Results go to standard output and everything else to the error stream: progress on a
terminal alone, a warning as one line, an error as one line and exit code 2.
"""

import contextlib
import itertools
import os
import sys
import traceback

from kerasbert.cli import process
from kerasbert.cli.messages import one_line, warnings_as_lines
from kerasbert.lazy import lazy_names

__all__ = ["main"]

__getattr__, __dir__ = lazy_names(__name__, {})

BAD_INPUT = 2
UNEXPECTED = 1
INTERRUPTED = 130
PIPE_CLOSED = 141


def main(arguments=None):
    """Runs the command.

    Example:
        >>> main(["zoo", "minilm", "--json"])  # doctest: +ELLIPSIS
        [
        ...
        0
    """
    if arguments is None:
        arguments = sys.argv[1:]
        process.prepare()
    from kerasbert.cli.app import PipeClosed

    options = itertools.takewhile(lambda word: word.startswith("-"), arguments)
    debug = "--debug" in options or os.environ.get("KERASBERT_DEBUG", "0") != "0"
    with contextlib.ExitStack() as stack:
        if not debug:
            stack.enter_context(warnings_as_lines())
        try:
            code = _run(arguments)
            sys.stdout.flush()
        except (BrokenPipeError, PipeClosed):
            process.drop_output()
            code = PIPE_CLOSED
        except (KeyboardInterrupt, Exception) as error:
            if debug:
                traceback.print_exception(error)
            code = _report(error)
    return code


def _run(arguments):
    import typer

    from kerasbert.cli.app import app

    command = typer.main.get_command(app)
    arguments = arguments or ["--help"]
    return command.main(arguments, prog_name="kerasbert", standalone_mode=False) or 0


def _report(error):
    """Prints an error as one line, and returns the exit code."""
    import typer

    if isinstance(error, (typer.Abort, KeyboardInterrupt)):
        return INTERRUPTED
    if hasattr(error, "format_message"):  # the command line itself
        name = error.ctx.command_path if getattr(error, "ctx", None) else "kerasbert"
        message = one_line(error.format_message())
        message += "" if message.endswith((".", "?")) else "."
        print(f"{name}: error: {message} See `{name} --help`.", file=sys.stderr)
        return BAD_INPUT
    message = one_line(str(error)) or type(error).__name__
    if isinstance(error, ModuleNotFoundError):
        message = (
            f"Expected the package {error.name}, which is not installed here. "
            "Installing kerasbert with its dependencies brings it."
        )
    if isinstance(error, (ValueError, OSError, ImportError)):
        print(f"kerasbert: error: {message}", file=sys.stderr)
        return BAD_INPUT
    message = f"{type(error).__name__}: {message} (KERASBERT_DEBUG=1 shows where)"
    print(f"kerasbert: error: {message}", file=sys.stderr)
    return UNEXPECTED
