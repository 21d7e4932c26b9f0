import concurrent.futures
import json
import re

import numpy as np
import pytest

TEXTS = ["hello world", "a dog", "", "a red house"]
MODEL = "/v1/models/tiny"


def test_rows_answer_with_the_vectors_of_the_embedder(client, embedder):
    answer = client.predict({"instances": TEXTS})
    assert answer.status == 200
    vectors = [row["embedding"] for row in answer.json["predictions"]]
    np.testing.assert_allclose(vectors, embedder.encode(TEXTS), atol=1e-5)
    lengths = [row["token_count"] for row in answer.json["predictions"]]
    assert lengths == list(map(len, embedder.tokenizer.encode(TEXTS)))


def test_columns_answer_with_columns(client):
    rows = client.predict({"instances": TEXTS}).json["predictions"]
    for inputs in (TEXTS, {"text": TEXTS}):
        outputs = client.predict({"inputs": inputs}).json["outputs"]
        assert outputs["embedding"] == [row["embedding"] for row in rows]
        assert outputs["token_count"] == [row["token_count"] for row in rows]


def test_another_signature_takes_its_inputs_by_name(client, embedder):
    token_ids = embedder.tokenizer.encode(["a dog"])[0]
    row = {
        "token_ids": token_ids,
        "segment_ids": [0] * len(token_ids),
        "padding_mask": [1] * len(token_ids),
    }
    body = {"signature_name": "tokens", "instances": [row, row]}
    vectors = client.predict(body).json["predictions"]  # one output: no name
    expected = embedder.encode(["a dog"])[0]
    np.testing.assert_allclose(vectors, [expected, expected], atol=1e-5)


def test_a_version_can_be_named_and_paths_ignore_case(client):
    expected = client.predict({"instances": TEXTS}).json
    for path in (f"{MODEL}/versions/1:predict", "/V1/Models/tiny/Versions/1:Predict"):
        assert client.predict({"instances": TEXTS}, path).json == expected
    assert (
        client.predict({"instances": TEXTS}, "/v1/models/t%69ny:predict").status == 200
    )


def test_bytes_that_are_not_utf_8_are_texts_all_the_same(client):
    raw = client.predict(b'{"instances": ["a \xff dog"]}')
    in_base64 = client.predict({"instances": [{"b64": "YSD/IGRvZw=="}]})
    assert raw.status == in_base64.status == 200
    assert raw.json == in_base64.json


def test_the_status_is_tf_servings(client):
    status = {"error_code": "OK", "error_message": ""}
    version = {"version": "1", "state": "AVAILABLE", "status": status}
    for path in (MODEL, f"{MODEL}/versions/1"):
        answer = client.get(path)
        assert answer.status == 200
        assert answer.json == {"model_version_status": [version]}


def test_the_metadata_describes_every_signature(client):
    for path in (f"{MODEL}/metadata", f"{MODEL}/versions/1/metadata"):
        answer = client.get(path).json
        assert answer["model_spec"] == {
            "name": "tiny",
            "signature_name": "",
            "version": "1",
        }
        signatures = answer["metadata"]["signature_def"]["signature_def"]
        text = signatures["serving_default"]["inputs"]["text"]
        assert text["dtype"] == "DT_STRING"
        assert text["tensor_shape"] == {
            "dim": [{"size": "-1", "name": ""}],
            "unknown_rank": False,
        }
        assert signatures["tokens"]["method_name"] == "tensorflow/serving/predict"


@pytest.mark.parametrize("path", ["/healthz", "/healthz/live", "/healthz/ready"])
def test_a_serving_process_is_healthy(client, path):
    assert client.get(path).status == 200


def test_sixteen_clients_get_their_own_vectors_from_shared_batches(client, embedder):
    texts = [f"{number} dog{'s' * (number % 7)}" for number in range(16 * 20)]
    expected = embedder.encode(texts)
    before = batches(client)

    def twenty(first):
        answers = [
            client.predict({"instances": texts[number : number + 1]}).json
            for number in range(first, first + 20)
        ]
        return [answer["predictions"][0]["embedding"] for answer in answers]

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        found = list(pool.map(twenty, range(0, len(texts), 20)))
    np.testing.assert_allclose(np.concatenate(found), expected, atol=1e-5)
    runs, requests = np.subtract(batches(client), before)
    assert requests == len(texts)
    assert runs < requests


def batches(client):
    """The numbers of batches and of requests in them."""
    page = client.get("/monitoring/prometheus/metrics").text
    name = ":tensorflow:serving:batching_session:requests_per_batch"
    return [
        float(re.search(f"^{name}_{part} (.*)$", page, re.M)[1])
        for part in ("count", "sum")
    ]


def test_requests_are_counted_under_the_names_of_tf_serving(client):
    def count(status):
        page = client.get("/monitoring/prometheus/metrics").text
        sample = (
            f':tensorflow:serving:request_count{{model_name="tiny",status="{status}"}}'
        )
        found = re.search(f"^{re.escape(sample)} (.*)$", page, re.M)
        return float(found[1]) if found else 0

    right, wrong = count("OK"), count("INVALID_ARGUMENT")
    client.predict({"instances": ["a"]})
    client.predict({"instances": [1]})
    assert count("OK") == right + 1
    assert count("INVALID_ARGUMENT") == wrong + 1


def test_a_connection_is_kept_for_the_next_request(client):
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", client.port, 30)
    for _ in range(2):
        connection.request("POST", f"{MODEL}:predict", json.dumps({"inputs": ["a"]}))
        response = connection.getresponse()
        assert len(json.loads(response.read())["outputs"]["embedding"]) == 1
        assert connection.sock is not None
    connection.close()
