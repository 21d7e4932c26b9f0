"""Several devices of JAX; each training has a process, where devices are chosen."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

pytest.importorskip("jax")

import kerasbert
from kerasbert.training.distribution import layout_map

ROOT = pathlib.Path(__file__).parents[2]
EIGHT = {
    "KERAS_BACKEND": "jax",
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": "--xla_force_host_platform_device_count=8 "
    "--xla_backend_optimization_level=0",
}


def run(*arguments, **environment):
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "tests.training.distributed",
            *arguments,
        ],
        cwd=ROOT,
        env={**os.environ, **EIGHT, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


KERNELS = {"data": [32, 32], "model": [32, 8]}  # the part of it on each device


@pytest.mark.parametrize(
    "task, family, ways",
    [
        ("classify", "bert", ["data", "model"]),
        ("pretrain", "albert", ["model"]),
        pytest.param("pretrain", "bert", ["data", "model"], marks=pytest.mark.slow),
        pytest.param("classify", "albert", ["data", "model"], marks=pytest.mark.slow),
    ],
)
def test_eight_devices_give_the_weights_of_one(task, family, ways):
    found = run("compare", task, family, *ways)
    for way in ways:
        assert found[way]["kernel"] == KERNELS[way]
        assert found[way]["weights"] < 1e-5
        assert found[way]["validation"] < 1e-5


class Mesh:
    """A device mesh of which only the shape is asked."""

    def __init__(self, shape, axis_names=("batch", "model")):
        self.shape, self.axis_names = shape, axis_names


@pytest.mark.parametrize(
    "changes, told",
    [
        ({"num_attention_heads": 6, "hidden_size": 24}, "num_attention_heads.* 4 .*6"),
        ({"intermediate_size": 30}, "intermediate_size.* 4 .*got 30"),
    ],
)
def test_sizes_that_devices_cannot_share_are_named(changes, told):
    config = kerasbert.BertConfig(**changes)
    with pytest.raises(ValueError, match=told):
        layout_map(config, Mesh((2, 4)))


def test_a_mesh_without_a_model_axis_is_refused():
    with pytest.raises(ValueError, match="axis 'model', got \\('batch',\\)"):
        layout_map(kerasbert.BertConfig(), Mesh((8,), ("batch",)))


def test_a_vocabulary_that_does_not_divide_is_split_by_width():
    path = "embeddings/token_embedding/embeddings"
    for vocab_size, axes in ((64, ("model", None)), (63, (None, "model"))):
        config = kerasbert.BertConfig(vocab_size=vocab_size)
        assert layout_map(config, Mesh((2, 4)))[path].axes == axes
    config = kerasbert.AlbertConfig(vocab_size=63, embedding_size=6)
    assert layout_map(config, Mesh((2, 4)))[path] is None
