"""What kerasbert 0.1 wrote loads, and answers as it did there."""

import pathlib
import shutil

import keras
import numpy as np
import pytest

import kerasbert

FOLDER = pathlib.Path(__file__).parents[1] / "fixtures" / "written_by_0_1"
INPUTS = ("token_ids", "segment_ids", "padding_mask")
TEXTS = ["the film is good", "I love you", "the book is bad"]
TOLERANCE = 3e-6


@pytest.fixture(scope="module")
def answers():
    with np.load(FOLDER / "tasks.npz") as arrays:
        return dict(arrays)


@pytest.mark.parametrize(
    "file", sorted(FOLDER.glob("*.keras")), ids=lambda file: file.stem
)
def test_a_keras_file_loads_with_its_numbers(file):
    model = keras.models.load_model(file)
    with np.load(FOLDER / "keras_files.npz") as arrays:
        inputs = {name: arrays[name] for name in INPUTS}
        if any("masked_positions" in tensor.name for tensor in model.inputs):
            inputs["masked_positions"] = np.int32([[0, 2], [1, 3], [0, 0]])
        found = model(inputs)
        expected = {
            name.removeprefix(f"{file.stem}/"): arrays[name]
            for name in arrays.files
            if name.startswith(f"{file.stem}/")
        }
    assert expected
    for name, value in expected.items():
        array = keras.ops.convert_to_numpy(found[name])
        np.testing.assert_allclose(array, value, atol=TOLERANCE, err_msg=name)


@pytest.mark.parametrize("name", ["token_classification", "sequence_classification"])
def test_a_keras_file_that_was_trained_is_trained_further(name):
    model = keras.models.load_model(FOLDER / f"{name}.keras")
    assert model.optimizer.iterations.numpy() == 1
    with np.load(FOLDER / "keras_files.npz") as arrays:
        inputs = {name: arrays[name] for name in INPUTS}
    shape = (3, 7) if name.startswith("token") else (3,)
    model.fit(inputs, np.zeros(shape, "int32"), verbose=0)
    assert model.optimizer.iterations.numpy() == 2


def scores(classifier):
    rows = (answer["scores"] for answer in classifier.predict(TEXTS))
    return np.array([[row[label] for label in classifier.labels] for row in rows])


@pytest.mark.parametrize("name", ["classifier", "run"])
def test_a_classifier_and_the_folder_of_a_run_load(name, answers):
    pytest.importorskip("tensorflow")
    task = kerasbert.load(FOLDER / name)
    np.testing.assert_allclose(scores(task), answers[name], atol=TOLERANCE)


def test_a_tagger_loads(answers):
    pytest.importorskip("tensorflow")
    task = kerasbert.load(FOLDER / "tagger")
    logits = task.model(task.tokenizer(TEXTS))["logits"]
    np.testing.assert_allclose(logits, answers["tagger"], atol=TOLERANCE)


def test_an_embedder_loads(answers):
    pytest.importorskip("tensorflow")
    vectors = kerasbert.load(FOLDER / "embedder").encode(TEXTS)
    np.testing.assert_allclose(vectors, answers["embedder"], atol=TOLERANCE)


def test_a_run_that_was_stopped_goes_on(tmp_path, answers):
    pytest.importorskip("tensorflow")
    from kerasbert.training.fit import Run

    run = Run(shutil.copytree(FOLDER / "stopped", tmp_path / "run"), every=1)
    steps = []
    count = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: steps.append(batch)
    )
    task = kerasbert.TextClassifier.from_pretrained(
        FOLDER / "classifier", ["good", "bad", "so-so"]
    )
    task.fit(
        TEXTS,
        ["good", "good", "bad"],
        checkpoints=run,
        epochs=2,
        batch_size=1,
        verbose=0,
        callbacks=[count],
    )
    assert 0 < len(steps) < 6  # not from the beginning
    np.testing.assert_allclose(scores(task), answers["resumed"], atol=TOLERANCE)
