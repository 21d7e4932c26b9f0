"""`kerasbert export`: a model as it is served, built upon, or run on a device."""

import enum
from typing import Annotated

import typer

from kerasbert.cli.flags import parsed_bits

__all__ = ["export"]

# Named here and not asked of kerasbert.export, so that --help loads nothing.
FORMATS = ("saved_model", "reusable", "litert")
PRECISIONS = ("float32", "bfloat16", "int8")
Format = enum.Enum("Format", {name: name for name in FORMATS})
Precision = enum.Enum("Precision", {name: name for name in PRECISIONS})


def export(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The model.")],
    target: Annotated[
        str,
        typer.Argument(
            metavar="DST",
            help="Its folder; for saved_model, the next version folder in it is made.",
        ),
    ],
    form: Annotated[
        Format,
        typer.Option(
            "--format",
            help="saved_model serves; reusable is a TF Hub encoder to be fine-tuned; "
            "litert runs without TensorFlow, on small devices too.",
        ),
    ] = Format.saved_model,
    precision: Annotated[
        Precision | None,
        typer.Option(
            "--precision",
            help="By default float32; bfloat16 is twice as fast on processors that "
            "have it; int8 is on x86-64, for TF Serving since 2.18.",
        ),
    ] = None,
    bits: Annotated[
        str | None,
        typer.Option(
            "--bits",
            help="For litert: round weights and pack them, 4 to 8, or "
            "token_embedding=4,kernel=6.",
        ),
    ] = None,
    max_length: Annotated[
        int | None, typer.Option("--max-length", help="Most tokens of a text.")
    ] = None,
    tokens: Annotated[
        bool,
        typer.Option(
            "--tokens", help="Add a signature with a vector for each token, and where."
        ),
    ] = False,
    xla: Annotated[
        bool,
        typer.Option("--xla", help="Add a signature for servers that run XLA."),
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Replace what is there: the newest version."),
    ] = False,
):
    """Write a model for serving: text in, answers out, no Python beside it.

    The folder is what TF Serving and `kerasbert serve` take. A version of it appears
    when it is complete, or not at all. With --format litert it is what
    kerasbert.LiteRTEmbedder takes.
    """
    if form is Format.litert and (tokens or xla or precision is Precision.bfloat16):
        raise ValueError(
            "--tokens, --xla and --precision bfloat16 are for serving: leave them out, "
            "or write --format saved_model."
        )
    if form is not Format.litert and bits is not None:
        raise ValueError(
            "--bits packs the weights of a LiteRT model: leave it out, or write "
            "--format litert. `kerasbert convert --bits` packs other folders."
        )
    if form is Format.reusable and (precision or tokens or xla):
        raise ValueError(
            "--precision, --tokens and --xla are for serving: leave them out, or write "
            "--format saved_model."
        )
    from kerasbert.models.model import check_exports

    check_exports()  # before a model is loaded

    from kerasbert.export import (
        curl_line,
        export_litert,
        export_reusable,
        export_task,
        model_name,
    )
    from kerasbert.tasks import TextEmbedder, load
    from kerasbert.tasks.task_files import holds_task

    task = load(model) if holds_task(model) else TextEmbedder.from_pretrained(model)
    embeds = isinstance(task, TextEmbedder)
    if not embeds and (form is not Format.saved_model or tokens or xla):
        raise ValueError(
            f"{model} is a task that serves answers, not vectors: leave --format, "
            "--tokens and --xla out."
        )
    name = precision.value if precision else "float32"
    if form is Format.reusable:
        print(export_reusable(task, target, max_length, overwrite))
    elif form is Format.litert:
        packed = None if bits is None else parsed_bits(bits)
        print(export_litert(task, target, name, max_length, overwrite, packed))
    else:
        more = {"token_layers": (-1,) if tokens else None, "xla": xla} if embeds else {}
        print(export_task(task, target, name, max_length, overwrite, **more))
        print(curl_line(model_name(target), task=task))
