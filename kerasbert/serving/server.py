"""A process that serves one model until it is stopped."""

import json
import logging
import pathlib
import resource
import signal
import socket
import urllib.parse

import prometheus_client
import uvicorn

from kerasbert.serving.access import Access
from kerasbert.serving.application import create_application
from kerasbert.serving.batcher import Batcher
from kerasbert.serving.http_protocol import RESERVED, protocol_class
from kerasbert.serving.limits import MEBIBYTE, Limits
from kerasbert.serving.metrics import Metrics
from kerasbert.serving.versions import Versions

__all__ = ["MEBIBYTE", "Access", "Limits", "serve"]

LONGEST_GOODBYE = 30  # seconds for requests in flight when the process is to end
BACKLOG = 1024  # connections that the kernel keeps until they are accepted
ACCEPTED_AT_ONCE = 32  # between which the event loop does other work
OTHER_FILES = 200  # that the process has open beside its connections

log = logging.getLogger("kerasbert.serving")


def serve(
    folder,
    host="127.0.0.1",
    port=8501,
    name=None,
    max_batch=64,
    max_wait=0.001,
    max_queue=256,
    limits=None,
    access=None,
    labels=None,
):
    """Serves the newest version of a model, until SIGTERM or Ctrl-C.

    The graphs of the SavedModels run as they are: name a folder that you trust.

    Args:
        folder: The folder of the model, which holds version folders 1, 2, ...
        host: The address to listen at.
        port: The port to listen at; 0 takes a free one.
        name: The name that the model is served under; by default the folder's.
        max_batch: The most rows of requests that run together.
        max_wait: How long a request waits for others, in seconds.
        max_queue: The most requests that wait; another gets HTTP 503.
        limits: The `Limits` of requests and connections; None for the default ones.
        access: The `Access`: API key and CORS; None lets everybody in.
        labels: From label to version, which stays loaded beside the newest.

    Raises:
        ValueError: If the folder holds no version of a model that loads, or not one
            that has a label.
        OSError: If the address is taken.

    Example:
        serve("saved_models/minilm", limits=Limits(max_rows=100))
    """
    folder = pathlib.Path(folder)
    check_folder(folder)
    limits = limits or Limits()
    with listening_socket(host, port) as listener:
        versions = Versions(folder, name, labels=labels)
        versions.look()
        if versions.number is None:
            version, state = max(versions.states.items())
            raise ValueError(f"Version {version} does not load: {state.message}")
        check_labels(versions)
        prometheus_client.disable_created_metrics()
        metrics = Metrics(versions.name)
        batcher = Batcher(metrics, max_batch, max_wait, max_queue)
        application = create_application(versions, batcher, metrics, limits, access)
        line = greeting(versions, host, listener.getsockname()[1])
        allow_files(limits.max_connections + RESERVED + OTHER_FILES)
        # uvicorn catches the signal, and raises it once more when it is done.
        signal.signal(signal.SIGTERM, lambda number, frame: None)
        http_server(application, line, limits).run(sockets=[listener])


def allow_files(count):
    """Lets the process open so many files, each connection being one.

    Args:
        count: The number.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        most = count if hard == resource.RLIM_INFINITY else min(count, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        if most < count:
            log.warning(
                "The system allows %d open files, too few for the connections that "
                "the server may have: set a lower --max-connections, or `ulimit -n %d`",
                most,
                count,
            )


def check_labels(versions):
    """Refuses labels of versions that are not loaded.

    Args:
        versions: The `Versions`.

    Raises:
        ValueError: If there is one.
    """
    for label, version in versions.labels.items():
        state = versions.states.get(version)
        if state is None or state.name != "AVAILABLE":
            reason = state.message if state else f"{versions.folder} does not hold it"
            raise ValueError(
                f"Label {label!r} names version {version}, which does not load: "
                f"{reason}"
            )


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
        OSError: If the address is not available; the message says why.
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
    """The line that a server prints: the model, and a request to try."""
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


def http_server(application, line, limits=None):
    """The server of an application.

    Args:
        application: The ASGI application.
        line: What it prints when it is ready.
        limits: The `Limits`; None for the default ones.

    Returns:
        A `uvicorn.Server`; `run(sockets=[...])` serves.
    """
    limits = limits or Limits()
    server = _Server(
        uvicorn.Config(
            application,
            http=protocol_class(limits),
            ws="none",
            backlog=ACCEPTED_AT_ONCE,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=limits.keep_alive,
            timeout_graceful_shutdown=LONGEST_GOODBYE,
        )
    )
    server.line = line
    return server


class _Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(BACKLOG)  # asyncio accepts as many at once as it was told
        print(self.line, flush=True)
