"""Packed tokens on TensorFlow, padded rows on JAX: the same vectors."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures"
FOLDER = FIXTURES / "sentence_mean" / "sentence_transformers"
TEXTS = ["the film is good", "", "a book", "the river was quiet", "x", "I love you"]
JAX = {
    "KERAS_BACKEND": "jax",
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": "--xla_backend_optimization_level=0",  # it compiles in less time
}
ON_JAX = """
import sys
import numpy as np
import kerasbert

folder, file, *texts = sys.argv[1:]
embedder = kerasbert.TextEmbedder.from_pretrained(folder)
np.save(file, embedder.encode(texts))
"""


@pytest.mark.skipif(not importlib.util.find_spec("jax"), reason="needs JAX")
def test_jax_gives_the_vectors_of_tensorflow(embedder, tmp_path):
    file = tmp_path / "vectors.npy"
    subprocess.run(
        [sys.executable, "-c", ON_JAX, str(FOLDER), str(file), *TEXTS],
        check=True,
        env={**os.environ, **JAX},
        cwd=pathlib.Path(__file__).parents[2],
    )
    assert abs(np.load(file) - embedder.encode(TEXTS)).max() < 1e-6


def test_low_rank_updates_that_come_after_a_first_answer_count(bert):
    pytest.importorskip("tensorflow")
    embedder = type(bert).from_pretrained(FIXTURES / "bert_tiny" / "huggingface")
    before = embedder.encode(TEXTS)
    embedder.encoder.enable_lora(2)
    np.testing.assert_array_equal(embedder.encode(TEXTS), before)  # they begin at 0
    random = np.random.default_rng(0)
    for variable in embedder.encoder.trainable_variables:
        variable.assign(random.normal(size=variable.shape))
    after = embedder.encode(TEXTS)
    assert abs(after - before).max() > 0.1
    features = embedder.features([(text, text) for text in TEXTS])
    inputs, _, _ = features.batch(range(len(TEXTS)))
    expected = embedder.model(inputs)["embedding"].numpy()[::2]
    np.testing.assert_allclose(after, expected, atol=2e-6)
