import json

import numpy as np
import pytest

from tests.cli.conftest import FIXTURES

tf = pytest.importorskip("tensorflow")

MODEL = FIXTURES / "sentence_mean" / "sentence_transformers"


def test_export_writes_a_version_and_says_how_to_ask_it(kerasbert, tmp_path):
    done = kerasbert("export", MODEL, tmp_path / "tiny", "--max-length", 8)
    assert done.code == 0, done.err
    folder, curl = done.out.splitlines()
    assert folder == str(tmp_path / "tiny" / "1")
    assert curl.endswith("http://localhost:8501/v1/models/tiny:predict")

    texts = json.loads(curl.split("'")[1])["instances"]
    model = tf.saved_model.load(folder)
    answer = model.signatures["serving_default"](text=tf.constant(texts))
    embedded = kerasbert("embed", "--model", MODEL, "--max-length", 8, *texts)
    expected = json.loads(embedded.out)["embedding"]
    np.testing.assert_allclose(answer["embedding"][0], expected, 0, 1e-5)


def test_export_to_a_folder_of_other_things_is_refused_in_one_line(kerasbert, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    done = kerasbert("export", MODEL, folder, "--overwrite")
    assert done.code == 2
    assert done.err.count("\n") == 1 and "notes.txt is there" in done.err
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


def test_a_precision_that_nobody_knows_is_refused_in_one_line(kerasbert, tmp_path):
    done = kerasbert("export", MODEL, tmp_path / "new", "--precision", "int3")
    assert done.code == 2
    assert "int3" in done.err and done.err.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_options_for_serving_are_refused_for_a_reusable_model(kerasbert, tmp_path):
    options = ("--format", "reusable", "--precision", "bfloat16")
    done = kerasbert("export", MODEL, tmp_path / "new", *options)
    assert done.code == 2
    assert done.err.count("\n") == 1 and "--precision" in done.err
    assert not (tmp_path / "new").exists()
