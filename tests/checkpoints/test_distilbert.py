"""DistilBERT: a family of few names, read, written and used as the others are."""

import json

import numpy as np
import pytest

import kerasbert
from kerasbert.checkpoints import convert
from kerasbert.checkpoints.inspect import inspect
from kerasbert.checkpoints.tensor_files import read_safetensors
from tests.checkpoints.on_disk import (
    INPUTS,
    assert_same_checkpoint,
    expected,
    folder,
    outputs,
    quiet,
    read,
    weights,
    without_folder,
)

HEADS = {
    "bare": (),
    "masked_lm": ("masked_lm_head",),
    "relu": ("masked_lm_head",),
    "sequence_classification": ("classification_head",),
    "token_classification": ("classification_head",),
    "question_answering": ("span_head",),
}
TEXTS = ["the film is good", "I love you"]
TOLERANCE = 3e-6


def source(head):
    return folder(f"distilbert_{head}/huggingface")


def write(checkpoint, target, format):
    from kerasbert.checkpoints import write_checkpoint

    with quiet():
        write_checkpoint(without_folder(checkpoint), target, format)
    return read(target, strict=True)


@pytest.mark.parametrize("head", HEADS)
def test_it_reads_back_from_huggingface_under_the_names_of_transformers(head, tmp_path):
    checkpoint = read(source(head), strict=True)
    assert checkpoint.heads == HEADS[head]
    assert checkpoint.has_pooler == (head == "sequence_classification")
    assert_same_checkpoint(
        write(checkpoint, tmp_path / "out", "huggingface"), checkpoint
    )
    wanted = read_safetensors(source(head) / "model.safetensors").shapes
    assert read_safetensors(tmp_path / "out" / "model.safetensors").shapes == wanted
    theirs, ours = (
        json.loads((path / "config.json").read_text())
        for path in (source(head), tmp_path / "out")
    )
    same = theirs.keys() & ours.keys() - {"transformers_version", "dtype"}
    assert len(same) >= 13 and {k: theirs[k] for k in same} == {
        k: ours[k] for k in same
    }


@pytest.mark.parametrize("head", HEADS)
def test_keras_hub_holds_what_it_has_classes_for(head, tmp_path):
    checkpoint = read(source(head))
    found = write(checkpoint, tmp_path / "out", "keras_hub")
    texts = head == "sequence_classification"
    has_task = texts or "masked_lm_head" in checkpoint.heads
    assert found.heads == (checkpoint.heads if has_task else ())
    assert found.config == checkpoint.config and found.has_pooler == texts
    assert found.labels == (checkpoint.labels if texts else ())
    wanted = weights(checkpoint)
    for variable, array in weights(found).items():
        np.testing.assert_array_equal(array, wanted[variable], variable)


@pytest.mark.parametrize("name", ["masked_lm", "classifier"])
@pytest.mark.parametrize("format", ["huggingface", "keras_hub"])
def test_a_task_of_keras_hub_is_the_same_in_both(name, format, tmp_path):
    checkpoint = read(folder(f"keras_hub_distilbert_{name}/keras_hub"), strict=True)
    assert_same_checkpoint(write(checkpoint, tmp_path / "out", format), checkpoint)


def test_what_is_written_for_keras_hub_answers_there(tmp_path):
    keras_hub = pytest.importorskip("keras_hub")
    path = source("sequence_classification")
    with quiet():
        convert(path, tmp_path / "out", "keras_hub")
        theirs = keras_hub.models.TextClassifier.from_preset(
            str(tmp_path / "out"), preprocessor=None
        )
    assert type(theirs).__name__ == "DistilBertTextClassifier"
    batch = expected(path)
    scores = theirs({name: batch[name] for name in theirs.input})
    exponents = np.exp(batch["sequence_logits"])
    expected_scores = exponents / exponents.sum(-1, keepdims=True)
    np.testing.assert_allclose(scores, expected_scores, atol=TOLERANCE)


def test_a_container_that_has_no_distilbert_says_who_has(tmp_path):
    with pytest.raises(ValueError, match="google_tf1 has no DistilBERT.*keras_hub"):
        write(read(source("bare")), tmp_path / "out", "google_tf1")
    assert not (tmp_path / "out").exists()


def test_segments_have_no_effect():
    encoder = kerasbert.load_encoder(source("bare"))
    batch = {name: expected(source("bare"))[name] for name in INPUTS}
    other = {**batch, "segment_ids": batch["segment_ids"] * 0 + 1}
    for name, value in outputs(encoder, batch).items():
        np.testing.assert_array_equal(value, outputs(encoder, other)[name])
    with pytest.raises(ValueError, match="DistilBertEncoder, not BertEncoder"):
        kerasbert.BertEncoder.from_pretrained(source("bare"))


def test_it_is_inspected():
    found = inspect(source("sequence_classification"), strict=True)
    assert (found.heads, found.absent) == (
        ("classification_head",),
        ("masked_lm_head", "span_head"),
    )
    assert not [entry for entry in found.tensors if not entry.variable]


def test_a_classifier_predicts_trains_saves_and_is_exported(tmp_path):
    tf = pytest.importorskip("tensorflow")
    task = kerasbert.TextClassifier.from_pretrained(source("sequence_classification"))
    logits = task.model(task.tokenizer(TEXTS))["logits"].numpy()
    scores = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    predicted = task.predict(TEXTS)
    for row, answer in zip(scores, predicted, strict=True):
        np.testing.assert_allclose(list(answer["scores"].values()), row, atol=1e-6)
    task.save(tmp_path / "saved")
    assert kerasbert.load(tmp_path / "saved").predict(TEXTS) == predicted
    version = task.export(tmp_path / "served")
    served = tf.saved_model.load(str(version)).signatures["serving_default"]
    answer = served(text=tf.constant(TEXTS))
    found = [label.decode() for label in answer["label"].numpy()]
    assert found == [each["label"] for each in predicted]
    task.fit(TEXTS, ["good", "bad"], epochs=1, verbose=0)
    assert np.abs(task.model(task.tokenizer(TEXTS))["logits"] - logits).max() > 0


def test_pairs_a_tagger_an_answerer_and_a_filler_work():
    pytest.importorskip("tensorflow")
    tagger = kerasbert.TokenClassifier.from_pretrained(source("token_classification"))
    tagger.predict(TEXTS)
    answerer = kerasbert.QuestionAnswerer.from_pretrained(source("question_answering"))
    answerer.predict([("the film", "the film is good")])
    filler = kerasbert.MaskedLM.from_pretrained(source("masked_lm"))
    [filled] = filler.predict(["the [MASK] is good"])
    batch = filler.tokenizer(["the [MASK] is good"])
    batch = {name: value.numpy() for name, value in batch.items()}
    batch["masked_positions"] = np.int32([[2]])
    logits = filler.model(batch)["mlm_logits"][0, 0].numpy()
    best = filler.tokenizer.decode([int(logits.argmax())])
    assert best in str(filled)


def test_an_embedder_of_sentence_transformers_is_written_and_read_back(tmp_path):
    pytest.importorskip("tensorflow")
    path = folder("sentence_distilbert/sentence_transformers")
    embedder = kerasbert.TextEmbedder.from_pretrained(path)
    embedder.save(tmp_path / "saved")
    again = kerasbert.TextEmbedder.from_pretrained(tmp_path / "saved")
    np.testing.assert_array_equal(again.encode(TEXTS), embedder.encode(TEXTS))
    [tokens, _] = embedder.encode_tokens(TEXTS)
    assert tokens.vectors.shape == (len(tokens.tokens), 24)
