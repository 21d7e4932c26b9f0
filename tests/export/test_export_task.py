import numpy as np
import pytest
import tensorflow as tf

import kerasbert
from tests.export.served import FIXTURES

TEXTS = ["good morning", "", "你好 world", "a b c d e f g"]
PAIRS = [(text, "a second text") for text in TEXTS]


def classifier(**options):
    source = FIXTURES / "bert_sequence_classification" / "huggingface"
    return kerasbert.TextClassifier.from_pretrained(source, **options)


def answers_of(version, **inputs):
    model = tf.saved_model.load(str(version))
    inputs = {name: tf.constant(texts) for name, texts in inputs.items()}
    outputs = model.signatures["serving_default"](**inputs)
    return {name: tensor.numpy() for name, tensor in outputs.items()}


def scores_of(answers):
    return [list(answer["scores"].values()) for answer in answers]


def test_a_classifier_gives_labels_and_scores(tmp_path):
    task = classifier()
    found = answers_of(task.export(tmp_path / "model"), text=TEXTS)
    expected = task.predict(TEXTS)
    np.testing.assert_allclose(found["scores"], scores_of(expected), atol=1e-6)
    np.testing.assert_allclose(
        found["score"], [answer["score"] for answer in expected], atol=1e-6
    )
    assert [x.decode() for x in found["label"]] == [a["label"] for a in expected]
    assert [x.decode() for x in found["labels"][0]] == task.labels
    lengths = [len(ids) for ids in task.tokenizer.encode(TEXTS)]
    assert found["token_count"].tolist() == lengths
    card = (tmp_path / "model" / "1" / "README.md").read_text()
    assert "`serving_default`" in card
    assert "| servers | TF Serving 2.12.1 and later |" in card


def test_a_classifier_of_pairs_takes_pairs(tmp_path):
    task = classifier(pairs=True)
    first, second = zip(*PAIRS, strict=True)
    found = answers_of(task.export(tmp_path / "m"), text=first, pair=second)
    np.testing.assert_allclose(
        found["scores"], scores_of(task.predict(PAIRS)), atol=1e-6
    )


def test_several_labels_are_those_above_the_threshold(tmp_path):
    task = classifier(multi_label=True, threshold=0.5)
    found = answers_of(task.export(tmp_path / "m"), text=TEXTS)
    for labels, answer in zip(found["labels"], task.predict(TEXTS), strict=True):
        assert [x.decode() for x in labels if x] == answer["labels"]


def test_low_rank_updates_are_in_the_export(tmp_path):
    task = classifier()
    task.encoder.enable_lora(rank=2)
    for variable in task.encoder.weights:
        if "lora" in variable.path:
            variable.assign(np.random.default_rng(0).normal(size=variable.shape))
    expected = scores_of(task.predict(TEXTS))
    assert np.abs(np.subtract(expected, scores_of(classifier().predict(TEXTS)))).max()
    for precision, tolerance in (("float32", 1e-6), ("bfloat16", 0.02)):
        version = task.export(tmp_path / precision, precision=precision)
        found = answers_of(version, text=TEXTS)
        np.testing.assert_allclose(found["scores"], expected, atol=tolerance)


def test_a_length_and_a_precision_that_there_are_not(tmp_path):
    with pytest.raises(ValueError, match="Expected a precision"):
        classifier().export(tmp_path / "m", precision="int3")
    with pytest.raises(ValueError, match="max_length from 3"):
        classifier().export(tmp_path / "m", max_length=9999)
    assert not (tmp_path / "m").exists()
