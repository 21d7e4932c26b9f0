import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from kerasbert import models
from kerasbert.layers import MeanPooling
from tests import harness
from tests.harness import numpy
from tests.models import tiny

REPOSITORY = Path(__file__).parents[2]

IN_ANOTHER_PROCESS = """
import sys, keras, kerasbert.models, numpy
model = keras.models.load_model(sys.argv[1])
inputs = dict(numpy.load(sys.argv[2]))
numpy.save(sys.argv[3], keras.ops.convert_to_numpy(model(inputs)))
"""


def users_model(encoder):
    """What a user builds around an encoder."""
    inputs = {
        name: keras.Input((None,), dtype="int32", name=name) for name in tiny.INPUTS
    }
    outputs = encoder(inputs)
    mean = MeanPooling()(outputs["sequence_output"], inputs["padding_mask"])
    pooled = keras.layers.Concatenate()([mean, outputs["pooled_output"]])
    hidden = keras.layers.Dense(4, activation="relu")(pooled)
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(hidden))


def test_users_model_is_the_same_in_another_process(tmp_path):
    model = users_model(tiny.albert())
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "inputs.npz", **tiny.INPUTS)
    files = [str(tmp_path / name) for name in ("model.keras", "inputs.npz", "out.npy")]
    subprocess.run(
        [sys.executable, "-c", IN_ANOTHER_PROCESS, *files],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        check=True,
        capture_output=True,
    )
    np.testing.assert_array_equal(np.load(files[2]), numpy(model(tiny.INPUTS)))


def test_compiled_model_goes_on_training_where_it_stopped(tmp_path):
    inputs, labels = tiny.toy_task()
    model = users_model(tiny.bert(num_hidden_layers=1))
    eager = keras.backend.backend() == "tensorflow"
    model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=eager)
    model.fit(inputs, labels, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert int(loaded.optimizer.iterations) == int(model.optimizer.iterations)
    for out, ref in zip(
        loaded.optimizer.variables, model.optimizer.variables, strict=True
    ):
        np.testing.assert_array_equal(numpy(out), numpy(ref))


@pytest.mark.parametrize("make", [tiny.bert, tiny.albert], ids=["BERT", "ALBERT"])
def test_weights_file_fills_another_encoder(make, tmp_path):
    encoder = make()
    encoder.save_weights(tmp_path / "encoder.weights.h5")
    other = harness.randomise(make(), seed=7)
    other.load_weights(tmp_path / "encoder.weights.h5")
    for out, ref in zip(
        other.trainable_variables, encoder.trainable_variables, strict=True
    ):
        np.testing.assert_array_equal(numpy(out), numpy(ref))


def test_lora_is_merged_into_the_file(tmp_path):
    encoder = tiny.bert(num_hidden_layers=1)
    encoder.enable_lora(rank=2)
    harness.randomise(encoder, seed=3)
    encoder.save(tmp_path / "encoder.keras")
    loaded = keras.models.load_model(tmp_path / "encoder.keras")
    assert not any("lora" in variable.path for variable in loaded.variables)
    for out, ref in zip(
        harness.flat(loaded(tiny.INPUTS)),
        harness.flat(encoder(tiny.INPUTS)),
        strict=True,
    ):
        rows = tiny.REAL
        np.testing.assert_allclose(out[rows], ref[rows], rtol=1e-5, atol=5e-6)


def test_policy_labels_and_names_come_back(tmp_path):
    encoder = tiny.bert("mixed_bfloat16", num_hidden_layers=1)
    model = models.TokenClassificationModel(encoder, ["O", "B-PER"], name="ner")
    model.save(tmp_path / "ner.keras")
    loaded = keras.models.load_model(tmp_path / "ner.keras")
    assert type(loaded) is models.TokenClassificationModel
    assert (loaded.name, loaded.labels) == ("ner", ["O", "B-PER"])
    assert loaded.encoder.config == encoder.config
    assert loaded.encoder.dtype_policy.name == "mixed_bfloat16"


def test_masked_lm_model_is_tied_after_it_was_loaded(tmp_path):
    model = models.MaskedLMModel(tiny.albert())
    model.save(tmp_path / "mlm.keras")
    loaded = keras.models.load_model(tmp_path / "mlm.keras")
    head = loaded.get_layer("masked_lm_head")
    assert head.token_embedding is loaded.encoder.token_embedding


def test_clone_has_the_same_layers_and_weights_of_its_own():
    encoder = tiny.bert(num_hidden_layers=1)
    clone = type(encoder).from_config(encoder.get_config())
    assert clone.config == encoder.config
    paths = [[v.path for v in x.trainable_variables] for x in (clone, encoder)]
    assert paths[0] == paths[1]
    assert not {id(v) for v in clone.variables} & {id(v) for v in encoder.variables}


def test_frozen_layers_stay_frozen(tmp_path):
    encoder = tiny.bert(num_hidden_layers=1)
    encoder.get_layer("embeddings").trainable = False
    encoder.save(tmp_path / "encoder.keras")
    loaded = keras.saving.load_model(tmp_path / "encoder.keras")
    paths = [[v.path for v in x.trainable_variables] for x in (loaded, encoder)]
    assert paths[0] == paths[1]
    assert not any(path.startswith("embeddings/") for path in paths[0])


@pytest.mark.parametrize("head", ["SequenceClassificationModel", "MaskedLMModel"])
def test_updates_of_any_layer_are_part_of_what_is_saved(head, tmp_path):
    make = getattr(models, head)
    labels = [3] if head == "SequenceClassificationModel" else []
    model = harness.randomise(make(tiny.bert(num_hidden_layers=1), *labels))
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Dense | keras.layers.Embedding):
            layer.enable_lora(2)
    random = np.random.default_rng(0)
    batch = {name: harness.BATCH[name] for name in model.input}
    before = harness.flat(model(batch))
    for variable in model.trainable_variables:
        if "lora" in variable.path:
            variable.assign(random.normal(size=variable.shape) * 0.3)
    expected = harness.flat(model(batch))
    assert abs(expected[0] - before[0]).max() > 0.1
    model.save(tmp_path / "model.keras")
    from_keras = keras.models.load_model(tmp_path / "model.keras")
    for number, one in enumerate((model, from_keras)):
        one.save_pretrained(tmp_path / str(number))
        loaded = models.load_model(tmp_path / str(number))
        for out, ref in zip(harness.flat(loaded(batch)), expected, strict=True):
            np.testing.assert_allclose(out, ref, atol=1e-5)
