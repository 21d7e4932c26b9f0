"""Several devices of JAX; each training has a process, where devices are chosen."""

import json
import os
import pathlib
import socket
import subprocess
import sys

import pytest

pytest.importorskip("jax")

import kerasbert
from kerasbert.training.distribution import layout_map

ROOT = pathlib.Path(__file__).parents[2]


def start(*command, devices=8):
    flags = os.environ.get("XLA_FLAGS", "--xla_backend_optimization_level=0")
    flags += f" --xla_force_host_platform_device_count={devices}"
    jax = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags}
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", *map(str, command)],
        cwd=ROOT,
        env={**os.environ, **jax},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answer_of(process):
    out, errors = process.communicate()
    assert process.returncode == 0, errors[-3000:]
    return json.loads(out.splitlines()[-1])


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
    script = ("-m", "tests.training.distributed", "compare")
    found = answer_of(start(*script, task, family, *ways))
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


def two_processes(way, folder, batches=0):
    """Starts two processes of two devices each; `batches`: after which they die."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    script = ("-m", "tests.training.distributed", "process", way, address, 2)
    return [start(*script, i, folder, batches, devices=2) for i in (0, 1)]


@pytest.mark.slow
@pytest.mark.parametrize("way", ["data", "model"])
def test_two_processes_that_were_killed_go_on_to_the_weights_of_one(tmp_path, way):
    killed = two_processes(way, tmp_path, batches=4)
    told = [process.communicate()[1] for process in killed]
    assert [process.returncode for process in killed] == [9, 9], told
    for process in two_processes(way, tmp_path):
        found = answer_of(process)
        assert found["devices"] == 4
        assert found["weights"] < 1e-5
        assert found["validation"] < 1e-5


def test_the_benchmark_of_accelerators_runs_on_a_processor(tmp_path):
    script = ROOT / "benchmarks" / "gpu.py"
    small = "--device cpu --size tiny --length 16 --dtype float32 --steps 1 "
    small += "--inference-tokens 32 --training-tokens 32 --kind inference"
    done = start(script, *small.split(), "--results", tmp_path, devices=1)
    out, errors = done.communicate()
    assert done.returncode == 0, errors[-3000:]
    found = json.loads((tmp_path / "gpu-cpu.json").read_text())
    assert [row["rows"] for row in found["rows"]] == [
        *("full", "mixed, padded", "mixed, packed")
    ]
    assert all(row["sequences_per_second"] > 0 for row in found["rows"])
    # 32 tokens of 2 layers: 4 matrices of 128 x 128, 2 of 128 x 512, scores and sums.
    work = 2 * 2 * 32 * (4 * 128**2 + 2 * 128 * 512) + 2 * 2 * 4 * 128 * 16**2
    full = found["rows"][0]
    assert full["tflops"] / full["sequences_per_second"] == pytest.approx(
        work / 2 / 1e12
    )


def test_without_an_accelerator_the_benchmark_says_so():
    done = start(ROOT / "benchmarks" / "gpu.py", devices=1)
    out, errors = done.communicate()
    assert done.returncode == 0, errors
    assert "no accelerator" in out
