"""`kerasbert inspect`: what a model is made of, and where every tensor goes."""

import dataclasses
import re
from typing import Annotated

import typer

from kerasbert.cli.display import show_table
from kerasbert.files import json_text

__all__ = ["inspect"]


def inspect(
    source: Annotated[str, typer.Argument(metavar="SRC", help="The model.")],
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Refuse keys and tensors that nobody knows."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
):
    """Show what a model is made of.

    Its container, configuration and tokenizer; every tensor, and where it went;
    every key of every file, and what became of it.
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
        "account": [dataclasses.asdict(entry) for entry in found.account],
        "unread": found.unread,
    }
    if as_json:
        print(json_text(report, indent=2))
    else:
        _show(report)


def _order(entry):
    """Sorts by treatment, then by name with natural order of numbers."""
    parts = re.split(r"(\d+)", entry.name)
    numbers = [int(part) if part.isdigit() else part for part in parts]
    return entry.variable is None, numbers


def _show(report):
    about, tensors = {}, report["tensors"]
    for key, value in report.items():
        if key not in ("config", "tokenizer", "tensors", "account", "unread"):
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
    _show_account(report["account"], report["unread"])


def _show_account(account, unread):
    """Prints a table per file; keys with the same reason share a line."""
    order = ("unknown", "used", "ignored")
    for file in dict.fromkeys(entry["file"] for entry in account):
        entries = [entry for entry in account if entry["file"] == file]
        rows = [
            [entry["key"], entry["value"], treatment, entry["note"]]
            for treatment in order[:2]
            for entry in entries
            if entry["treatment"] == treatment
        ]
        ignored = {}
        for entry in entries:
            if entry["treatment"] == "ignored":
                ignored.setdefault(entry["note"], []).append(entry["key"])
        rows += [[", ".join(keys), "", "ignored", why] for why, keys in ignored.items()]
        counts = [
            f"{sum(entry['treatment'] == treatment for entry in entries)} {treatment}"
            for treatment in order
        ]
        title = f"{file}: {len(entries)} keys, {', '.join(counts)}"
        show_table(title, ["key", "value", "treatment", "note"], rows)
    if unread:
        rows = [[name, why or "unknown to kerasbert"] for name, why in unread.items()]
        show_table(f"{len(unread)} files not read", ["file", "why"], rows)
