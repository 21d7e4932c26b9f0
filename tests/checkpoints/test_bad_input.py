"""Folders that are no model, models of another kind, folders that cannot be written."""

import pytest

from kerasbert import config, models
from kerasbert.account import Account
from kerasbert.checkpoints import convert, read_checkpoint, write_checkpoint
from kerasbert.checkpoints.config_keys import check_vocabulary_size
from kerasbert.models import load_encoder
from tests.checkpoints.on_disk import (
    copy,
    edit,
    folder,
    needs_tensorflow,
    read,
    refused,
    without_folder,
)

BERT = "bert_pretraining/huggingface"
ALBERT = "albert_bare/huggingface"


# --- No model ---------------------------------------------------------------------
def test_there_is_no_such_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        read_checkpoint(tmp_path / "nothing")


def test_an_empty_folder_is_no_model(tmp_path):
    refused(tmp_path, tmp_path, "config.json (Hugging Face", "found an empty folder")


def test_a_folder_of_other_things_is_no_model(tmp_path):
    for number in range(12):
        (tmp_path / f"photo_{number:02}.jpg").write_bytes(b"")
    refused(tmp_path, "is no model", "photo_00.jpg", "photo_07.jpg, ...", "Name the")


def test_weights_of_another_framework_are_named(tmp_path):
    path = copy(BERT, tmp_path)
    (path / "model.safetensors").rename(path / "flax_model.msgpack")
    refused(
        path,
        "Expected weights in",
        "model.safetensors",
        "there is only flax_model.msgpack",
        error=FileNotFoundError,
    )


@needs_tensorflow
def test_a_preprocessing_model_of_tf_hub_is_no_encoder():
    path = folder("bert_tiny/tfhub_preprocess")
    refused(path, path, "holds a vocabulary alone: name the encoder")


@needs_tensorflow
def test_a_saved_model_of_something_else_is_refused(tmp_path):
    import tensorflow as tf

    module = tf.Module()
    module.variable = tf.Variable([1.0])
    tf.saved_model.save(module, str(tmp_path / "other"))
    refused(tmp_path / "other", "Expected the variables of an encoder of")
    (tmp_path / "other" / "tfhub_module.pb").write_bytes(b"\x08\x03")
    refused(tmp_path / "other", "Expected the variables of ALBERT, BERT")


def test_a_preset_of_another_model_is_refused(tmp_path):
    path = copy("keras_hub_bert/keras_hub", tmp_path)
    edit(path / "config.json", class_name="RobertaBackbone")
    refused(path, path / "config.json", "DistilBertBackbone", "Roberta")


# --- The wrong model --------------------------------------------------------------
def test_a_model_without_the_head_says_which_it_has():
    with pytest.raises(ValueError, match="no span_head .it has classification_head"):
        models.QuestionAnsweringModel.from_pretrained(
            folder("bert_sequence_classification/huggingface")
        )


def test_an_encoder_of_the_other_kind_says_what_to_use():
    with pytest.raises(ValueError, match="AlbertEncoder, not BertEncoder.*load_encode"):
        models.BertEncoder.from_pretrained(folder(ALBERT))


def test_a_vocabulary_larger_than_the_model_is_refused():
    model = config.BertConfig(vocab_size=200)
    check_vocabulary_size(200, model, "vocab.txt")
    check_vocabulary_size(150, model, "vocab.txt")
    with pytest.raises(ValueError, match="at most 200 tokens .* got 201 in vocab.txt"):
        check_vocabulary_size(201, model, "vocab.txt")


@pytest.mark.parametrize(
    "tokens, rows, doubted",
    [
        (30522, 30528, False),  # padded to a multiple of 8
        (30522, 30720, False),  # to one of 1,024
        (250002, 250037, False),
        (28996, 30522, True),  # BERT's cased vocabulary and its other model
        (21128, 30522, True),
        (100, 4167, True),
        (90, 200, True),
    ],
)
def test_a_vocabulary_much_smaller_than_the_model_is_doubted(tokens, rows, doubted):
    model = config.BertConfig(vocab_size=rows)
    if not doubted:
        check_vocabulary_size(tokens, model, "x", Account(strict=True))
        return
    told = f"in vocab.txt has {tokens} tokens, and the model has embeddings of {rows}"
    with pytest.warns(UserWarning, match=told):
        check_vocabulary_size(tokens, model, "vocab.txt")
    with pytest.raises(ValueError, match=told):
        check_vocabulary_size(tokens, model, "vocab.txt", Account(strict=True))


def test_everything_that_pairs_a_vocabulary_with_a_model_compares_them(tmp_path):
    import kerasbert
    from kerasbert.checkpoints.inspect import inspect

    path = copy("bert_tiny/huggingface", tmp_path)
    lines = (path / "vocab.txt").read_text("utf-8").splitlines()
    (path / "vocab.txt").write_text("\n".join(lines[:120]), "utf-8")
    for pair in (
        inspect,
        kerasbert.TextEmbedder.from_pretrained,
        lambda path: kerasbert.TextClassifier.from_pretrained(path, ["a", "b"]),
        lambda path: convert(path, tmp_path / "out", "huggingface"),
    ):
        with pytest.warns(UserWarning, match="120 tokens, and the model has embedd"):
            pair(path)
    with pytest.raises(ValueError, match="120 tokens"):
        load_encoder(path, strict=True)


# --- Writing ----------------------------------------------------------------------
def test_a_format_that_nobody_knows_is_refused(tmp_path):
    checkpoint = read(folder(BERT))
    with pytest.raises(ValueError, match="huggingface, google_tf1, keras_hub, got 'on"):
        write_checkpoint(checkpoint, tmp_path / "out", "onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_exists_is_kept(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("text")
    checkpoint = without_folder(read(folder(BERT)))
    with pytest.raises(FileExistsError, match="overwrite=True"):
        write_checkpoint(checkpoint, tmp_path / "out")
    assert (tmp_path / "out" / "thesis.tex").read_text() == "text"
    write_checkpoint(checkpoint, tmp_path / "out", overwrite=True)
    assert read(tmp_path / "out").heads == checkpoint.heads


@pytest.mark.parametrize("format", ["huggingface", "keras_hub"])
def test_a_disk_that_fills_up_leaves_nothing(format, tmp_path, monkeypatch):
    import pathlib

    encoder = load_encoder(folder("bert_gelu_new/huggingface"))
    write_text = pathlib.Path.write_text

    def full(path, *arguments, **more):
        if path.suffix == ".json":
            raise OSError(28, "No space left on device")
        return write_text(path, *arguments, **more)

    monkeypatch.setattr(pathlib.Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        encoder.save_pretrained(tmp_path / "out", format)
    assert list(tmp_path.iterdir()) == []


def test_heads_that_no_class_holds_together_are_refused(tmp_path):
    import dataclasses

    checkpoint = without_folder(read(folder(BERT)))
    odd = dataclasses.replace(checkpoint, heads=("pair_head", "span_head"))
    with pytest.raises(ValueError, match="No class of transformers holds the heads"):
        write_checkpoint(odd, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@needs_tensorflow
def test_a_conversion_that_fails_leaves_nothing(tmp_path):
    path = copy("bert_pretraining/google_tf1", tmp_path)
    file = path / "bert_model.ckpt.data-00000-of-00001"
    file.write_bytes(file.read_bytes()[:-5000])
    with pytest.raises(ValueError, match="cannot be read"):
        convert(path, tmp_path / "out", "huggingface")
    assert [file.name for file in tmp_path.iterdir()] == ["model"]
