"""`kerasbert inspect`: what a model is made of, and where every tensor goes."""

import dataclasses
import json
import re
from typing import Annotated

import typer

from kerasbert.cli.display import show_table

__all__ = ["inspect"]


def inspect(
    source: Annotated[str, typer.Argument(metavar="SRC", help="The model.")],
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Refuse configuration keys that nobody knows."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
):
    """Show what a model is made of.

    Its container, configuration and tokenizer; every tensor, and where it went.
    """
    from kerasbert.checkpoints.inspect import inspect as inspect_folder
    from kerasbert.checkpoints.sources import resolve

    found = inspect_folder(resolve(source), strict)
    report = {
        "source": source,
        "folder": str(found.folder),
        "container": found.container,
        "model": type(found.config).__name__.removesuffix("Config"),
        "parameters": found.parameter_count,
        "heads": found.heads,
        "labels": found.labels,
        "absent": found.absent,
        "config": dataclasses.asdict(found.config),
        "tokenizer": found.tokenizer,
        "tensors": [
            dataclasses.asdict(entry) for entry in sorted(found.tensors, key=_order)
        ],
    }
    if as_json:
        print(json.dumps(report, indent=2, ensure_ascii=False))
    else:
        _show(report)


def _order(entry):
    """What is used first, then by name; the numbers in names count as numbers."""
    parts = re.split(r"(\d+)", entry.name)
    numbers = [int(part) if part.isdigit() else part for part in parts]
    return entry.variable is None, numbers


def _show(report):
    about, tensors = {}, report["tensors"]
    for key, value in report.items():
        if key not in ("config", "tokenizer", "tensors"):
            value = f"{value:,}" if key == "parameters" else value
            about[key] = ", ".join(value) if isinstance(value, tuple) else value
            about[key] = about[key] or "none"
    show_table("model", ["key", "value"], about.items())
    show_table("configuration", ["key", "value"], report["config"].items())
    tokenizer = report["tokenizer"] or {"kind": "none"}
    show_table("tokenizer", ["key", "value"], tokenizer.items())
    used = sum(tensor["variable"] is not None for tensor in tensors)
    show_table(
        f"{len(tensors)} tensors: {used} used, {len(tensors) - used} ignored by name",
        ["tensor", "shape", "variable", "how"],
        [
            [
                tensor["name"],
                " x ".join(map(str, tensor["shape"])),
                tensor["variable"],
                tensor["note"],
            ]
            for tensor in tensors
        ],
    )
