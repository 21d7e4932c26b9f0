"""`kerasbert attention`: a page that shows what every head looks at."""

from typing import Annotated

import typer

__all__ = ["attention"]


def attention(
    model: Annotated[str, typer.Argument(metavar="SRC", help="The model.")],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The text.")],
    output_file: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="The page to write.")
    ],
    pair: Annotated[
        str | None,
        typer.Option("--pair", metavar="TEXT", help="A second text, of a pair."),
    ] = None,
    max_length: Annotated[
        int, typer.Option("--max-length", min=3, help="Most tokens that are shown.")
    ] = 128,
):
    """Show what every layer and head looks at in a text.

    Writes one HTML page to explore in a browser; it needs no network.
    """
    from kerasbert.models import load_encoder
    from kerasbert.tasks.pretrained_task import load_parts
    from kerasbert.visualize import attention_html

    _, checkpoint, tokenizer = load_parts(model)
    encoder = load_encoder(checkpoint)
    page = attention_html(encoder, text, pair, tokenizer, max_length)
    page.save(output_file)
    print(output_file)
