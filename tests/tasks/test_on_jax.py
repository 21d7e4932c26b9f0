"""Every task is trained on JAX, and what JAX has no way to do is refused."""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
FOLDER = ROOT / "tests/fixtures/bert_tiny/huggingface"
JAX = {
    "KERAS_BACKEND": "jax",
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": "--xla_backend_optimization_level=0",  # it compiles in less time
}
# Trains each task, and prints losses, and what export says.
TRAIN = """
import json, sys
import kerasbert

folder = sys.argv[1]
texts = ["the film is good", "a book", "the river was quiet", "I love you"] * 2
words = [text.split() for text in texts]
tasks = {
    "TextClassifier": (texts, ["a", "b"] * 4, {"labels": ["a", "b"]}),
    "TextRegressor": (texts, [0.0, 1.0] * 4, {}),
    "TokenClassifier": (
        words, [["B-X"] + ["O"] * (len(w) - 1) for w in words], {"labels": ["O", "B-X"]}
    ),
    "QuestionAnswerer": (
        [("is it good", text) for text in texts],
        [{"text": [t.split()[0]], "answer_start": [0]} for t in texts],
        {},
    ),
    "MaskedLM": (texts, None, {}),
    "TextEmbedder": (list(zip(texts, texts[::-1])), [0.2, 0.8] * 4, {}),
}
found = {}
for name, (inputs, targets, options) in tasks.items():
    task = getattr(kerasbert, name).from_pretrained(folder, **options)
    task.compile(kerasbert.Recipe(learning_rate=3e-3, warmup=0.0))
    history = task.fit(inputs, targets, epochs=3, batch_size=4, verbose=0).history
    try:
        task.export("exported")
        refusal = None
    except ValueError as error:
        refusal = str(error)
    found[name] = history["loss"], refusal
print(json.dumps(found))
"""


@pytest.mark.skipif(not importlib.util.find_spec("jax"), reason="needs JAX")
def test_every_task_learns_on_jax_and_says_how_to_export():
    pytest.importorskip("tensorflow")
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", TRAIN, str(FOLDER)],
        env={**os.environ, **JAX},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout.splitlines()[-1])
    assert len(found) == 6
    for name, (losses, refusal) in found.items():
        assert losses[-1] < losses[0], name
        assert 'KERAS_BACKEND="tensorflow"' in refusal, name
