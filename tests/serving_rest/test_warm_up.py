import numpy as np
import pytest
import tensorflow as tf

from kerasbert.export.serving_files import write_warm_up
from kerasbert.serving.errors import ServingError
from kerasbert.serving.saved_model import SavedModel
from kerasbert.serving.versions import load_version
from kerasbert.serving.warm_up import FILE, read_warm_up, warm_up
from tests.serving_rest.test_half_plus_two import save


class Recorder:
    def __init__(self, folder):
        self.folder = folder
        self.requests = []

    def run(self, signature, inputs):
        if signature == "bad":
            raise ServingError("INVALID_ARGUMENT", "bad")
        self.requests.append((signature, inputs))


def test_the_requests_of_a_model_are_replayed_in_order(tmp_path):
    text = {"text": np.array([b"a", b"\xff"], object)}
    numbers = {"a": np.int32([[1, 2]]), "b": np.float32([0.5])}
    write_warm_up(tmp_path, "tiny", [("serving_default", text), ("tokens", numbers)])
    model = Recorder(tmp_path)
    assert warm_up(model) == 2
    (first, first_inputs), (second, second_inputs) = model.requests
    assert (first, second) == ("serving_default", "tokens")
    assert first_inputs["text"].tolist() == [b"a", b"\xff"]
    for name, array in numbers.items():
        np.testing.assert_array_equal(second_inputs[name], array)
        assert second_inputs[name].dtype == array.dtype


def test_an_exported_model_brings_requests_that_it_answers(exported):
    requests = list(read_warm_up(exported / "1"))
    assert "serving_default" in {signature for _, signature, _ in requests}
    model = load_version(exported / "1")  # which plays them
    model.close()


def test_a_model_without_requests_is_ready_as_it_is(tmp_path):
    assert warm_up(Recorder(tmp_path)) == 0


def test_a_request_that_fails_keeps_the_model_from_serving(tmp_path):
    write_warm_up(tmp_path, "tiny", [("bad", {"text": np.array([b"a"], object)})])
    with pytest.raises(ServingError, match="bad"):
        warm_up(Recorder(tmp_path))


def test_more_requests_than_tf_serving_takes_are_refused(tmp_path):
    write_warm_up(tmp_path, "tiny", [("s", {"x": np.int32([1])})] * 1001)
    with pytest.raises(ValueError, match="at most 1000 warm-up requests"):
        warm_up(Recorder(tmp_path))


@pytest.mark.parametrize("content", [b"no record" * 9, b"\0" * 40])
def test_a_file_that_is_something_else_is_refused(tmp_path, content):
    (tmp_path / FILE).parent.mkdir()
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(ValueError, match="no file of predict, classify or regress"):
        warm_up(Recorder(tmp_path))


def test_a_damaged_record_is_refused(tmp_path):
    write_warm_up(tmp_path, "tiny", [("s", {"x": np.int32([1])})])
    content = bytearray((tmp_path / FILE).read_bytes())
    for position in (0, 20, len(content) - 1):  # the length, the record, its checksum
        damaged = content.copy()
        damaged[position] ^= 1
        (tmp_path / FILE).write_bytes(damaged)
        with pytest.raises(ValueError, match="no file of predict, classify or regress"):
            warm_up(Recorder(tmp_path))


def field(number, content):
    """A length-delimited field of a protocol buffer, of content below 128 bytes."""
    assert len(content) < 128
    return bytes([number << 3 | 2, len(content)]) + content


def example(**features):
    features = {
        name: tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
        for name, value in features.items()
    }
    features = tf.train.Features(feature=features)
    return tf.train.Example(features=features).SerializeToString()


def example_log(number, signature, content):
    """A `PredictionLog` of a classify (2) or regress (3) request.

    prediction_log.proto: request = 1; classification.proto and regression.proto:
    model_spec = 1, input = 2; input.proto: example_list = 1 { examples = 1 },
    example_list_with_context = 2 { examples = 1, context = 2 }.
    """
    spec = field(1, field(1, b"tiny") + field(3, signature.encode()))
    return field(number, field(1, spec + field(2, content)))


def write_records(folder, *records):
    (folder / FILE).parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(folder / FILE)) as writer:
        for record in records:
            writer.write(record)


@pytest.fixture(scope="module")
def half(tmp_path_factory):
    folder = tmp_path_factory.mktemp("half") / "1"
    save(folder)
    model = SavedModel(folder)
    yield model
    model.close()


def test_classify_and_regress_requests_are_played(half, monkeypatch):
    answers = []
    run = half.run

    def noted(signature, inputs):
        answers.append(run(signature, inputs))
        return answers[-1]

    monkeypatch.setattr(half, "run", noted)
    two = field(1, example(x=1.0)) + field(1, example(x=2.0))
    in_context = field(1, example()) + field(2, example(x=20.0))
    write_records(
        half.folder,
        example_log(2, "classify_x_to_y", field(1, two)),
        example_log(3, "regress_x_to_y", field(2, in_context)),
    )
    assert warm_up(half) == 2
    np.testing.assert_array_equal(answers[0]["scores"], [[2.5], [3.0]])
    np.testing.assert_array_equal(answers[1]["outputs"], [[12.0]])


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (example_log(2, "regress_x_to_y", field(1, field(1, b""))), "method_name"),
        (example_log(3, "nowhere", field(1, field(1, b""))), "No signature was found"),
        (example_log(3, "regress_x_to_y", b""), "Input is empty"),
    ],
)
def test_examples_that_a_signature_does_not_take_are_refused(half, record, message):
    write_records(half.folder, record)
    with pytest.raises(ServingError, match=message):
        warm_up(half)


def test_records_of_other_kinds_are_refused_by_name(half):
    write_records(half.folder, field(4, field(1, b"")))  # multi_inference_log
    with pytest.raises(ValueError, match="predict, classify or regress requests"):
        warm_up(half)
