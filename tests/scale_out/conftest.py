import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parents[2]
PATIENCE = 600
TEXTS = ["hello world", "a dog", "a red house", "Naïve 你好", "the"] * 8


class Script:
    """A script of `scale_out`, and a tiny model for it."""

    def __init__(self, name, model, embedder):
        self.path = ROOT / "scale_out" / name
        self.model = model
        self.embedder = embedder

    def run(self, *words):
        """Runs it in a process of its own, as a user does."""
        words = [self.path, "--model", self.model, *words]
        return subprocess.run(
            [sys.executable, *map(str, words)],
            env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0"},  # no network in tests
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    def refusal(self, capsys, monkeypatch, *words):
        """The line with which it refuses to begin."""
        spec = importlib.util.spec_from_file_location(self.path.stem, self.path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        if "--model" not in words:
            words = ["--model", self.model, *words]
        monkeypatch.setattr(sys, "argv", [str(self.path), *map(str, words)])
        with pytest.raises(SystemExit) as caught:
            module.main()
        assert caught.value.code == 2
        return capsys.readouterr().err.splitlines()[-1]

    def check(self, rows):
        """Every row must have the vector that the embedder gives."""
        vectors = [row["embedding"] for row in rows]
        expected = self.embedder.encode([row["text"] for row in rows])
        np.testing.assert_allclose(vectors, expected, atol=1e-5)


@pytest.fixture(scope="package")
def script(tmp_path_factory):
    """Makes the `Script` of a name."""
    import kerasbert

    source = ROOT / "tests/fixtures/sentence_mean/sentence_transformers"
    embedder = kerasbert.TextEmbedder.from_pretrained(source)
    model = tmp_path_factory.mktemp("exported") / "tiny"
    embedder.export(model)
    embedder.export(model)  # two versions, of which the newer is taken
    (model / "1/saved_model.pb").write_bytes(b"not this one")
    return lambda name: Script(name, model, embedder)


def write_rows(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
