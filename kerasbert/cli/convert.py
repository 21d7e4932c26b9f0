"""`kerasbert convert`: from one container to another."""

import enum
from typing import Annotated

import typer

from kerasbert.cli.flags import parsed_bits

__all__ = ["Format", "convert"]

# Named here and not asked of kerasbert.checkpoints, so that --help loads nothing.
Format = enum.Enum(
    "Format", {name: name for name in ("huggingface", "google_tf1", "keras_hub")}
)


def convert(
    source: Annotated[str, typer.Argument(metavar="SRC", help="The model.")],
    target: Annotated[str, typer.Argument(metavar="DST", help="The folder to make.")],
    to: Annotated[Format, typer.Option("--to", help="The container to write.")],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the folder if it is there.")
    ] = False,
    bits: Annotated[
        str | None,
        typer.Option(
            "--bits",
            help="Round weights and pack them: 4 to 8, or token_embedding=4,kernel=6.",
        ),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Refuse keys and tensors that nobody knows."),
    ] = False,
):
    """Write a model in another container.

    Weights, heads, configuration and vocabulary go along; so does what makes a
    text's vector: pooling, projections, prompts. The folder appears when it is
    complete, or not at all.
    """
    from kerasbert.checkpoints.containers import convert as convert_container

    checkpoint = convert_container(
        *(source, target, to.value),
        overwrite=overwrite,
        strict=strict,
        bits=None if bits is None else parsed_bits(bits),
    )
    used, ignored = len(checkpoint.ledger.used), len(checkpoint.ledger.ignored)
    print(
        f"{target}: {to.value}, from {checkpoint.container}; {used} tensors used, "
        f"{ignored} ignored by name"
    )
