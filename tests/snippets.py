"""Runs a block of code of a page in a process of its own; imports nothing heavy."""

import gc
import multiprocessing
import os
import sys
import traceback
import warnings

# What is imported before a process is forked for each block; none of it has started.
PRELOADED = ["tensorflow", "keras", "tensorflow_text", "keras_hub", "typer"]
# Warnings that are no errors: tiny models have 16 positions and no heads; a page speaks
# of the two forms of GELU; of Keras.
EXPECTED = [
    *(".*were truncated", ".* new and untrained", ".*computes GELU in its tanh form"),
    "__array__ implementation",
]


def run_apart(function, *arguments, folder, environment):
    """Calls a function of this module in a new process.

    Args:
        function: The function, which raises where something fails.
        *arguments: What it takes.
        folder: The folder to work in.
        environment: Variables of the environment, by name.

    Returns:
        What it printed, or None where all went well.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    output = folder.with_suffix(".txt")
    process = context.Process(
        target=_call, args=(function, arguments, folder, output, environment)
    )
    process.start()
    process.join()
    return output.read_text("utf-8") if process.exitcode else None


def run_python(code, name):
    """Runs a block as a script.

    Args:
        code: The block, after as many empty lines as stand before it.
        name: The name of its page.
    """
    exec(compile(code, name, "exec"), {"__name__": "__main__"})


def run_kerasbert(words):
    """Runs the command `kerasbert`.

    Args:
        words: Its arguments.
    """
    from kerasbert.cli import main

    status = main(words)
    if status != 0:
        raise SystemExit(status)


def _call(function, arguments, folder, output, environment):
    os.chdir(folder)
    os.environ.update(environment)
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, 1)
    os.dup2(file, 2)
    gc.set_threshold(200_000, 50, 100)  # as in conftest.py
    warnings.simplefilter("error")
    for message in EXPECTED:
        warnings.filterwarnings("ignore", message)
    try:
        function(*arguments)
    except Exception:
        traceback.print_exc()
        sys.exit(1)
