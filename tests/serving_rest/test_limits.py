"""What one client, or very many, can do to a server: over sockets of their own."""

import asyncio
import contextlib
import dataclasses
import gzip
import itertools
import json
import socket
import threading

import numpy as np
import pytest

from kerasbert.serving import http_protocol
from kerasbert.serving.batcher import Batcher
from kerasbert.serving.bodies import Bodies
from kerasbert.serving.errors import ServingError
from kerasbert.serving.limits import Limits
from kerasbert.serving.protocol import Input, answer, read_request
from kerasbert.serving.reading import Reader
from kerasbert.serving.versions import Versions

PATIENCE = 30
MODEL = "/v1/models/tiny"
HEAD = b"POST /v1/models/tiny:predict HTTP/1.1\r\nHost: x\r\n"
LIMITS = Limits(
    max_rows=100,
    max_values=2000,
    max_depth=4,
    max_body=200_000,
    max_bodies=300_000,
    max_header=4096,
    header_timeout=PATIENCE,
    body_timeout=PATIENCE,
    request_timeout=2 * PATIENCE,
    max_connections=4,
)


class Identity:
    """A model that gives back what it gets, when it is let."""

    takes_batches = takes_parts = True
    input_table = {"serving_default": {"x": Input("double")}}
    signature_definitions = signatures = {}

    def __init__(self, folder=None):
        self.go_on = threading.Event()
        self.go_on.set()
        self.entered = threading.Semaphore(0)
        self.ran = []

    def signature(self, name):
        return self

    def has_shape_of(self, inputs):
        return True

    def check(self, inputs):
        pass

    def run(self, name, inputs):
        self.entered.release()
        assert self.go_on.wait(PATIENCE)
        self.ran.append(inputs["x"].tolist())
        return {"y": inputs["x"]}

    def close(self):
        pass


