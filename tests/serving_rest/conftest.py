import contextlib
import http.client
import json
import pathlib
import threading
from typing import NamedTuple

import pytest

from kerasbert.serving.application import create_application
from kerasbert.serving.batcher import Batcher
from kerasbert.serving.limits import Limits
from kerasbert.serving.metrics import Metrics
from kerasbert.serving.server import http_server, listening_socket
from kerasbert.serving.versions import Versions

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures"
LIMITS = Limits(max_body=12 * 2**20)
PATIENCE = 30  # seconds, for what should take none


class Answer(NamedTuple):
    status: int
    text: str
    headers: dict

    @property
    def json(self):
        return json.loads(self.text)


class Client:
    """A server in this process, asked over a socket."""

    def __init__(self, port, server, versions, batcher):
        self.port = port
        self.server = server
        self.versions = versions
        self.batcher = batcher
        self.body_limit = LIMITS.max_body

    def ask(self, method, path, body=None, headers=()):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, PATIENCE)
        with contextlib.closing(connection):
            if body is not None and not isinstance(body, bytes | str):
                body = json.dumps(body)
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            text = response.read().decode()
            return Answer(response.status, text, dict(response.headers))

    def get(self, path):
        return self.ask("GET", path)

    def predict(self, body, path="/v1/models/tiny:predict"):
        return self.ask("POST", path, body)


@contextlib.contextmanager
def serving(
    folder,
    poll=3600,
    load=None,
    limits=LIMITS,
    access=None,
    labels=None,
    **batching,
):
    versions = Versions(folder, "tiny", load, labels)
    versions.look()
    metrics = Metrics("tiny")
    batcher = Batcher(metrics, **batching)
    application = create_application(versions, batcher, metrics, limits, access, poll)
    with listening_socket("127.0.0.1", 0) as listener:
        listener.listen()  # who comes early waits
        server = http_server(application, "Serving", limits)
        thread = threading.Thread(target=server.run, args=[[listener]])
        thread.start()
        try:
            yield Client(listener.getsockname()[1], server, versions, batcher)
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="session")
def embedder():
    import kerasbert

    source = FIXTURES / "sentence_mean/sentence_transformers"
    return kerasbert.TextEmbedder.from_pretrained(source)


@pytest.fixture(scope="session")
def exported(embedder, tmp_path_factory):
    """The folder of a tiny exported model, with version 1 in it."""
    from kerasbert.export import export_task

    folder = tmp_path_factory.mktemp("exported") / "tiny"
    export_task(embedder, folder)
    return folder


@pytest.fixture(scope="session")
def serve():
    """Starts a server in this process: a context manager that gives a client."""
    return serving


@pytest.fixture(scope="session")
def client(exported):
    with serving(exported, threads=2) as client:
        yield client
