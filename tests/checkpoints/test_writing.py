"""What is written reads back as it was, and is named as its readers expect."""

import json
import shutil
import warnings

import keras
import numpy as np
import pytest

from kerasbert import models
from kerasbert.checkpoints import convert, read_checkpoint, write_checkpoint
from kerasbert.models import load_encoder, load_model
from kerasbert.models.loading import checkpoint_of
from tests.checkpoints.on_disk import (
    assert_same_checkpoint,
    case,
    expected,
    folder,
    needs_tensorflow,
    outputs,
    quiet,
    read,
    weights,
    without_folder,
)

FORMATS = {
    "huggingface": pytest.param("huggingface", id="huggingface"),
    "google_tf1": pytest.param("google_tf1", id="google_tf1", marks=needs_tensorflow),
    "keras_hub": pytest.param("keras_hub", id="keras_hub"),
}
KINDS = [
    "bert_bare",
    "bert_gelu_new",
    "bert_masked_lm",
    "bert_next_sentence",
    "bert_pretraining",
    "bert_question_answering",
    "bert_regression",
    "bert_relu",
    "bert_sequence_classification",
    "bert_token_classification",
    "albert_bare",
    "albert_gelu",
    "albert_groups",
    "albert_masked_lm",
    "albert_question_answering",
    "albert_sequence_classification",
    "albert_token_classification",
]
HUGGINGFACE = [case(folder(f"{name}/huggingface")) for name in KINDS]


def write(checkpoint, target, format):
    with quiet():
        write_checkpoint(without_folder(checkpoint), target, format)
    return read(target, strict=True)


@pytest.mark.parametrize("path", HUGGINGFACE)
@pytest.mark.parametrize("format", [FORMATS["huggingface"], FORMATS["google_tf1"]])
def test_what_is_written_reads_back_as_it_was(path, format, tmp_path):
    checkpoint = read(path)
    found = write(checkpoint, tmp_path / "out", format)
    assert_same_checkpoint(found, checkpoint)


@pytest.mark.parametrize("path", HUGGINGFACE)
def test_keras_hub_keeps_all_but_the_heads_that_it_has_not(path, tmp_path):
    checkpoint = read(path)
    found = write(checkpoint, tmp_path / "out", "keras_hub")
    kept = [h for h in checkpoint.heads if h in ("masked_lm_head",)]
    if not checkpoint.token_labels and "classification_head" in checkpoint.heads:
        kept = ["classification_head"]
    assert list(found.heads) == kept
    assert found.config == checkpoint.config
    assert found.has_pooler == checkpoint.has_pooler
    if kept == ["classification_head"]:
        assert found.labels == checkpoint.labels
        assert found.head_dropout == checkpoint.head_dropout
    wanted = weights(checkpoint)
    for variable, array in weights(found).items():
        np.testing.assert_array_equal(array, wanted.pop(variable), variable)
    left_out = {h for h in checkpoint.heads if h not in kept}
    assert {variable.split("/")[0] for variable in wanted} == left_out


@pytest.mark.parametrize("format", FORMATS.values())
def test_a_keras_hub_task_goes_into_every_container_and_back(format, tmp_path):
    for name in ("bert_masked_lm", "albert_masked_lm", "bert_classifier"):
        checkpoint = read(folder(f"keras_hub_{name}/keras_hub"))
        found = write(checkpoint, tmp_path / name, format)
        assert_same_checkpoint(found, checkpoint)


def test_a_model_of_every_container_is_the_same_in_every_other(tmp_path):
    pytest.importorskip("tensorflow")
    sources = ["bert_tiny/tfhub_mlm", "bert_pretraining_erf/tf1_hub"]
    sources += ["albert_groups/google_tf1", "bert_torch_bin_2019/huggingface"]
    for source in sources:
        checkpoint = read(folder(source))
        for format in ("huggingface", "google_tf1"):
            target = tmp_path / source.replace("/", "_") / format
            assert_same_checkpoint(write(checkpoint, target, format), checkpoint)


@pytest.mark.parametrize(
    "name, container",
    [("bert_pretraining", "bert_model.ckpt"), ("albert_groups", "model.ckpt-best")],
)
def test_google_names_and_shapes_are_those_of_google(name, container, tmp_path):
    tf = pytest.importorskip("tensorflow")
    theirs = folder(f"{name}/google_tf1")
    write(read(theirs), tmp_path / "out", "google_tf1")
    wanted = tf.train.list_variables(str(theirs / container))
    wanted = [variable for variable in wanted if variable[0] != "global_step"]
    assert tf.train.list_variables(str(tmp_path / "out" / container)) == wanted
    names = {file.name for file in theirs.iterdir()} - {"vocab.txt", "30k-clean.model"}
    names |= {"checkpoint"}
    assert {file.name for file in (tmp_path / "out").iterdir()} == names


def test_huggingface_names_are_those_of_transformers(tmp_path):
    from kerasbert.checkpoints.tensor_files import read_safetensors

    for name in ("bert_pretraining", "albert_groups", "albert_sequence_classification"):
        theirs = folder(f"{name}/huggingface")
        write(read(theirs), tmp_path / name, "huggingface")
        wanted = read_safetensors(theirs / "model.safetensors").shapes
        found = read_safetensors(tmp_path / name / "model.safetensors").shapes
        assert found == {n: s for n, s in wanted.items() if "decoder" not in n}
        ours = json.loads((tmp_path / name / "config.json").read_text("utf-8"))
        keys = json.loads((theirs / "config.json").read_text("utf-8"))
        for key in keys.keys() & ours.keys() - {"torch_dtype"}:
            assert ours[key] == keys[key], key


