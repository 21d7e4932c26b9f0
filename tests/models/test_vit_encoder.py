"""ViT against transformers, and its name table both ways."""

import pathlib

import keras
import numpy as np
import pytest
from keras import ops

import kerasbert
from kerasbert.checkpoints import read_checkpoint
from kerasbert.checkpoints.names import rows_in, table
from kerasbert.checkpoints.tensor_files import read_safetensors
from kerasbert.models import ImageClassificationModel, load_model
from kerasbert.models.loading import variables_of

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures" / "vit"
BARE = FIXTURES / "bare" / "huggingface"
CLASSIFIER = FIXTURES / "image_classification" / "huggingface"


def expected_of(name):
    with np.load(FIXTURES / name / "expected.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def encoder():
    return kerasbert.ViTEncoder.from_pretrained(BARE)


@pytest.fixture(scope="module")
def classifier():
    return ImageClassificationModel.from_pretrained(CLASSIFIER)


def test_an_encoder_computes_what_transformers_does(encoder):
    expected = expected_of("bare")
    outputs = encoder({"pixel_values": expected["pixel_values"]})
    for name in ("sequence_output", "pooled_output"):
        np.testing.assert_allclose(outputs[name], expected[name], atol=3e-6)
    states = np.stack([ops.convert_to_numpy(x) for x in outputs["hidden_states"][:-1]])
    np.testing.assert_allclose(states, expected["hidden_states"][:-1], atol=3e-6)


def test_a_classifier_computes_what_transformers_does(classifier):
    expected = expected_of("image_classification")
    logits = classifier({"pixel_values": expected["pixel_values"]})["logits"]
    np.testing.assert_allclose(logits, expected["logits"], atol=3e-6)
    assert classifier.labels == ["cat", "dog", "owl"]


def test_the_attention_of_patches_is_that_of_transformers(encoder):
    expected = expected_of("bare")
    outputs = encoder.attention_model()({"pixel_values": expected["pixel_values"]})
    for found, probs in zip(
        outputs["attention_probs"], expected["attention_probs"], strict=True
    ):
        np.testing.assert_allclose(found, probs, atol=3e-6)
    np.testing.assert_allclose(
        outputs["pooled_output"], expected["pooled_output"], atol=3e-6
    )


@pytest.mark.parametrize("name", ["bare", "image_classification"])
def test_a_saved_model_has_the_tensors_of_transformers(name, tmp_path):
    source = FIXTURES / name / "huggingface"
    load_model(source).save_pretrained(tmp_path / "saved")
    before, after = (
        read_safetensors(folder / "model.safetensors")
        for folder in (source, tmp_path / "saved")
    )
    assert before.shapes == after.shapes
    for tensor in before.shapes:
        np.testing.assert_array_equal(before.read(tensor), after.read(tensor))


def test_every_tensor_is_used():
    ledger = read_checkpoint(CLASSIFIER).ledger
    assert not ledger.ignored and len(ledger.used) == 40


def test_the_variables_of_an_encoder_are_those_that_are_listed(encoder):
    listed = {
        row.ours: table.shape_of(row.letters, encoder.config)
        for row in rows_in(encoder.config, "huggingface")
        if row.group in ("encoder", "pooler")
    }
    assert {p: tuple(v.shape) for p, v in variables_of(encoder).items()} == listed


def test_a_model_without_query_biases_is_refused(tmp_path):
    text = (BARE / "config.json").read_text().replace("true", "false")
    (tmp_path / "config.json").write_text(text)
    (tmp_path / "model.safetensors").write_bytes(
        (BARE / "model.safetensors").read_bytes()
    )
    with pytest.raises(ValueError, match="qkv_bias"):
        kerasbert.load_encoder(tmp_path)


def test_other_inputs_and_images_of_another_shape_are_refused(encoder, classifier):
    for model in (encoder, classifier):
        with pytest.raises(ValueError, match="12, 12, 3"):
            model({"pixel_values": np.zeros((1, 8, 8, 3), "float32")})
        with pytest.raises(ValueError, match='input "pixel_values"'):
            model({"image": np.zeros((1, 12, 12, 3), "float32")})


def test_text_models_refuse_an_image_encoder():
    with pytest.raises(ValueError, match="Expected a classifier of texts"):
        kerasbert.models.SequenceClassificationModel.from_pretrained(CLASSIFIER)


def test_an_image_that_no_patches_fill_is_refused():
    with pytest.raises(ValueError, match="multiple of patch_size"):
        kerasbert.ViTConfig(image_size=30, patch_size=16)


def test_a_model_is_the_same_after_a_keras_file(classifier, tmp_path):
    classifier.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    pixels = {"pixel_values": expected_of("bare")["pixel_values"]}
    np.testing.assert_array_equal(again(pixels)["logits"], classifier(pixels)["logits"])
