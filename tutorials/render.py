"""Runs the notebooks and keeps their outputs, which the documentation shows.

    python tutorials/render.py [NAME ...]

A cell with the tag `not-rendered` needs a model of hundreds of megabytes: it keeps no
output. Log lines and the paths of temporary folders are removed from the outputs.
"""

import os
import pathlib
import re
import sys
import tempfile

import nbformat
from nbclient import NotebookClient

FOLDER = pathlib.Path(__file__).resolve().parent
TAG = "not-rendered"
LOG = re.compile(r"^(INFO|WARNING):tensorflow:.*\n", re.M)
TEMPORARY = re.compile(re.escape(tempfile.gettempdir()) + r"/\w+/")


def render(file):
    """Runs a notebook, and writes it with its outputs.

    Args:
        file: A `pathlib.Path`.
    """
    notebook = nbformat.read(file, as_version=4)
    cells = notebook.cells
    notebook.cells = [
        cell for cell in cells if TAG not in cell.metadata.get("tags", ())
    ]
    resources = {"metadata": {"path": str(FOLDER.parent)}}
    NotebookClient(notebook, timeout=7200, resources=resources).execute()
    notebook.cells = cells
    count = 0
    for cell in cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type != "code":
            continue
        if TAG in cell.metadata.get("tags", ()):
            cell.outputs, cell.execution_count = [], None
            continue
        count += 1
        cell.execution_count = count
        cell.outputs = [cleaned(output, count) for output in cell.outputs]
        cell.outputs = [output for output in cell.outputs if output]
    for key in ("kernelspec", "language_info"):
        notebook.metadata.pop(key, None)
    nbformat.write(notebook, file)


def cleaned(output, count):
    """Returns an output without what belongs to this run alone, or None.

    Args:
        output: An output of a cell.
        count: The number of the cell.
    """
    if output.output_type == "stream":
        if output.name == "stderr":
            return None
        output.text = TEMPORARY.sub("", LOG.sub("", output.text))
        return output if output.text.strip() else None
    if "text/html" in output.data:
        output.data.pop("text/plain", None)
    if "execution_count" in output:
        output.execution_count = count
    return output


def main():
    """Renders the notebooks that the command line names, or all."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    names = sys.argv[1:] or sorted(file.stem for file in FOLDER.glob("*.ipynb"))
    for name in names:
        print(name, flush=True)
        render(FOLDER / f"{name}.ipynb")


if __name__ == "__main__":
    main()
