"""`kerasbert inspect`: what a model is made of, and where every tensor goes."""

import dataclasses
import json
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
    from kerasbert.checkpoints.containers import read_checkpoint
    from kerasbert.checkpoints.sources import resolve

    checkpoint = read_checkpoint(resolve(source), strict)
    about = {
        "container": checkpoint.container,
        "folder": str(checkpoint.folder),
        "model": type(checkpoint.config).__name__.removesuffix("Config"),
        "heads": list(checkpoint.heads),
        "pooler": checkpoint.has_pooler,
        "labels": list(checkpoint.labels),
        "absent": list(checkpoint.ledger.absent),
    }
    config = dataclasses.asdict(checkpoint.config)
    tensors = [dataclasses.asdict(entry) for entry in checkpoint.ledger.entries]
    if as_json:
        report = {**about, "config": config, "tensors": tensors}
        print(json.dumps(report, indent=2, ensure_ascii=False))
        return
    show_table("model", ["key", "value"], [[k, v] for k, v in about.items()])
    show_table("configuration", ["key", "value"], [[k, v] for k, v in config.items()])
    show_table(
        "tensors",
        ["name", "shape", "variable", "note"],
        [[t["name"], t["shape"], t["variable"], t["note"]] for t in tensors],
    )
