"""A head that nobody trained is told, and labels in another order are mapped."""

import json
import shutil
import warnings

import numpy as np
import pytest

import kerasbert
from kerasbert.tasks.pretrained_task import NewHeadWarning
from tests.tasks.conftest import FIXTURES

TINY = FIXTURES / "bert_tiny" / "huggingface"
CLASSES = FIXTURES / "bert_sequence_classification" / "huggingface"
TAGS = FIXTURES / "bert_token_classification" / "huggingface"
TEXTS = ["good morning", "a bad day", "the film"]


def told_by(function):
    """What a function gives, and its warnings of new heads."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = function()
    return found, [str(w.message) for w in told if w.category is NewHeadWarning]


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (
            lambda: kerasbert.TextClassifier.from_pretrained(TINY, labels=["a", "b"]),
            "classification head",
        ),
        (lambda: kerasbert.TextRegressor.from_pretrained(TINY), "classification head"),
        (
            lambda: kerasbert.TokenClassifier.from_pretrained(TINY, labels=["O", "B"]),
            "classification head",
        ),
        (lambda: kerasbert.QuestionAnswerer.from_pretrained(TINY), "span head"),
    ],
)
def test_a_new_head_is_told_once_by_name(make, name):
    task, told = told_by(make)
    assert len(told) == 1 and f"The {name} is new and untrained" in told[0]
    inputs = [("who?", "a cat")] if task.kind == "answer" else ["a cat"]
    assert told_by(lambda: task.predict(inputs))[1] == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: kerasbert.TextClassifier.from_pretrained(CLASSES),
        lambda: kerasbert.TokenClassifier.from_pretrained(TAGS),
    ],
)
def test_a_published_head_is_not(make):
    assert told_by(make)[1] == []


def test_what_is_written_of_an_untrained_head_is_told_and_of_a_trained_one_not(
    tmp_path,
):
    def make():
        return kerasbert.TextClassifier.from_pretrained(TINY, labels=["a", "b"])

    task, _ = told_by(make)
    _, told = told_by(lambda: task.save(tmp_path / "new"))
    assert len(told) == 1 and "The folder that is saved gives random" in told[0]
    _, told = told_by(lambda: task.fit(TEXTS, ["a", "b", "a"], epochs=1, verbose=0))
    _, more = told_by(lambda: task.save(tmp_path / "trained"))
    assert told == more == []


def test_labels_in_another_order_are_mapped():
    own = kerasbert.TextClassifier.from_pretrained(CLASSES)
    labels = ["good", "bad", "so-so"]
    other, told = told_by(
        lambda: kerasbert.TextClassifier.from_pretrained(CLASSES, labels=labels)
    )
    assert told == [] and other.labels == labels
    for mine, theirs in zip(other.predict(TEXTS), own.predict(TEXTS), strict=True):
        assert list(mine["scores"]) == labels and mine["label"] == theirs["label"]
        assert mine["scores"] == pytest.approx(theirs["scores"], abs=1e-6)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (["bad", "good"], "['so-so'] is not wanted"),
        (["bad", "so-so", "good", "best"], "has no ['best']"),
        (["Bad", "So-so", "Good"], "upper and lower case alone"),
    ],
)
def test_other_labels_make_a_new_head_and_the_difference_is_told(labels, words):
    _, told = told_by(
        lambda: kerasbert.TextClassifier.from_pretrained(CLASSES, labels=labels)
    )
    assert len(told) == 1 and words in told[0]


def without_names(target):
    shutil.copytree(CLASSES, target)
    config = json.loads((target / "config.json").read_text())
    del config["id2label"], config["label2id"]
    (target / "config.json").write_text(json.dumps(config))
    return target


def test_classes_without_names_are_called_by_the_labels_and_that_is_told(tmp_path):
    folder = without_names(tmp_path / "m")
    own = kerasbert.TextClassifier.from_pretrained(folder)
    assert own.labels == ["LABEL_0", "LABEL_1", "LABEL_2"]
    with pytest.warns(UserWarning, match="LABEL_0 'x', LABEL_1 'y', LABEL_2 'z'"):
        named = kerasbert.TextClassifier.from_pretrained(folder, labels=["x", "y", "z"])
    scores = [[*answer["scores"].values()] for answer in own.predict(TEXTS)]
    found = [[*answer["scores"].values()] for answer in named.predict(TEXTS)]
    np.testing.assert_array_equal(found, scores)
    numbers = kerasbert.TextClassifier.from_pretrained(folder, labels=["2", "0", "1"])
    found = [[*answer["scores"].values()] for answer in numbers.predict(TEXTS)]
    np.testing.assert_allclose(found, np.array(scores)[:, [2, 0, 1]], atol=1e-6)


def test_what_an_export_takes_is_set_by_training_and_not_by_a_test():
    task = kerasbert.TextClassifier.from_pretrained(TINY, labels=["a", "b"])
    pairs = [("a", "b"), ("c", "d")]
    task.features(pairs, ["a", "b"])
    task.evaluate(pairs, ["a", "b"])
    assert not task.pairs
    task.dataset(pairs, ["a", "b"])
    assert task.pairs
    task.fit(TEXTS[:2], ["a", "b"], epochs=1, verbose=0)
    assert not task.pairs
