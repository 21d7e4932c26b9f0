"""TF Serving's test model, rebuilt: y = x / 2 + 2, with signatures of every method."""

import gzip
import json

import numpy as np
import pytest
import tensorflow as tf

from kerasbert.serving.access import Access
from kerasbert.serving.errors import ServingError
from kerasbert.serving.server import check_labels
from kerasbert.serving.versions import Versions

MODEL = "/v1/models/tiny"


def save(folder, bias=2.0):
    """Saves the model with TensorFlow 1's builder, as theirs was."""
    v1 = tf.compat.v1
    graph = tf.Graph()
    with graph.as_default(), v1.Session(graph=graph) as session:
        examples = v1.placeholder(tf.string, [None], "tf_example")
        feature = tf.io.FixedLenFeature([1], tf.float32, [0.0])
        parsed = tf.io.parse_example(examples, {"x": feature, "x2": feature})
        x, x2 = tf.identity(parsed["x"]), tf.identity(parsed["x2"])
        half = tf.constant(0.5)
        y, y2, y3 = half * x + bias, half * x + 3.0, half * x2 + 3.0
        total = tf.reduce_sum(x)
        names = tf.constant([["a", "b"]])
        info = v1.saved_model.build_tensor_info

        def signature(method, inputs, **outputs):
            return v1.saved_model.build_signature_def(
                {key: info(value) for key, value in inputs.items()},
                {key: info(value) for key, value in outputs.items()},
                f"tensorflow/serving/{method}",
            )

        row = {"inputs": examples}
        signatures = {
            "serving_default": signature("predict", {"x": x}, y=y),
            "total": signature("predict", {"x": x}, total=total),
            "classify_x_to_y": signature("classify", row, scores=y),
            "classify_names": signature("classify", row, classes=names),
            "regress_x_to_y": signature("regress", row, outputs=y),
            "regress_x_to_y2": signature("regress", row, outputs=y2),
            "regress_x2_to_y3": signature("regress", {"inputs": x2}, outputs=y3),
            "regress_two": signature("regress", row, outputs=y, more=y2),
            "nothing": signature("predict", {}, total=total),
        }
        builder = v1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(
            session, ["serve"], signature_def_map=signatures
        )
        builder.save()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("half") / "half_plus_two"
    save(folder / "123")
    save(folder / "124", bias=3.0)
    return folder


@pytest.fixture(scope="module")
def client(serve, folder):
    with serve(folder, labels={"stable": 123, "newest": 124}) as client:
        yield client


def ask(client, path, **body):
    answer = client.predict(body, MODEL + path)
    assert answer.status == 200, answer.text
    return answer.json


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0, 2.0, 5.0], [2.5, 3.0, 4.5]),
        ([[1.0, 2.0], [3.0, 4.0]], [[2.5, 3.0], [3.5, 4.0]]),  # declared: [-1, 1]
        ([[1], [2]], [[2.5], [3.0]]),
        ([[[4]]], [[[4.0]]]),
    ],
)
def test_shapes_are_for_the_session_to_refuse(client, values, expected):
    path = "/versions/123:predict"
    assert ask(client, path, instances=values) == {"predictions": expected}
    assert ask(client, path, inputs=values) == {"outputs": expected}
    assert ask(client, path, inputs={"x": values}) == {"outputs": expected}


def test_a_scalar_goes_in_and_out_in_columns_alone(client):
    assert ask(client, "/versions/123:predict", inputs=4) == {"outputs": 4.0}
    total = {"signature_name": "total", "inputs": [[1], [2], [3]]}
    assert ask(client, ":predict", **total) == {"outputs": 6.0}


@pytest.mark.parametrize(
    ("path", "bias"),
    [
        (":", 3.0),
        ("/versions/124:", 3.0),
        ("/versions/123:", 2.0),
        ("/labels/stable:", 2.0),
        ("/labels/newest:", 3.0),
    ],
)
def test_versions_answer_by_number_and_by_label(client, path, bias):
    found = ask(client, f"{path}predict", instances=[1.0, 2.0])
    assert found == {"predictions": [0.5 + bias, 1 + bias]}
    body = {"signature_name": "regress_x_to_y", "examples": [{"x": 80.0}, {"x": 2.0}]}
    assert ask(client, f"{path}regress", **body) == {"results": [40 + bias, 1 + bias]}
    body = {"signature_name": "classify_x_to_y", "examples": [{"x": 20.0}, {}]}
    expected = [[["", 10 + bias]], [["", bias]]]
    assert ask(client, f"{path}classify", **body) == {"results": expected}


