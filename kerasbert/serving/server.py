"""A process that serves one model until it is told to stop."""

import json
import pathlib
import signal
import socket
import urllib.parse

import prometheus_client
import uvicorn

from kerasbert.serving.application import create_application
from kerasbert.serving.batcher import Batcher
from kerasbert.serving.metrics import Metrics
from kerasbert.serving.versions import Versions

__all__ = ["serve"]

LONGEST_GOODBYE = 30  # seconds for what is in flight when the process is to end
LONGEST_SILENCE = 75  # seconds between two requests of a connection
MEBIBYTE = 2**20


def serve(
    folder,
    host="127.0.0.1",
    port=8501,
    name=None,
    max_batch=64,
    max_wait=0.001,
    max_queue=256,
    body_limit=32 * MEBIBYTE,
):
    """Serves the newest version of a model, until SIGTERM or Ctrl-C.

    Args:
        folder: The folder of the model, which holds version folders 1, 2, ...
        host: The address to listen at.
        port: The port to listen at; 0 takes a free one.
        name: The name that the model is served under; by default the folder's.
        max_batch: The most rows of requests that run together.
        max_wait: How long a request waits for others, in seconds.
        max_queue: The most requests that wait; another gets HTTP 503.
        body_limit: The longest body of a request, in bytes.

    Raises:
        ValueError: If the folder holds no version of a model that loads.
        OSError: If the address is taken.

    Example:
        serve("saved_models/minilm")
    """
    folder = pathlib.Path(folder)
    check_folder(folder)
    with listening_socket(host, port) as listener:
        versions = Versions(folder, name)
        versions.look()
        if versions.number is None:
            version, state = max(versions.states.items())
            raise ValueError(f"Version {version} does not load: {state.message}")
        prometheus_client.disable_created_metrics()
        metrics = Metrics(versions.name)
        batcher = Batcher(metrics, max_batch, max_wait, max_queue)
        application = create_application(versions, batcher, metrics, body_limit)
        line = greeting(versions, host, listener.getsockname()[1])
        # uvicorn catches the signal, and raises it once more when it is done.
        signal.signal(signal.SIGTERM, lambda number, frame: None)
        http_server(application, line).run(sockets=[listener])


def check_folder(folder):
    """Refuses a folder that is not the folder of a model.

    Args:
        folder: A `pathlib.Path`.

    Raises:
        FileNotFoundError: If there is nothing of that name.
        ValueError: If it holds no version folder with a `saved_model.pb`.
    """
    if not folder.exists():
        raise FileNotFoundError(f"There is no {folder}. Name the folder of a model.")
    if (folder / "saved_model.pb").exists():
        raise ValueError(
            f"{folder} is one version of a model; name the folder that holds it, "
            f"{folder.resolve().parent}, with versions 1, 2, ... as its folders."
        )
    if not any(folder.glob("[0-9]*/saved_model.pb")):
        raise ValueError(
            f"Expected {folder} to hold versions of a model (1/saved_model.pb, ...), "
            "found none. Export one: kerasbert export MODEL FOLDER"
        )


def listening_socket(host, port):
    """A bound socket.

    Args:
        host: The address.
        port: The port.

    Raises:
        OSError: If it cannot be had; the message says why and what to do.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off, which costs 40 ms an answer, where the
    # protocol is named.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or error
        raise OSError(
            f"Cannot listen at {host}, port {port}: {reason}. Name another with --port."
        ) from None
    return listener


def greeting(versions, host, port):
    """The line that says what is served, and how to ask it."""
    with versions.lease(versions.name) as servable:
        signature = servable.model.signatures.get("serving_default")
        version = servable.version
    host = f"[{host}]" if ":" in host else host
    url = f"http://{host}:{port}/v1/models/{urllib.parse.quote(versions.name, safe='')}"
    command = f"curl {url}/metadata"
    inputs = signature.input_types if signature else {}
    if set(inputs.values()) == {"string"}:
        row = dict.fromkeys(sorted(inputs), "hello world")
        body = json.dumps({"instances": [row if len(row) > 1 else "hello world"]})
        command = f"curl -d '{body}' {url}:predict"
    return f"Serving {versions.name}, version {version}. Try: {command}"


def http_server(application, line):
    """The server of an application.

    Args:
        application: The ASGI application.
        line: What it prints when it can be asked.

    Returns:
        A `uvicorn.Server`; `run(sockets=[...])` serves.
    """
    server = _Server(
        uvicorn.Config(
            application,
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=LONGEST_SILENCE,
            timeout_graceful_shutdown=LONGEST_GOODBYE,
        )
    )
    server.line = line
    return server


class _Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        print(self.line, flush=True)
