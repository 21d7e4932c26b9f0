"""The server process."""

import functools
import json
import logging
import os
import pathlib
import resource
import signal
import socket
import urllib.parse
from collections.abc import Mapping

import prometheus_client
import uvicorn

from kerasbert.serving.access import Access
from kerasbert.serving.application import create_application
from kerasbert.serving.batcher import Batcher
from kerasbert.serving.http_protocol import RESERVED, protocol_class
from kerasbert.serving.limits import MEBIBYTE, Limits
from kerasbert.serving.metrics import Metrics
from kerasbert.serving.versions import Versions, is_model, load_version

__all__ = ["MEBIBYTE", "Access", "Limits", "serve"]

SHUTDOWN_TIMEOUT = 30  # seconds for requests in flight
BACKLOG = 1024  # connections that the kernel queues until they are accepted
ACCEPTED_AT_ONCE = 32  # connections accepted per iteration of the event loop
OTHER_FILES = 200  # open files of the process besides its connections
IMAGE = (  # a PNG file of 2 x 2 black pixels
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAAAAABX3VL4AAAADklEQVQImWNgYGBgYAAAAAYAAYXCmbwAAAAA"
    "SUVORK5CYII="
)

log = logging.getLogger("kerasbert.serving")


def serve(
    folder: str | os.PathLike,
    host: str = "127.0.0.1",
    port: int = 8501,
    name: str | None = None,
    max_batch: int = 64,
    max_wait: float = 0.001,
    max_queue: int = 256,
    limits: Limits | None = None,
    access: Access | None = None,
    labels: Mapping[str, int] | None = None,
) -> None:
    """Serves the newest version of a model until SIGTERM or Ctrl-C.

    The graphs of the SavedModels are executed: serve only models that you trust.

    Args:
        folder: Folder of the model, with version folders 1, 2, ...
        host: Address to listen on.
        port: Port to listen on; 0 chooses a free one.
        name: Name of the model in URLs; by default that of the folder.
        max_batch: Maximum number of rows that run together.
        max_wait: Time that a request waits for others to batch with when there are
            several clients, in seconds.
        max_queue: Maximum number of queued requests; further ones get HTTP 503.
        limits: The `Limits` of requests and connections; None for the defaults.
        access: The `Access`: API key and CORS; None allows all requests.
        labels: Maps labels to versions, which stay loaded besides the newest.

    Raises:
        ValueError: If no version can be loaded, or a labeled one cannot.
        OSError: If the address is in use.

    Example:
        serve("saved_models/minilm", limits=Limits(max_rows=100))
    """
    folder = pathlib.Path(folder)
    check_folder(folder)
    limits = limits or Limits()
    with listening_socket(host, port) as listener:
        threads = intra_op_threads()
        load = functools.partial(load_version, threads=threads)
        versions = Versions(folder, name, load, labels)
        versions.look()
        if versions.number is None:
            version, state = max(versions.states.items())
            raise ValueError(f"Version {version} cannot be loaded: {state.message}")
        check_labels(versions)
        prometheus_client.disable_created_metrics()
        metrics = Metrics(versions.name)
        batches = max(1, processors() // threads) if versions.run_in_parallel else 1
        batcher = Batcher(metrics, max_batch, max_wait, max_queue, batches)
        application = create_application(versions, batcher, metrics, limits, access)
        line = greeting(versions, host, listener.getsockname()[1])
        allow_files(limits.max_connections + RESERVED + OTHER_FILES)
        # uvicorn handles the signal, and raises it again after shutdown.
        signal.signal(signal.SIGTERM, lambda number, frame: None)
        http_server(application, line, limits).run(sockets=[listener])


def processors():
    """Returns the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def intra_op_threads():
    """Returns the number of threads in which TensorFlow runs an operation.

    With two processors, a batch in each takes less time than two threads for a batch.
    """
    wanted = os.environ.get("TF_NUM_INTRAOP_THREADS", "")
    if wanted.isdecimal() and int(wanted):
        return int(wanted)
    return 1 if processors() == 2 else processors()


def allow_files(count):
    """Raises the process's limit of open files, one per connection, to `count`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        most = count if hard == resource.RLIM_INFINITY else min(count, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        if most < count:
            log.warning(
                "The limit of %d open files is too low for the maximum number of "
                "connections: lower --max-connections, or use `ulimit -n %d`",
                most,
                count,
            )


def check_labels(versions):
    """Raises a `ValueError` if a labeled version is not loaded."""
    for label, version in versions.labels.items():
        state = versions.states.get(version)
        if state is None or state.name != "AVAILABLE":
            reason = state.message if state else f"it is not in {versions.folder}"
            raise ValueError(
                f"Version {version} of the label {label!r} cannot be loaded: {reason}"
            )


def check_folder(folder):
    """Raises an error if a folder has no version folder with a model."""
    if not folder.exists():
        raise FileNotFoundError(f"Expected the folder of a model at {folder}.")
    if is_model(folder):
        raise ValueError(
            f"{folder} is a single version of a model; use its parent folder, "
            f"{folder.resolve().parent}, with version folders 1, 2, ..."
        )
    if not any(map(is_model, folder.glob("[0-9]*"))):
        raise ValueError(
            f"Expected versions of a model in {folder} (1/saved_model.pb, ...), found "
            "none. Export one: kerasbert export MODEL FOLDER, or, for LiteRT, "
            "kerasbert export MODEL FOLDER/1 --format litert"
        )


def listening_socket(host, port):
    """Returns a bound socket; raises an `OSError` if the address is not available."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio disables Nagle's algorithm, which costs 40 ms per response, only if the
    # protocol is given explicitly.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or error
        raise OSError(
            f"Cannot listen on {host}, port {port}: {reason}. Use another --port."
        ) from None
    return listener


def greeting(versions, host, port):
    """Returns the line a server prints: the model, and an example request."""
    with versions.lease(versions.name) as servable:
        signature = servable.model.signatures.get("serving_default")
        version = servable.version
    host = f"[{host}]" if ":" in host else host
    url = f"http://{host}:{port}/v1/models/{urllib.parse.quote(versions.name, safe='')}"
    command = f"curl {url}/metadata"
    inputs = signature.input_types if signature else {}
    instance = _instance(inputs)
    if instance is not None:
        body = json.dumps({"instances": [instance]})
        command = f"curl -d '{body}' {url}:predict"
    return f"Serving {versions.name}, version {version}. Try: {command}"


def _instance(inputs):
    """Returns an example of inputs whose names and types tell what they hold."""
    if inputs == {"image": "string"}:
        return {"b64": IMAGE}
    if set(inputs) == {"waveform", "length"}:
        return {"waveform": [0.0, 0.1, 0.0, -0.1], "length": 4}
    if set(inputs.values()) != {"string"}:
        return None
    row = dict.fromkeys(sorted(inputs), "hello world")
    return row if len(row) > 1 else "hello world"


def http_server(application, line, limits=None):
    """Creates the `uvicorn.Server` of an ASGI application.

    It prints `line` when it is ready; `run(sockets=[...])` serves.
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
            timeout_graceful_shutdown=SHUTDOWN_TIMEOUT,
        )
    )
    server.line = line
    return server


class _Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(BACKLOG)  # uvicorn's backlog only sets ACCEPTED_AT_ONCE
        print(self.line, flush=True)
