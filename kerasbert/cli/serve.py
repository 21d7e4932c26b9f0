"""`kerasbert serve`: the REST interface of TF Serving."""

from typing import Annotated

import typer

__all__ = ["serve"]


def serve(
    folder: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER",
            help="The folder that `kerasbert export` wrote; versions 1, 2, ... in it.",
        ),
    ],
    port: Annotated[
        int,
        typer.Option("--port", min=0, max=65535, help="The port; 0: a free one."),
    ] = 8501,
    host: Annotated[
        str, typer.Option("--host", help="The address; 0.0.0.0: from everywhere.")
    ] = "127.0.0.1",
    name: Annotated[
        str | None,
        typer.Option(
            "--name", metavar="NAME", help="The model's name; default: the folder's."
        ),
    ] = None,
    max_batch: Annotated[
        int,
        typer.Option("--max-batch", min=1, help="The most texts that run together."),
    ] = 64,
    max_queue: Annotated[
        int,
        typer.Option(
            "--max-queue", min=1, help="The most requests that wait; others get 503."
        ),
    ] = 256,
    body_limit: Annotated[
        int,
        typer.Option("--body-limit", min=1, help="The longest request, in MiB."),
    ] = 32,
):
    """Serve an exported model over HTTP, as TF Serving does.

    Requests that come together run together. A new version folder takes over
    within a second or so of its appearance; SIGTERM ends the process when what
    is in flight is answered.
    """
    import logging

    try:
        from kerasbert.serving import server
    except ModuleNotFoundError as error:
        raise ValueError(
            f"{error.name} is not installed. Install: pip install 'kerasbert[serving]'"
        ) from None
    logging.basicConfig(format="kerasbert: %(message)s", level=logging.WARNING)
    logging.getLogger("kerasbert.serving").setLevel(logging.INFO)
    server.serve(
        folder,
        host=host,
        port=port,
        name=name,
        max_batch=max_batch,
        max_queue=max_queue,
        body_limit=body_limit * server.MEBIBYTE,
    )
