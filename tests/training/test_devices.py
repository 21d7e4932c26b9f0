"""What needs a process of its own: devices and backends are chosen at its start."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import pytest

pytest.importorskip("tensorflow")

ROOT = pathlib.Path(__file__).parents[2]
TWO = """
import keras
import numpy as np
import tensorflow as tf

[cpu] = tf.config.list_physical_devices("CPU")
configuration = tf.config.LogicalDeviceConfiguration()
tf.config.set_logical_device_configuration(cpu, [configuration] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert strategy.num_replicas_in_sync == 2
"""
MIRRORED = (
    TWO
    + """
from kerasbert.models import TokenClassificationModel
from kerasbert.training import EncodedExamples, Recipe
from kerasbert.training.fit import Validation, fit
from tests.training import toy

ROWS, BATCH = 9, 4  # the last batch of an epoch is one example
features = toy.features(ROWS)
loss, new_model, by_row = toy.LOSS, lambda: toy.model(dropout=0.0), True
WAY

weights, logs = [], []
for scope in (tf.distribute.get_strategy().scope(), strategy.scope()):
    with scope:
        model = new_model()
        before = [w.numpy() for w in model.weights]
        arguments = {"optimizer": optimizer(), "loss": loss}
        options = {"epochs": 2, "batch_size": BATCH, "verbose": 0}
        options["validation"] = Validation(features)
        history = fit(model, features, arguments, **options)
        # Softmax does not see the bias of the keys. Its gradient is rounding, of which
        # Adam makes whole steps.
        found = {w.path: w.numpy() for w in model.weights if "key/bias" not in w.path}
        weights.append(found)
        logs.append(history.history["val_loss"])
assert len(weights[0]) > 20
moved = [np.abs(w - b).max() for w, b in zip(model.weights, before)]
assert max(moved) > 1e-3, moved
for path in weights[0]:
    one, two = weights[0][path], weights[1][path]
    np.testing.assert_allclose(two, one, 0, 2e-5, err_msg=path)
if by_row:
    np.testing.assert_allclose(logs[1], logs[0], 1e-5)
print("the same")
"""
)
RESUMED = (
    TWO
    + """
import tempfile
import kerasbert
from kerasbert.training.fit import Run
from tests.tasks.conftest import FIXTURES
from tests.training import toy
from tests.training.test_resume import Killed, KillAfter

TEXTS = ["a good film", "bad", "the book", "a bad day", "good", "quiet", "slow film"]

def train(checkpoints=None, *callbacks):
    keras.utils.set_random_seed(0)
    with strategy.scope():  # and training is out of it
        task = kerasbert.TextClassifier.from_pretrained(
            FIXTURES / "bert_tiny" / "huggingface", labels=["even", "odd"]
        )
    task.compile(kerasbert.Recipe(1e-2))
    labels = [("even", "odd")[row % 2] for row in range(len(TEXTS))]
    report = task.fit(
        TEXTS, labels, (TEXTS, labels), checkpoints=checkpoints, callbacks=callbacks,
        epochs=2, batch_size=4, verbose=0,
    )
    assert task.evaluate(TEXTS, labels)["loss"] == report.history["val_loss"][-1]
    return task

expected = train()
run = Run(tempfile.mkdtemp(), every=1)
try:
    train(run, KillAfter(3))
except Killed:
    found = train(run)
toy.assert_same(found.model, expected.model)
answers = [task.predict(TEXTS)[0]["score"] for task in (found, expected)]
assert answers[0] == answers[1]
print("the same")
"""
)
PRETRAINED = (
    TWO
    + """
import kerasbert
from tests.tasks.conftest import FIXTURES
from tests.tasks.pretraining.test_corpus import text

documents = [document.split("\\n") for document in text().strip().split("\\n\\n")]
weights = []
for scope in (tf.distribute.get_strategy().scope(), strategy.scope()):
    keras.utils.set_random_seed(0)
    with scope:
        task = kerasbert.Pretrainer.from_pretrained(
            FIXTURES / "bert_masked_lm/huggingface", pair_task="next_sentence"
        )
    for layer in task.model._flatten_layers():
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    task.compile(kerasbert.Recipe(1e-3))
    task.fit(documents, epochs=1, batch_size=8, verbose=0)
    weights.append({w.path: w.numpy() for w in task.model.weights})
for path, one in weights[0].items():
    if "key/bias" not in path:
        np.testing.assert_allclose(weights[1][path], one, 0, 1e-5, err_msg=path)
print("the same")
"""
)
WAYS = {
    "a recipe, clipped": "optimizer = lambda: Recipe(0.01, clip_norm=0.05)",
    "a recipe, accumulated": (
        "optimizer = lambda: Recipe(0.01, clip_norm=0.05, accumulation=2)"
    ),
    # On one device Keras' Adam squares each of the gradients of a token alone.
    "AdamW of Keras, but for tables": """
def new_model():
    model = toy.model(dropout=0.0)
    model.encoder.embeddings.trainable = False
    return model

optimizer = lambda: keras.optimizers.AdamW(1e-2, epsilon=1e-4)
""",
    "SGD of Keras": "optimizer = lambda: keras.optimizers.SGD(0.5)",
    "words, weighted": """
rows = features.inputs["token_ids"]
targets = [np.arange(-3, len(row) - 3, dtype="int32").clip(-1, 2) for row in rows]
features = EncodedExamples(
    features.inputs, {"logits": targets}, np.linspace(0.5, 2, ROWS, dtype="float32")
)
loss = {"logits": keras.losses.SparseCategoricalCrossentropy(True, ignore_class=-1)}

def new_model():
    return TokenClassificationModel(toy.model(dropout=0.0).encoder, 3, dropout=0.0)

optimizer = lambda: Recipe(0.01, clip_norm=0.05)
by_row = False  # each device reports the mean over its own words
""",
}
JAX = """
import keras
from kerasbert.training import Recipe
from kerasbert.training.fit import fit
from tests.training import toy

assert keras.backend.backend() == "jax"
model = toy.model(dropout=0.0)
history = fit(
    model, toy.features(8), toy.arguments(Recipe(0.05)), epochs=6, batch_size=4,
    verbose=0,
)
losses = history.history["loss"]
assert losses[-1] < 0.7 * losses[0], losses
print("the same")
"""


def run(script, **environment):
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "the same", done.stderr[-2000:]


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_two_devices_give_the_weights_of_one(way):
    run(MIRRORED.replace("WAY", WAYS[way]))


@pytest.mark.slow
def test_a_run_on_two_devices_goes_on_to_the_same_weights():
    run(RESUMED)


@pytest.mark.slow
def test_two_devices_pretrain_to_the_weights_of_one():
    run(PRETRAINED)


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="there is no jax")
def test_a_model_learns_on_jax():
    run(JAX, KERAS_BACKEND="jax")
