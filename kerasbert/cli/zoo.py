"""`kerasbert zoo`: the models that are known to load."""

import dataclasses
from typing import Annotated

import typer

from kerasbert.cli.display import show_table

__all__ = ["zoo"]


def zoo(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Show all about one model.")
    ] = None,
    language: Annotated[
        str | None,
        typer.Option(
            "--language",
            "-l",
            metavar="CODE",
            help="Only models that know the language, such as zh.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
):
    """List known models.

    With size, languages, licence, where they are, and whether they are cached.
    """
    from kerasbert.checkpoints import zoo as known
    from kerasbert.checkpoints.sources import cached
    from kerasbert.files import json_text

    models = known.models() if name is None else (known.find(name),)
    if language is not None and name is None:
        models = [model for model in models if _knows(model, language.lower())]
    here = cached()
    rows = [
        dataclasses.asdict(model) | {"cached": model.name in here} for model in models
    ]
    if as_json:
        print(json_text(rows, indent=2))
    elif name is not None:
        _show_one(rows[0])
    else:
        _show_all(rows)


def _knows(model, language):
    return language in model.languages or model.languages == ("multilingual",)


def _few(languages):
    more = len(languages) - 3
    return " ".join(languages[:3]) + (f" and {more} more" if more > 0 else "")


def _show_all(rows):
    show_table(
        f"{len(rows)} models",
        ["name", "parameters", "size", "languages", "licence", "handle", "cached"],
        [
            [
                row["name"],
                f"{row['parameters']:g} M",
                f"{row['megabytes']} MB",
                _few(row["languages"]),
                row["licence"],
                row["handles"][0],
                "yes" if row["cached"] else "",
            ]
            for row in rows
        ],
        optional=("parameters", "handle"),
    )


def _show_one(row):
    show_table(
        f"{row['name']}: {row['summary']}",
        ["key", "value"],
        [
            ["parameters", f"{row['parameters']:g} M"],
            ["size", f"{row['megabytes']} MB"],
            ["languages", " ".join(row["languages"])],
            ["licence", row["licence"]],
            *(["handle", handle] for handle in row["handles"]),
            *(["sha256", f"{key} {value}"] for key, value in row["sha256"].items()),
            *([["note", row["note"]]] if row["note"] else []),
            ["cached", "yes" if row["cached"] else "no"],
        ],
    )
