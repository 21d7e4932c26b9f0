import contextlib
import socket
import threading
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

import pytest

from kerasbert.serving import application, server

MODEL = "/v1/models/tiny"
PREDICT = f"{MODEL}:predict"


@pytest.fixture(autouse=True)
def the_server_goes_on(client):
    yield
    assert client.predict({"instances": ["a"]}).status == 200


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "JSON Parse error: The document is empty"),
        (b'{"instances": ["a"', "JSON Parse error: Missing a comma"),
        ("[]", "JSON Value: [] Is not object"),
        ({}, "Missing 'inputs' or 'instances' key"),
        (
            {"signature_name": "other", "instances": ["a"]},
            'Serving signature name: "other" not found in signature def',
        ),
        (
            {"signature_name": "__saved_model_init_op", "instances": ["a"]},
            'Serving signature name: "__saved_model_init_op" not found',
        ),
        ({"inputs": {"words": ["a"]}}, "Missing named input: text in 'inputs' object."),
        ({"instances": [{"words": "a"}]}, "does not have named input: words"),
        (
            {"instances": [1]},
            "Failed to process element: 0 of 'instances' list. Error: "
            "INVALID_ARGUMENT: JSON Value: 1 Type: Number is not of expected type: "
            "string",
        ),
        ({"instances": []}, "No values in 'instances' array"),
        ({"instances": [["a"]]}, "Expected input text of shape [-1], got [1,1]."),
        ({"inputs": "a"}, "Expected input text of shape [-1], got []."),
        (b'{"instances": ["\\ud800"]}', "The surrogate pair in string is invalid."),
    ],
)
def test_a_bad_request_is_400_and_says_why(client, body, message):
    answer = client.predict(body)
    assert answer.status == 400
    assert list(answer.json) == ["error"]
    assert message in answer.json["error"]


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("POST", "/v1/models/x:predict", 404, "request: Latest(x)"),
        ("POST", "/v1/models/x/versions/7:predict", 404, "request: Specific(x, 7)"),
        ("POST", f"{MODEL}/versions/7:predict", 404, "request: Specific(tiny, 7)"),
        ("GET", "/v1/models/x", 404, "Could not find any versions of model x"),
        ("GET", f"{MODEL}/versions/7", 404, "Could not find version 7 of model tiny"),
        ("GET", f"{MODEL}/versions/7/metadata", 404, "Specific(tiny, 7)"),
        ("POST", f"{MODEL}/versions/{2**63}:predict", 400, "Failed to convert version"),
        ("POST", f"{MODEL}/labels/x:predict", 400, "servable version label: x"),
        ("GET", "/v1/models", 400, "Missing model name in request."),
        ("GET", PREDICT, 400, f"Malformed request: GET {PREDICT}"),
        ("POST", MODEL, 400, f"Malformed request: POST {MODEL}"),
        ("PUT", PREDICT, 400, f"Malformed request: PUT {PREDICT}"),
        ("POST", f"{MODEL}:classify", 400, "Was: tensorflow/serving/predict"),
        ("GET", "/v2/models/tiny", 404, "No such path: /v2/models/tiny"),
    ],
)
def test_a_path_that_leads_nowhere_is_said(client, method, path, status, message):
    body = {"instances": ["a"], "examples": [{"x": 1.0}]}
    answer = client.ask(method, path, body if method == "POST" else None)
    assert answer.status == status
    assert message in answer.json["error"]


def test_inputs_with_different_numbers_of_rows_are_refused(client):
    rows = [[1, 2]]
    inputs = {"token_ids": rows, "segment_ids": rows * 2, "padding_mask": rows}
    answer = client.predict({"signature_name": "tokens", "inputs": inputs})
    assert answer.status == 400
    assert answer.json["error"].endswith("must have equal 0th-dimension size")


def test_an_empty_column_gives_empty_columns(client):
    answer = client.predict({"inputs": []})
    assert answer.status == 200
    assert answer.json == {"outputs": {"embedding": [], "token_count": []}}


