"""Poolers that are missing, and what other projects compute otherwise."""

import pytest

from kerasbert.checkpoints import read_checkpoint, write_checkpoint
from kerasbert.models import load_encoder
from tests.checkpoints.on_disk import (
    folder,
    quiet,
    read,
    without_folder,
)


def test_an_encoder_has_a_pooler_where_the_checkpoint_has_one(tmp_path):
    path = folder("bert_masked_lm/huggingface")
    encoder = load_encoder(path, strict=True)
    assert encoder.pooler is None and set(encoder.output) == {
        "sequence_output",
        "hidden_states",
    }
    encoder.source_folder = None
    encoder.save_pretrained(tmp_path / "out")
    assert not read_checkpoint(tmp_path / "out").has_pooler


def test_a_pooler_that_is_asked_for_and_missing_is_new(tmp_path):
    path = folder("bert_masked_lm/huggingface")
    with pytest.warns(UserWarning, match="has no pooler: pooled_output is untrained"):
        encoder = load_encoder(path, add_pooler=True)
    encoder.source_folder = None
    encoder.save_pretrained(tmp_path / "out")
    assert read_checkpoint(tmp_path / "out").has_pooler
    with pytest.raises(ValueError, match="has no pooler"):
        load_encoder(path, strict=True, add_pooler=True)


def test_keras_hub_gets_zeros_for_a_missing_pooler(tmp_path):
    checkpoint = without_folder(read(folder("bert_masked_lm/huggingface")))
    with quiet(), pytest.warns(UserWarning, match="pooled_output will be zero"):
        write_checkpoint(checkpoint, tmp_path / "out", "keras_hub")
    import h5py

    with h5py.File(tmp_path / "out" / "model.weights.h5") as file:
        assert not file["layers/dense/vars/0"][()].any()
        assert file["layers/dense/vars/0"].shape == (24, 24)
    assert not read(tmp_path / "out").has_pooler


# --- What other projects compute otherwise ----------------------------------------


def warnings_of(checkpoint, target, format):
    import warnings

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        write_checkpoint(without_folder(checkpoint), target, format)
    return " | ".join(str(warning.message) for warning in caught)


def test_mathematics_that_a_reader_has_not_is_warned_about(tmp_path):
    checkpoint = read(folder("bert_relu/huggingface"))
    told = warnings_of(checkpoint, tmp_path / "keras_hub", "keras_hub")
    assert "KerasHub computes gelu_tanh for relu and an epsilon of 1e-12" in told
    checkpoint = read(folder("bert_masked_lm/huggingface"))
    told = warnings_of(checkpoint, tmp_path / "erf", "keras_hub")
    assert "GELU in its tanh form" in told
    assert "masked LM head with epsilon=1e-05 for 1e-12" in told
    checkpoint = read(folder("keras_hub_bert_masked_lm/keras_hub"))
    told = warnings_of(checkpoint, tmp_path / "huggingface", "huggingface")
    assert "masked LM head with activation=gelu_tanh for gelu and epsilon" in told


def test_heads_that_keras_hub_has_not_are_named(tmp_path):
    checkpoint = read(folder("bert_pretraining/huggingface"))
    told = warnings_of(checkpoint, tmp_path / "pair", "keras_hub")
    assert "KerasHub has no task for pair_head: left out" in told
    checkpoint = read(folder("bert_token_classification/huggingface"))
    told = warnings_of(checkpoint, tmp_path / "tokens", "keras_hub")
    assert "KerasHub has no task for classification_head: left out" in told


def test_nothing_is_warned_about_where_nothing_differs(tmp_path):
    checkpoint = read(folder("keras_hub_albert_masked_lm/keras_hub"))
    assert warnings_of(checkpoint, tmp_path / "same", "keras_hub") == ""
    checkpoint = read(folder("bert_token_classification/huggingface"))
    assert warnings_of(checkpoint, tmp_path / "tokens", "huggingface") == ""