def test_labels_of_any_language_are_kept(tmp_path):
    encoder = load_encoder(folder("bert_bare/huggingface"))
    encoder.source_folder = None
    model = models.SequenceClassificationModel(encoder, ["gut", "好", "🙂"], 0.3)
    for format in ("huggingface", "keras_hub"):
        with quiet():
            model.save_pretrained(tmp_path / format, format)
            found = load_model(tmp_path / format)
        assert found.labels == ["gut", "好", "🙂"]
        assert found.dropout == 0.3


@pytest.mark.parametrize("format", FORMATS.values())
def test_a_model_answers_the_same_after_saving(format, tmp_path):
    path = folder("albert_sequence_classification/huggingface")
    model = load_model(path)
    model.source_folder = None
    with quiet():
        model.save_pretrained(tmp_path / "out", format)
        again = load_model(tmp_path / "out")
    batch = expected(path)
    before, after = outputs(model, batch), outputs(again, batch)
    for name, array in before.items():
        np.testing.assert_array_equal(after[name], array, name)


def test_weights_trained_in_mixed_precision_are_saved_in_float32(tmp_path):
    path = folder("bert_sequence_classification/huggingface")
    model = load_model(path, dtype="mixed_bfloat16")
    model.source_folder = None
    for variable in model.trainable_variables:
        variable.assign_add(keras.ops.full(variable.shape, 1e-6))
    model.save_pretrained(tmp_path / "out")
    found = weights(read_checkpoint(tmp_path / "out"))
    wanted = weights(checkpoint_of(model))
    moved = weights(read_checkpoint(path))
    assert found.keys() == wanted.keys() == moved.keys()
    for variable, array in found.items():
        np.testing.assert_array_equal(array, wanted[variable])
        assert (array != moved[variable]).mean() > 0.9


def test_low_rank_updates_are_added_to_what_is_saved(tmp_path):
    path = folder("bert_bare/huggingface")
    encoder = load_encoder(path)
    encoder.source_folder = None
    encoder.enable_lora(2)
    rng = np.random.default_rng(0)
    for variable in encoder.trainable_variables:
        variable.assign(rng.normal(0, 0.1, variable.shape))
    encoder.save_pretrained(tmp_path / "out")
    again = load_encoder(tmp_path / "out")
    assert len(again.weights) == 2 * 16 + 7
    batch = expected(path)
    before, after = outputs(encoder, batch), outputs(again, batch)
    for name, array in before.items():
        np.testing.assert_allclose(after[name], array, rtol=0, atol=3e-6)
    original = weights(read_checkpoint(path))
    changed = {
        variable
        for variable, array in weights(read_checkpoint(tmp_path / "out")).items()
        if not np.array_equal(array, original[variable])
    }
    assert changed == {
        f"layer_{layer}/attention/{target}/kernel"
        for layer in (0, 1)
        for target in ("query", "value")
    }


def test_weights_are_written_where_the_tokenizer_cannot_be_read(tmp_path, monkeypatch):
    from kerasbert.checkpoints import vocabulary

    def needs_more(folder, account=None):
        raise ImportError("No module named 'google'")

    monkeypatch.setattr(vocabulary, "read_tokenizer", needs_more)
    checkpoint = read(folder("albert_bare/huggingface"))
    with pytest.warns(UserWarning, match="is not written along: No module named"):
        write_checkpoint(checkpoint, tmp_path / "out")
    assert_same_checkpoint(read(tmp_path / "out"), checkpoint)


@pytest.mark.parametrize("format", FORMATS.values())
def test_the_vocabulary_comes_along(format, tmp_path):
    from kerasbert.checkpoints.vocabulary import read_tokenizer

    path = folder("bert_masked_lm/huggingface")
    with quiet():
        load_model(path).save_pretrained(tmp_path / "out", format)
    found, wanted = read_tokenizer(tmp_path / "out"), read_tokenizer(path)
    assert found.vocabulary == wanted.vocabulary
    assert found.lower_case == wanted.lower_case


@pytest.mark.parametrize("format", list(FORMATS.values())[1:])
@pytest.mark.parametrize(
    ("kind", "settings", "lost"),
    [
        ("bert", {"strip_accents": False}, "strip_accents=False"),
        ("bert", {"tokenize_chinese_chars": False}, "split_chinese_characters=False"),
        ("albert", {"do_lower_case": False}, "lower_case=False"),
        ("albert", {"keep_accents": True}, "strip_accents=False"),
    ],
)
def test_normalization_that_a_format_has_no_place_for_is_warned_of(
    format, kind, settings, lost, tmp_path
):
    source = tmp_path / "source"
    shutil.copytree(folder(f"{kind}_sequence_classification/huggingface"), source)
    name = {"bert": "vocab.txt", "albert": "spiece.model"}[kind]
    shutil.copy(folder("tiny_vocabulary") / name, source)
    settings = {"tokenizer_class": f"{kind.title()}Tokenizer", **settings}
    (source / "tokenizer_config.json").write_text(json.dumps(settings))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        convert(source, tmp_path / "out", format)
    told = " | ".join(str(each.message) for each in caught)
    assert f"{format} has no place for {lost} of this tokenizer" in told