def test_what_the_model_refuses_is_400(client):
    rows = [[10**6]]
    inputs = {"token_ids": rows, "segment_ids": [[0]], "padding_mask": [[1]]}
    answer = client.predict({"signature_name": "tokens", "inputs": inputs})
    assert answer.status == 400
    assert "1000000" in answer.json["error"]
    assert "Graph execution error" not in answer.json["error"]


def test_a_text_of_ten_megabytes_is_cut_like_any_other(client):
    answer = client.predict({"instances": ["a dog " * (10**7 // 6)]})
    assert answer.status == 200
    assert answer.json["predictions"][0]["token_count"] > 10**6


def test_a_body_over_the_limit_is_413_before_it_is_sent(client):
    headers = {"Content-Length": str(client.body_limit + 1), "Connection": "close"}
    answer = client.ask("POST", PREDICT, None, headers)
    assert answer.status == 413
    assert f"at most {client.body_limit} bytes" in answer.json["error"]


def test_a_body_of_unknown_length_over_the_limit_is_413(client):
    head = b"POST /v1/models/tiny:predict HTTP/1.1\r\nHost: x\r\n"
    head += b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"%x\r\n%b\r\n" % (client.body_limit + 1, b" " * (client.body_limit + 1))
    with socket.create_connection(("127.0.0.1", client.port), 30) as connection:
        connection.sendall(head + chunk)  # and no end
        assert connection.recv(1000).startswith(b"HTTP/1.1 413 ")


def test_a_client_that_goes_away_is_no_mistake(client, caplog):
    head = b"POST /v1/models/tiny:predict HTTP/1.1\r\nHost: x\r\n"
    with socket.create_connection(("127.0.0.1", client.port), 30) as connection:
        connection.sendall(head + b"Expect: 100-continue\r\nContent-Length: 9\r\n\r\n")
        assert b"100 Continue" in connection.recv(1000)
    assert client.get("/healthz").status == 200
    assert caplog.text == ""


def test_a_mistake_of_ours_is_500_without_details(client, monkeypatch, caplog):
    def mistake(*arguments):
        raise RuntimeError("secret")

    with monkeypatch.context() as patched:
        patched.setattr(application, "answer", mistake)
        answer = client.predict({"instances": ["a"]})
    assert answer.status == 500
    assert "secret" not in answer.text
    assert "secret" in caplog.text


@contextlib.contextmanager
def held(client):
    """Holds the model at its first request: gives events "runs" and "go on"."""
    runs, go_on = threading.Event(), threading.Event()
    with client.versions.lease("tiny") as servable:
        run = servable.model.run

        def wait_and_run(*arguments):
            runs.set()
            go_on.wait()
            return run(*arguments)

        servable.model.run = wait_and_run
        try:
            yield runs, go_on
        finally:
            go_on.set()


def test_who_finds_the_queue_full_gets_503(serve, exported):
    body = {"instances": ["a"]}
    with serve(exported, max_queue=1) as busy, ThreadPoolExecutor(3) as pool:
        with held(busy) as (runs, go_on):
            first = pool.submit(busy.predict, body)
            runs.wait()
            others = {pool.submit(busy.predict, body) for _ in range(2)}
            refused, queued = wait(others, return_when=FIRST_COMPLETED)
            go_on.set()
            assert [each.result().status for each in refused] == [503]
            assert "submitted is full" in refused.pop().result().json["error"]
            assert first.result().status == queued.pop().result().status == 200


def test_who_is_in_flight_longer_than_a_goodbye_lasts_gets_503(
    serve, exported, monkeypatch
):
    monkeypatch.setattr(server, "SHUTDOWN_TIMEOUT", 0)
    with serve(exported) as slow, ThreadPoolExecutor(1) as pool:
        with held(slow) as (runs, _):
            asked = pool.submit(slow.predict, {"instances": ["a"]})
            runs.wait()
            slow.server.should_exit = True
            answer = asked.result()
    assert answer.status == 503
    assert answer.json == {"error": "The server is shutting down"}
