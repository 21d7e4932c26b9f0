"""What needs a process of its own: devices and backends are chosen at its start."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import pytest

pytest.importorskip("tensorflow")

ROOT = pathlib.Path(__file__).parents[2]
MIRRORED = """
import numpy as np
import tensorflow as tf

[cpu] = tf.config.list_physical_devices("CPU")
configuration = tf.config.LogicalDeviceConfiguration()
tf.config.set_logical_device_configuration(cpu, [configuration] * 2)

from kerasbert.training import Recipe, fit
from tests.training import toy

strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
found = []
for scope in (tf.distribute.get_strategy().scope(), strategy.scope()):
    with scope:
        model = toy.model(dropout=0.0)
        recipe = Recipe(0.01, clip_norm=None)
        arguments = toy.arguments(recipe, jit_compile=False)
        fit(model, toy.features(8), arguments, epochs=2, batch_size=4, verbose=0)
        # Softmax does not see the bias of the keys. Its gradient is rounding, of which
        # Adam makes whole steps.
        found.append(
            [w.numpy() for w in model.weights if not w.path.endswith("key/bias")]
        )
assert strategy.num_replicas_in_sync == 2
assert len(found[0]) > 20
for one, two in zip(*found, strict=True):
    np.testing.assert_allclose(one, two, 0, 2e-5)
print("the same")
"""
JAX = """
import keras
from kerasbert.training import Recipe, fit
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
@pytest.mark.xfail(strict=True, reason="differs, with Keras' own optimizers too")
def test_two_devices_give_the_weights_of_one():
    run(MIRRORED)


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="there is no jax")
def test_a_model_learns_on_jax():
    run(JAX, KERAS_BACKEND="jax")