def test_a_context_fills_in_what_an_example_lacks(client):
    body = {
        "signature_name": "regress_x_to_y2",
        "context": {"x": 10.0},
        "examples": [{"x2": 1.0}, {"x": 2.0}],
    }
    found = ask(client, ":regress", **body)["results"]
    assert found[0] == 8.0
    # The example follows the context, and the last value of a feature counts.
    assert found[1] == 4.0


def test_classes_without_scores_are_labels(client):
    body = {"signature_name": "classify_names", "examples": [{}]}
    assert ask(client, ":classify", **body) == {"results": [[["a", 0.0], ["b", 0.0]]]}


def test_a_signature_for_regression_answers_predict_requests(client):
    body = {"signature_name": "regress_x2_to_y3", "instances": [[10.0]]}
    assert ask(client, ":predict", **body) == {"predictions": [[8.0]]}
    example = tf.train.Example()
    example.features.feature["x"].float_list.value.append(6.0)
    text = tf.io.encode_base64(example.SerializeToString(), pad=True).numpy().decode()
    text = text.replace("-", "+").replace("_", "/")
    body = {"signature_name": "regress_x_to_y2", "instances": [{"b64": text}]}
    assert ask(client, ":predict", **body) == {"predictions": [[6.0]]}


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        (":classify", {}, "Expected classification signature method_name to be tens"),
        (
            ":regress",
            {"signature_name": "classify_x_to_y"},
            "Was: tensorflow/serving/c",
        ),
        (
            ":regress",
            {"signature_name": "x"},
            "No signature was found with the name: x",
        ),
        (":regress", {"signature_name": "regress_two"}, "Expected one output Tensor."),
        (":regress", {"signature_name": "regress_x2_to_y3"}, "takes no tf.Example"),
        (":predict", {"signature_name": "nothing"}, "Failed to get input map for sig"),
        ("/labels/Stable:predict", {}, "Unrecognized servable version label: Stable"),
        ("/labels/canary:regress", {}, "Unrecognized servable version label: canary"),
        ("/versions/1/labels/stable:predict", {}, "Malformed request: POST"),
    ],
)
def test_a_signature_or_label_that_does_not_suit_is_400(client, path, body, message):
    body = {"examples": [{"x": 1.0}], "instances": [1], **body}
    answer = client.predict(body, MODEL + path)
    assert answer.status == 400
    assert message in answer.json["error"]


def test_status_and_metadata_know_labels(client):
    status = client.get(f"{MODEL}/labels/stable").json["model_version_status"]
    assert [each["version"] for each in status] == ["123"]
    both = client.get(MODEL).json["model_version_status"]
    assert [(each["version"], each["state"]) for each in both] == [
        ("124", "AVAILABLE"),
        ("123", "AVAILABLE"),
    ]
    metadata = client.get(f"{MODEL}/labels/stable/metadata").json
    assert metadata["model_spec"]["version"] == "123"
    signatures = metadata["metadata"]["signature_def"]["signature_def"]
    assert signatures["regress_x_to_y"]["method_name"] == "tensorflow/serving/regress"
    sizes = signatures["serving_default"]["inputs"]["x"]["tensor_shape"]["dim"]
    assert [each["size"] for each in sizes] == ["-1", "1"]


def test_a_label_of_a_version_that_is_not_there_is_refused(folder, tmp_path):
    versions = Versions(folder, labels={"stable": 7})
    versions.look()
    with pytest.raises(ValueError, match="Version 7 of the label 'stable' cannot be l"):
        check_labels(versions)
    versions.close()


def test_a_labelled_version_stays_when_a_newer_one_comes(tmp_path):
    for version in (1, 2, 3):
        (tmp_path / str(version)).mkdir()
    put = lambda version: (tmp_path / f"{version}/saved_model.pb").touch()  # noqa: E731
    closed = []

    class Model:
        def __init__(self, folder):
            self.name = folder.name

        def close(self):
            closed.append(self.name)

    versions = Versions(tmp_path, "m", Model, labels={"stable": 1})
    for version in (1, 2, 3):
        put(version)
        versions.look()
    assert closed == ["2"]
    assert {number: state.name for number, state in versions.states.items()} == {
        1: "AVAILABLE",
        2: "END",
        3: "AVAILABLE",
    }
    for version in (1, 3):
        with versions.lease("m", version) as servable:
            assert servable.version == version
    with pytest.raises(ServingError, match=r"Specific\(m, 2\)"), versions.lease("m", 2):
        pass
    versions.close()
    assert sorted(closed) == ["1", "2", "3"]


