import contextlib
import shutil
import threading
import time

import numpy as np
import pytest

from kerasbert.serving.errors import ServingError
from kerasbert.serving.versions import Versions, load_version

PATIENCE = 30


class FakeModel:
    def __init__(self, folder):
        text = (folder / "saved_model.pb").read_text()
        if text == "broken":
            raise ServingError("DATA_LOSS", "It is broken.")
        self.text = text
        self.closed = False

    def close(self):
        self.closed = True


@pytest.fixture
def put(tmp_path):
    """Makes a version of the model "fake"."""

    def put(version, text="good"):
        folder = tmp_path / "fake" / str(version)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "saved_model.pb").write_text(text)
        return folder

    return put


@pytest.fixture
def versions(tmp_path):
    versions = Versions(tmp_path / "fake", load=FakeModel)
    yield versions
    versions.close()


def test_the_newest_version_is_served_by_number_and_not_by_letters(versions, put):
    put(2), put(10), put("011x")
    versions.look()
    assert versions.number == 10
    with versions.lease("fake") as servable:
        assert servable.model.text == "good"


def test_a_new_version_takes_over_and_the_old_goes_after_its_requests(versions, put):
    put(1)
    versions.look()
    with versions.lease("fake") as old:
        put(2)
        versions.look()
        assert not old.model.closed
        with versions.lease("fake") as new:
            assert new.version == 2
    assert old.model.closed
    assert not new.model.closed
    assert versions.states[1].name == "END"
    with pytest.raises(ServingError, match=r"request: Specific\(fake, 1\)"):
        with versions.lease("fake", 1):
            pass


def test_a_broken_version_leaves_the_old_one_serving_until_it_is_mended(
    versions, put, caplog
):
    put(1)
    versions.look()
    put(2, "broken")
    for _ in range(3):
        versions.look()
    assert versions.number == 1
    assert versions.states[2].name == "END"
    assert versions.states[2].code == "DATA_LOSS"
    assert caplog.text.count("It is broken.") == 1  # not at every look
    put(2, "mended")
    versions.look()
    assert versions.number == 2


def test_an_older_version_is_served_where_the_newest_is_broken_or_removed(
    versions, put
):
    put(1)
    put(2, "broken")
    versions.look()
    assert versions.number == 1
    newest = put(3)
    versions.look()
    assert versions.number == 3
    shutil.rmtree(newest)
    versions.look()
    assert versions.number == 1


def test_a_folder_that_is_emptied_leaves_the_model_serving(versions, put):
    folder = put(1)
    versions.look()
    shutil.rmtree(folder.parent)
    versions.look()
    assert versions.number == 1


def test_closing_unloads_after_the_last_request(versions, put):
    put(1)
    versions.look()
    with versions.lease("fake") as servable:
        versions.close()
        assert not servable.model.closed
    assert servable.model.closed


def test_an_exported_version_takes_over_while_requests_run(
    serve, exported, embedder, tmp_path
):
    folder = tmp_path / "tiny"
    shutil.copytree(exported / "1", folder / "1")
    loaded = []

    def load(version):
        loaded.append(load_version(version))
        return loaded[-1]

    body = {"instances": ["a dog"]}
    expected = embedder.encode(["a dog"])
    done, answers = threading.Event(), []
    with serve(folder, poll=0.02, load=load) as client:

        def ask_on():
            while not done.is_set():
                answers.append(client.predict(body))

        asking = threading.Thread(target=ask_on)
        asking.start()
        with contextlib.ExitStack() as stack:
            stack.callback(asking.join)
            stack.callback(done.set)
            (folder / "2").mkdir()
            (folder / "2/saved_model.pb").write_bytes(b"not a model")
            broken = await_state(client, 2, "END")
            assert "TensorFlow cannot load" in broken["status"]["error_message"]
            assert client.predict(body, f"{MODEL}/versions/1:predict").status == 200

            shutil.copytree(exported / "1", tmp_path / "3")
            (tmp_path / "3").rename(folder / "3")
            await_state(client, 3, "AVAILABLE")
            assert client.predict(body, f"{MODEL}/versions/3:predict").status == 200
            assert client.predict(body, f"{MODEL}/versions/1:predict").status == 404
    assert {answer.status for answer in answers} == {200}
    vectors = [answer.json["predictions"][0]["embedding"] for answer in answers]
    np.testing.assert_allclose(vectors, np.repeat(expected, len(vectors), 0), atol=1e-5)
    assert not loaded[0]._calls and not loaded[1]._calls  # closed both


MODEL = "/v1/models/tiny"


def await_state(client, version, state):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        answer = client.get(f"{MODEL}/versions/{version}")
        if answer.status == 200:
            status = answer.json["model_version_status"][0]
            if status["state"] == state:
                return status
        time.sleep(0.01)
    raise AssertionError(f"Version {version} did not become {state}.")


def test_weights_that_were_cut_short_are_named_and_not_a_heading(exported, tmp_path):
    version = tmp_path / "1"
    shutil.copytree(exported / "1", version)
    (version / "variables/variables.data-00000-of-00001").write_bytes(b"")
    with pytest.raises(ValueError, match=r"cannot load .*1: Read less bytes than req"):
        load_version(version)
