import importlib
import json
import sys

import numpy as np
import pytest

pytest.importorskip("ai_edge_litert")

from kerasbert.cli import main  # noqa: E402
from tests.export.served import embedder_of  # noqa: E402
from tests.litert.exported import litert_folder  # noqa: E402

TEXTS = ["the cat", "Good morning"]


def embed(capsys, *words):
    folder = litert_folder("sentence_dense")
    code = main(["embed", "--model", str(folder), *words])
    return code, *capsys.readouterr()


def test_embed_takes_a_folder_for_litert(capsys, monkeypatch):
    litert_folder("sentence_dense")
    expected = embedder_of("sentence_dense").encode(TEXTS)
    importlib.import_module("kerasbert.cli.app")  # which asks for the names of tasks
    for name in ("kerasbert.tasks", "kerasbert.models"):  # they need TensorFlow
        monkeypatch.setitem(sys.modules, name, None)
    code, out, err = embed(capsys, *TEXTS)
    assert code == 0, err
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["text"] for row in rows] == TEXTS
    np.testing.assert_allclose([row["embedding"] for row in rows], expected, 0, 1e-5)


def test_embed_writes_an_array_of_it(capsys, tmp_path):
    path = tmp_path / "vectors.npy"
    code, _, err = embed(capsys, "--output", str(path), *TEXTS)
    assert code == 0, err
    expected = embedder_of("sentence_dense").encode(TEXTS)
    np.testing.assert_allclose(np.load(path), expected, 0, 1e-5)


@pytest.mark.parametrize(
    "option",
    ["--tokens", "--no-normalize", "--prompt=query: ", "--long-texts=windows"],
)
def test_what_was_chosen_in_the_export_is_refused_in_one_line(capsys, option):
    code, out, err = embed(capsys, option, *TEXTS)
    assert code == 2 and out == ""
    assert err.count("\n") == 1 and option.split("=")[0].replace("no-", "") in err