def test_a_body_in_gzip_is_read(client):
    body = gzip.compress(b'{"instances": [1.0') + gzip.compress(b", 2.0]}")
    for name in ("gzip", "x-gzip", "GZip"):
        headers = {"Content-Encoding": name}
        answer = client.ask("POST", f"{MODEL}:predict", body, headers)
        assert answer.json == {"predictions": [3.5, 4.0]}


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (gzip.compress(b" " * 13 * 2**20), "gzip", 413),
        (gzip.compress(b"{}")[:-9], "gzip", 400),
        (b'{"instances": [1.0]}', "gzip", 400),
        (gzip.compress(b'{"instances": [1.0]}') + b"junk", "gzip", 400),
        (gzip.compress(b'{"instances": [1.0]}'), "br", 415),
        (gzip.compress(gzip.compress(b"{}")), "gzip, gzip", 415),
    ],
    ids=["bomb", "cut", "plain", "junk", "br", "twice"],
)
def test_a_body_in_another_encoding_is_refused(client, body, encoding, status):
    headers = {"Content-Encoding": encoding}
    answer = client.ask("POST", f"{MODEL}:predict", body, headers)
    assert answer.status == status
    assert list(answer.json) == ["error"]


def test_a_large_body_is_read_in_another_process_and_gives_the_same(client):
    values = np.arange(9000) / 8
    body = json.dumps({"instances": values[:, None].tolist()}) + " " * 2**16
    found = client.predict(body, f"{MODEL}/versions/123:predict").json["predictions"]
    np.testing.assert_array_equal(found, values[:, None] / 2 + 2)
    # ... and again, when the process runs; strings, and errors, too.
    examples = [{"x": float(value)} for value in range(3000)]
    more = {"signature_name": "regress_x_to_y", "examples": examples, "_": "x" * 2**16}
    expected = (np.arange(3000) / 2 + 3).tolist()
    assert client.predict(more, f"{MODEL}:regress").json == {"results": expected}
    answer = client.predict(b'{"instances": ["' + b"a" * 2**17 + b'"]}')
    assert answer.status == 400
    assert "is not of expected type: float" in answer.json["error"]
    assert len(answer.text) < 500


KEY = "s3cret"


@pytest.fixture(scope="module")
def guarded(serve, folder):
    access = Access(KEY, ("https://example.org",))
    with serve(folder, access=access) as client:
        yield client


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer s3cre"}, 401),
        ({"Authorization": f"Basic {KEY}"}, 401),
        ({"X-API-Key": "é"}, 401),
        ({"Authorization": f"Bearer {KEY}"}, 200),
        ({"Authorization": f"bearer {KEY}"}, 200),
        ({"X-API-Key": KEY}, 200),
    ],
)
def test_a_server_with_a_key_asks_for_it_everywhere_but_at_health(
    guarded, headers, status
):
    body = {"instances": [2.0]}
    assert guarded.ask("POST", f"{MODEL}:predict", body, headers).status == status
    for path in (MODEL, f"{MODEL}/metadata", "/monitoring/prometheus/metrics"):
        answer = guarded.ask("GET", path, headers=headers)
        assert answer.status == status
        if status == 401:
            assert answer.headers["www-authenticate"] == "Bearer"
    assert guarded.get("/healthz").status == 200


def test_pages_of_an_allowed_origin_may_ask(guarded, client):
    ours, other = {"Origin": "https://example.org"}, {"Origin": "https://evil.example"}
    for method, path in (("OPTIONS", f"{MODEL}:predict"), ("GET", MODEL)):
        answer = guarded.ask(method, path, headers={**ours, "X-API-Key": KEY})
        assert answer.status == 200
        allowed = answer.headers["access-control-allow-origin"]
        assert allowed == "https://example.org"
        assert "authorization" in answer.headers["access-control-allow-headers"].lower()
        answer = guarded.ask(method, path, headers={**other, "X-API-Key": KEY})
        assert "access-control-allow-origin" not in answer.headers
    answer = client.ask("OPTIONS", f"{MODEL}:predict", headers=ours)
    assert answer.status == 400  # as TF Serving without CORS
    assert "access-control-allow-origin" not in answer.headers


def test_all_origins_are_a_star():
    assert Access(origins=("*",)).headers(None)["Access-Control-Allow-Origin"] == "*"
    with pytest.raises(ValueError, match="Expected an origin as https://example.org"):
        Access(origins=("example.org",))
    with pytest.raises(ValueError, match="got an empty one"):
        Access(api_key="")
