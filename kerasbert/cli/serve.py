"""`kerasbert serve`: the REST interface of TF Serving."""

from typing import Annotated

import typer

__all__ = ["serve"]


def _number(kind, name, text, **options):
    return Annotated[kind, typer.Option(name, help=text, **options)]


def serve(
    folder: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER",
            help="The folder that `kerasbert export` wrote; versions 1, 2, ... in it.",
        ),
    ],
    port: _number(int, "--port", "The port; 0: a free one.", min=0, max=65535) = 8501,
    host: Annotated[
        str, typer.Option("--host", help="The address; 0.0.0.0: from everywhere.")
    ] = "127.0.0.1",
    name: Annotated[
        str | None,
        typer.Option(
            "--name", metavar="NAME", help="The model's name; default: the folder's."
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--label",
            metavar="LABEL=VERSION",
            help="Keep a version loaded and serve it at /labels/LABEL; repeatable.",
        ),
    ] = None,
    max_batch: _number(
        int, "--max-batch", "The most texts that run together.", min=1
    ) = 64,
    max_queue: _number(
        int, "--max-queue", "The most requests that wait; others get 503.", min=1
    ) = 256,
    max_rows: _number(
        int, "--max-rows", "The most rows of a request; more get 413.", min=1
    ) = 10_000,
    max_values: _number(
        int,
        "--max-values",
        "The most numbers, strings and lists of a request; more get 413.",
        min=1,
    ) = 5_000_000,
    max_depth: _number(
        int, "--max-depth", "The most nested lists of a request.", min=1, max=64
    ) = 32,
    body_limit: _number(
        int, "--body-limit", "The longest request, decompressed, in MiB.", min=1
    ) = 32,
    memory_limit: _number(
        int,
        "--memory-limit",
        "The most memory of all request bodies together, in MiB, and no less than "
        "that of one; others get 503.",
        min=1,
    ) = 256,
    header_limit: _number(
        int, "--header-limit", "The longest request headers, in KiB.", min=1
    ) = 32,
    header_timeout: _number(
        float, "--header-timeout", "Seconds to send the headers.", min=0.1
    ) = 10,
    body_timeout: _number(
        float,
        "--body-timeout",
        "Seconds to send the body, and to receive the answer.",
        min=0.1,
    ) = 60,
    request_timeout: _number(
        float, "--request-timeout", "Seconds until the answer; then 504.", min=0.1
    ) = 300,
    keep_alive: _number(
        float, "--keep-alive", "Seconds between two requests of a connection.", min=0.1
    ) = 75,
    max_connections: _number(
        int,
        "--max-connections",
        "The most open connections; beyond it the idle ones are closed, and there is "
        "room for health, status and metrics alone.",
        min=1,
    ) = 1000,
    api_key: Annotated[
        str | None,
        typer.Option(
            "--api-key",
            metavar="KEY",
            envvar="KERASBERT_API_KEY",
            help="Ask for this key (Authorization: Bearer KEY, or X-API-Key: KEY) "
            "everywhere but at /healthz. Others on this machine see the option, but "
            "not the environment variable.",
        ),
    ] = None,
    cors_origin: Annotated[
        list[str] | None,
        typer.Option(
            "--cors-origin",
            metavar="ORIGIN",
            help="Let web pages of this origin send requests; *: all; repeatable.",
        ),
    ] = None,
):
    """Serve an exported model over HTTP, as TF Serving does.

    Requests that come together run together. On two processors two batches of a
    SavedModel run at the same time, each in one thread; TF_NUM_INTRAOP_THREADS=2
    answers a lone long text sooner. A new version folder takes over
    within a second or so of its appearance; SIGTERM ends the process when what
    is in flight is answered.

    The graph of a SavedModel runs as it is, and may read and write files: as with
    TF Serving, name a folder that you trust.
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
    limits = server.Limits(
        max_rows=max_rows,
        max_values=max_values,
        max_depth=max_depth,
        max_body=body_limit * server.MEBIBYTE,
        max_bodies=max(memory_limit, body_limit) * server.MEBIBYTE,
        max_header=header_limit * 1024,
        header_timeout=header_timeout,
        body_timeout=body_timeout,
        request_timeout=request_timeout,
        keep_alive=keep_alive,
        max_connections=max_connections,
    )
    server.serve(
        folder,
        host=host,
        port=port,
        name=name,
        max_batch=max_batch,
        max_queue=max_queue,
        limits=limits,
        access=server.Access(api_key, tuple(cors_origin or ())),
        labels=_labels(label or ()),
    )


def _labels(words):
    """Parses labels of versions, such as `stable=3`."""
    labels = {}
    for word in words:
        label, _, version = word.rpartition("=")
        if not label or not (version.isascii() and version.isdecimal()):
            raise ValueError(f"Expected --label as stable=3, got {word[:200]!r}.")
        if label in labels:
            raise ValueError(f"Expected every --label once, got {label[:200]!r} twice.")
        labels[label] = int(version)
    return labels