@pytest.fixture(scope="module")
def client(serve, tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "tiny"
    (folder / "1").mkdir(parents=True)
    (folder / "1/saved_model.pb").touch()
    with serve(folder, load=Identity, limits=LIMITS) as client:
        yield client


@pytest.fixture(scope="module")
def hasty(serve, client):
    limits = dataclasses.replace(LIMITS, header_timeout=0.3, body_timeout=0.3)
    with serve(client.versions.folder, load=Identity, limits=limits) as hasty:
        yield hasty


@pytest.fixture
def model(client):
    with client.versions.lease("tiny") as servable:
        while servable.model.entered.acquire(blocking=False):
            pass  # what ran before
        yield servable.model
        servable.model.go_on.set()


@pytest.fixture(autouse=True)
def the_server_goes_on(client, caplog):
    yield
    assert client.predict({"instances": [1]}).json == {"predictions": [1.0]}
    assert "Traceback" not in caplog.text


@contextlib.contextmanager
def connected(client, content=b""):
    address = "127.0.0.1", client.port
    with socket.create_connection(address, PATIENCE) as connection:
        connection.sendall(content)
        yield connection


def everything(connection):
    """What comes until the server closes the connection."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(65536):
            received += piece
    return received


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"instances": [1] * 101}, 413, "at most 100 rows in a request, got 101"),
        ({"inputs": [1] * 101}, 413, "at most 100 rows in a request, got 101"),
        ({"inputs": [[1] * 2001]}, 413, "at most 2000 values"),
        (b'{"signature_name": [' + b"[]," * 2000 + b"1]}", 413, "at most 2000 values"),
        ({"instances": [[[[[1]]]]]}, 400, "lists of at most 3 levels, got 4"),
        (b'{"inputs": ' + b"[" * 1500 + b"]" * 1500 + b"}", 400, "Nested too deeply"),
        (b'{"inputs": ' + b"[" * 99 + b"]" * 99 + b"}", 400, "at most 4 levels"),
        (b'{"inputs": "' + b"a" * 200_000 + b'"}', 413, "at most 200000 bytes"),
    ],
    ids=itertools.count(),
)
def test_what_is_too_large_is_refused(client, body, status, message):
    found = client.predict(body)
    assert found.status == status
    assert message in found.json["error"]
    assert len(found.text) < 500


def test_commas_in_strings_are_no_values():
    body = b'{"inputs": ["' + b'a, [b] \\" {\\\\' * 2000 + b'"]}'
    signatures = {"serving_default": {"x": Input("string")}}
    [found] = read_request("predict", body, signatures, LIMITS).inputs["x"]
    assert found == b'a, [b] " {\\' * 2000


@pytest.mark.parametrize(
    "path",
    [
        f"{MODEL}/versions/{'9' * 1000}",
        f"{MODEL}/versions/{'0' * 1000}7",
        f"/{'x' * 1000}",
        f"/v1/models/{'y' * 1000}",
        f"/v1/models/tiny/labels/{'z' * 1000}",
        f"/v1/models/tiny/{'z' * 1000}",
    ],
    ids=itertools.count(),
)
def test_a_path_of_any_length_is_a_short_error(client, path):
    found = client.get(path)
    assert found.status in (400, 404)
    assert len(found.json["error"]) < 300


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET /healthz HTTP/1.1\r\nX: " + b"a" * 5000 + b"\r\n\r\n", 431),
        (b"GET /healthz HTTP/1.1\r\nX: " + b"a" * 5000, 431),  # and no end
        (b"GET /healthz HTTP/1.1\r\n" + b"a: b\r\n" * 101 + b"\r\n", 431),
        (b"GET /healthz HTTP/1.1\r\n\r\n" * 30, 429),
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00", 400),  # TLS
        (b"CONNECT example.org:443 HTTP/1.1\r\n\r\n", 400),
        (HEAD + b"Content-Length: x\r\n\r\n", 400),
        (HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
        (HEAD + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    ],
    ids=itertools.count(),
)
def test_what_is_no_request_is_answered_and_the_connection_closed(
    client, content, status
):
    with connected(client, content) as connection:
        received = everything(connection)
    if status == 429:  # the first of them may be answered before
        assert received.count(b"HTTP/1.1 ") <= 20
    else:
        assert received.startswith(b"HTTP/1.1 %d " % status)


@pytest.mark.parametrize(
    "content",
    [b"", b"GET /healthz HTT", b"GET /healthz HTTP/1.1\r\nX: y\r\n", b"\r\n\r\n"],
)
def test_headers_that_do_not_end_close_the_connection(hasty, content):
    with connected(hasty, content) as connection:
        assert everything(connection) == b""


@pytest.mark.parametrize(
    "content",
    [
        HEAD + b"Content-Length: 100\r\n\r\n{",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
        HEAD + b"Expect: 100-continue\r\nContent-Length: 10\r\n\r\n",
    ],
)
def test_a_body_that_does_not_end_is_408_and_the_connection_closed(hasty, content):
    with connected(hasty, content) as connection:
        received = everything(connection).removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 408 ")
    assert b"did not arrive within 0.3 s" in received


def test_a_body_that_nobody_reads_is_discarded_for_a_while(client, monkeypatch):
    monkeypatch.setattr(http_protocol, "_DISCARD_TIME", 0.2)
    content = b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n{"
    with connected(client, content) as connection:
        assert everything(connection).startswith(b"HTTP/1.1 404 ")


def test_a_body_that_was_discarded_leaves_the_connection_usable(client):
    content = b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n"
    with connected(client, content) as connection:
        received = b""
        while not received.endswith(b"}"):  # head and body may come apart
            received += connection.recv(9999)
        assert received.startswith(b"HTTP/1.1 404 ")
        connection.sendall(b"abcGET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n")
        assert everything(connection).startswith(b"HTTP/1.1 200 ")


def test_requests_in_a_pipeline_are_answered_in_their_order(client):
    body = b'{"instances": [%d]}'
    content = b"".join(
        HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(body % n), body % n)
        for n in range(8)
    )
    content += b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n"
    with connected(client, content) as connection:
        received = everything(connection)
    expected = [b'{"predictions":[%d.0]}' % n for n in range(8)]
    places = [received.index(each) for each in expected]
    assert places == sorted(places)
    assert received.endswith(b"ok")


def test_a_chunked_body_is_put_together(client):
    content = HEAD + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    for chunk in (b'{"inst', b'ances": [', b"2]}", b""):
        content += b"%x\r\n%b\r\n" % (len(chunk), chunk)
    with connected(client, content) as connection:
        assert everything(connection).endswith(b'{"predictions":[2.0]}')


def test_a_client_that_leaves_while_it_waits_is_not_computed(client, model):
    model.go_on.clear()
    body = b'{"instances": [%d]}'
    request = HEAD + b"Content-Length: 19\r\n\r\n" + body
    with connected(client, request % 51):
        assert model.entered.acquire(timeout=PATIENCE)
        with connected(client, request % 52):
            wait_until(lambda: len(client.batcher._queue) == 1)
            queue = client.batcher._queue
        wait_until(lambda: all(task.future.cancelled() for task in queue))
        ran = len(model.ran)
        model.go_on.set()
        wait_until(lambda: len(model.ran) > ran)
    assert client.predict({"instances": [53]}).status == 200
    assert model.ran[-2:] == [[51], [53]]


def wait_until(condition):
    event = threading.Event()
    for _ in range(PATIENCE * 100):
        if condition():
            return
        event.wait(0.01)
    raise AssertionError("it did not come")


def test_a_request_that_takes_too_long_is_504(client, model, serve, tmp_path):
    (tmp_path / "1").mkdir()
    (tmp_path / "1/saved_model.pb").touch()
    limits = Limits(request_timeout=0.2)
    with serve(tmp_path, load=Identity, limits=limits) as slow:
        with slow.versions.lease("tiny") as servable:
            servable.model.go_on.clear()
            found = slow.predict({"instances": [1]})
            servable.model.go_on.set()
        assert found.status == 504
        assert found.json == {"error": "The request took longer than 0.2 s."}


def test_health_has_room_when_connections_are_used_up(client, model):
    model.go_on.clear()
    request = HEAD + b'Content-Length: 19\r\n\r\n{"instances": [61]}'
    with contextlib.ExitStack() as stack:
        for _ in range(LIMITS.max_connections):
            stack.enter_context(connected(client, request))
        wait_until(lambda: busy(client) == LIMITS.max_connections)
        for path in ("/healthz", MODEL, "/monitoring/prometheus/metrics"):
            assert client.get(path).status == 200
        found = client.predict({"instances": [1]})
        assert found.status == 503
        assert found.json == {
            "error": "Too many connections are open. Try again later."
        }
        model.go_on.set()
    wait_until(lambda: busy(client) == 0)


def busy(client):
    return len(client.server.server_state.tasks)


def test_idle_connections_make_room_for_new_ones(client):
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(connected(client)) for _ in range(20)]
        for _ in range(5):
            assert client.predict({"instances": [1]}).status == 200
        assert idle[0].recv(1) == b"" or pytest.fail("the oldest is still open")


class Loopback:
    """A Starlette request, as far as a body needs one."""

    def __init__(self, headers, *chunks):
        self.headers, self._chunks = headers, chunks

    async def stream(self):
        for chunk in self._chunks:
            await asyncio.sleep(0)
            yield chunk


def test_bodies_of_all_requests_share_their_memory():
    bodies = Bodies(LIMITS)

    async def receive(size, then=None, headers=None):
        chunks = [b" " * (size // 2)] * 2
        async with bodies.receive(Loopback(headers or {}, *chunks)) as body:
            assert len(body) == size
            return await then() if then else None

    async def refused():
        with pytest.raises(ServingError, match="memory for request") as caught:
            await receive(180_000)
        assert caught.value.http_status == 503
        with pytest.raises(ServingError, match="memory for request bodies is full"):
            await receive(2, headers={"content-length": "180000"})
        await receive(60_000)  # small ones do not count

    async def all_of_it():
        await receive(199_000, lambda: receive(199_000, refused))
        await receive(199_000, lambda: receive(199_000))

    asyncio.run(all_of_it())
    assert bodies._held == 0


def test_gzip_that_expands_counts_as_what_it_may_become():
    bodies = Bodies(Limits(max_body=10**6, max_bodies=10**6))
    packed = gzip.compress(b" " * 900_000)

    async def read(then=None):
        headers = {"content-encoding": "gzip"}
        async with bodies.receive(Loopback(headers, packed)) as body:
            assert body == b" " * 900_000
            return await then() if then else None

    async def refused():
        with pytest.raises(ServingError, match="memory for request bodies is full"):
            await read()

    asyncio.run(read(refused))


def test_a_reader_whose_process_dies_refuses_and_starts_another():
    reader = Reader(Limits())
    signatures = {"serving_default": {"x": Input("double")}}
    body = b'{"inputs": [1.5]}' + b" " * 2**17

    async def read():
        request = await reader.read("predict", body, signatures)
        assert request.inputs["x"].tolist() == [1.5]
        [process] = reader._all
        process.kill()
        process.wait()
        with pytest.raises(ServingError, match="too much time or memory") as caught:
            await reader.read("predict", body, signatures)
        assert caught.value.http_status == 413
        request = await reader.read("predict", body, signatures)
        assert request.inputs["x"].tolist() == [1.5]

    try:
        asyncio.run(read())
    finally:
        reader.close()
    assert not reader._all


def test_arrays_of_every_type_come_back_from_the_other_process():
    reader = Reader(Limits())
    values = {
        "double": [[1.5, float("nan")], [2.0, -1.0]],
        "int8": [[1, -128]],
        "bool": [True, False],
        "string": [["a", ""], ["é", "long " * 9]],
    }
    table = {"serving_default": {name: Input(name) for name in values}}
    text = json.dumps({"inputs": values, "_": " " * 2**17}).encode()
    try:
        found = asyncio.run(reader.read("predict", text, table)).inputs
    finally:
        reader.close()
    expected = read_request("predict", text, table, Limits()).inputs
    for name in values:
        assert found[name].dtype == expected[name].dtype
        np.testing.assert_array_equal(found[name], expected[name])


@pytest.mark.parametrize("shape", [(3, 70_000), (70_000, 3), (2, 300, 300), (200_000,)])
def test_a_large_answer_is_written_in_pieces_and_is_the_same(shape):
    array = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    array.reshape(-1)[7] = np.nan
    expected = np.float64(array)
    for outputs in ({"x": array}, {"x": array, "n": np.arange(len(array))}):
        rows = json.loads(answer(outputs, True))["predictions"]
        if len(outputs) > 1:
            assert [row["n"] for row in rows] == list(range(len(array)))
            rows = [row["x"] for row in rows]
        np.testing.assert_array_equal(np.array(rows), expected)
        columns = json.loads(answer(outputs, False))["outputs"]
        columns = columns["x"] if len(outputs) > 1 else columns
        np.testing.assert_array_equal(np.array(columns), expected)


def test_a_queue_that_is_full_of_cancelled_requests_is_not_full():
    model, batcher = Identity(), Batcher(max_queue=2)
    model.go_on.clear()
    submit = lambda n: batcher.submit(model, "s", {"x": np.array([n])})  # noqa: E731
    first = submit(0)
    assert model.entered.acquire(timeout=PATIENCE)
    for future in (submit(1), submit(2)):
        assert future.cancel()
    last = submit(3)
    model.go_on.set()
    assert last.result(PATIENCE)["y"].tolist() == [3]
    assert first.result(0)["y"].tolist() == [0]
    batcher.close()
    assert model.ran == [[0], [3]]


@pytest.mark.parametrize(
    "wrong", [{"max_rows": 0}, {"max_depth": 65}, {"max_bodies": 9}]
)
def test_limits_that_make_no_sense_are_refused(wrong):
    [name] = wrong
    with pytest.raises(ValueError, match=f"Expected {name}"):
        Limits(**wrong)


def test_a_version_that_fails_keeps_the_one_before(tmp_path):
    loaded = []

    def load(folder):
        loaded.append(folder.name)
        if folder.name == "2":
            raise ServingError("INVALID_ARGUMENT", "its warm-up request fails")
        return Identity()

    versions = Versions(tmp_path, "tiny", load)
    for version in ("1", "2"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "saved_model.pb").touch()
        versions.look()
    assert loaded == ["1", "2"]
    assert versions.number == 1
    assert versions.states[2].message == "its warm-up request fails"
    versions.close()
