import numpy as np
import pytest

from kerasbert.export.serving_files import write_warm_up
from kerasbert.serving.errors import ServingError
from kerasbert.serving.versions import load_version
from kerasbert.serving.warm_up import FILE, read_warm_up, warm_up


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
    assert "serving_default" in {signature for signature, _ in requests}
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
    with pytest.raises(ValueError, match="no file of predict requests"):
        warm_up(Recorder(tmp_path))
