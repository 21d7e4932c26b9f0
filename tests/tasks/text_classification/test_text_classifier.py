import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasbert
from kerasbert.tasks.pretrained_task import NewHeadWarning
from tests.tasks.conftest import FIXTURES

TINY = FIXTURES / "bert_tiny" / "huggingface"
TRAINED = FIXTURES / "bert_sequence_classification" / "huggingface"
TEXTS = ["good morning", "a bad day", "", "good good day", "你好 bad"] * 4
LABELS = ["good", "bad", "bad", "good", "bad"] * 4


@pytest.fixture
def classifier():
    keras.utils.set_random_seed(0)
    return kerasbert.TextClassifier.from_pretrained(TINY, labels=["good", "bad"])


def softmax(logits):
    exponents = np.exp(logits - logits.max(-1, keepdims=True))
    return exponents / exponents.sum(-1, keepdims=True)


def test_a_published_classifier_gives_its_own_labels_and_scores():
    classifier = kerasbert.TextClassifier.from_pretrained(TRAINED)
    texts = ["good morning", "a longer text of other words", ""]
    inputs = classifier.tokenizer(texts)
    expected = softmax(np.asarray(classifier.model(inputs)["logits"]))
    answers = classifier.predict(texts)
    for answer, scores in zip(answers, expected, strict=True):
        assert list(answer["scores"]) == classifier.labels
        np.testing.assert_allclose(list(answer["scores"].values()), scores, atol=1e-6)
        assert answer["label"] == classifier.labels[scores.argmax()]
        assert answer["score"] == answer["scores"][answer["label"]]


def test_pairs_are_two_segments(classifier):
    pairs = [("good morning", "a bad day"), ("", "x")]
    inputs = classifier.tokenizer([a for a, _ in pairs], [b for _, b in pairs])
    expected = softmax(np.asarray(classifier.model(inputs)["logits"]))
    scores = [list(answer["scores"].values()) for answer in classifier.predict(pairs)]
    np.testing.assert_allclose(scores, expected, atol=1e-6)


def test_it_learns_what_it_is_shown(classifier):
    classifier.compile(kerasbert.Recipe(learning_rate=1e-2))
    before = classifier.evaluate(TEXTS, LABELS)
    history = classifier.fit(
        TEXTS,
        LABELS,
        epochs=8,
        batch_size=4,
        validation_data=(TEXTS, LABELS),
        verbose=0,
    )
    after = classifier.evaluate(TEXTS, LABELS)
    assert after["accuracy"] == 1.0 and after["loss"] < before["loss"] / 2
    assert history.history["val_accuracy"][-1] == after["accuracy"]
    assert [a["label"] for a in classifier.predict(TEXTS)] == LABELS


@pytest.mark.slow
def test_several_labels_or_none():
    keras.utils.set_random_seed(0)
    classifier = kerasbert.TextClassifier.from_pretrained(
        TINY, labels=["old", "big"], multi_label=True
    )
    targets = [["old", "big"], [], ["big"], ["old", "big"], []] * 4
    classifier.compile(kerasbert.Recipe(learning_rate=3e-3))
    classifier.fit(TEXTS, targets, epochs=40, batch_size=4, verbose=0)
    assert [a["labels"] for a in classifier.predict(TEXTS)] == targets


def test_several_labels_are_measured_by_f1_at_the_threshold():
    keras.utils.set_random_seed(0)
    labels = ["old", "big", "red"]
    classifier = kerasbert.TextClassifier.from_pretrained(
        TINY, labels=labels, multi_label=True
    )
    red = sorted(answer["scores"]["red"] for answer in classifier.predict(TEXTS[:5]))
    classifier.threshold = (red[2] + red[3]) / 2
    targets = [["old", "big"], [], ["big"], ["red"], ["red", "old"]] * 4
    found = classifier.evaluate(TEXTS, targets, batch_size=3)
    given = [set(answer["labels"]) for answer in classifier.predict(TEXTS)]
    right = {name: 0 for name in labels}
    all_of = {name: 0 for name in labels}  # given, and wanted
    alike = 0
    for some, others in zip(given, map(set, targets), strict=True):
        for name in labels:
            right[name] += name in some & others
            all_of[name] += (name in some) + (name in others)
            alike += (name in some) == (name in others)
    each = [2 * right[name] / all_of[name] for name in labels]
    assert 0 < sum(right.values()) < sum(map(len, targets))
    micro = 2 * sum(right.values()) / sum(all_of.values())
    assert found["f1"] == pytest.approx(micro, abs=1e-6)
    assert found["f1_macro"] == pytest.approx(sum(each) / 3, abs=1e-6)
    assert found["accuracy"] == pytest.approx(alike / 60, abs=1e-6)


@pytest.mark.slow
def test_keras_says_what_is_tested_and_how_much_examples_count(classifier):
    def fit(texts, labels, **options):
        keras.utils.set_random_seed(0)
        fresh = kerasbert.TextClassifier.from_pretrained(TINY, labels=["good", "bad"])
        fresh.compile(kerasbert.Recipe(1e-3))
        return fresh.fit(texts, labels, epochs=1, verbose=0, **options).history

    weights = np.linspace(0, 1, 20)
    split = fit(TEXTS, LABELS, sample_weight=weights, validation_split=0.25)
    first, last = slice(None, 15), slice(15, None)
    assert split == fit(
        TEXTS[first],
        LABELS[first],
        sample_weight=weights[first],
        validation_data=(TEXTS[last], LABELS[last], weights[last]),
    )
    numbers = [["good", "bad"].index(label) for label in LABELS]
    arrays = np.array(TEXTS), tf.constant(numbers)
    assert split == fit(*arrays, sample_weight=weights, validation_split=0.25)
    assert fit(tf.constant(TEXTS), LABELS) == fit(TEXTS, LABELS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sample_weight": [1, 2]}, "each of 20 examples, got the shape .2,"),
        ({"sample_weight": [1] * 19 + [-1]}, "at position 19, got -1"),
        ({"sample_weight": [1] * 19 + [np.nan]}, "at position 19, got nan"),
        ({"validation_split": 1.0}, "validation_split above 0 and below 1"),
        ({"validation_split": 0.99}, "got 0.99 of 20 examples"),
        ({"validation_split": 0.5, "validation_data": (["a"], ["bad"])}, "or valid"),
        ({"batch_size": 0}, "batch_size to be 1 or more, got 0"),
        ({"epochs": 1.5}, "epochs to be 1 or more, got 1.5"),
        ({"steps_per_epoch": 3}, "steps_per_epoch. is not supported"),
        ({"initial_epoch": 1}, "initial_epoch. is not supported: .*checkpoints"),
        ({"shuffle": False}, "shuffle. is not supported: .*seed"),
    ],
)
def test_options_of_fit_that_cannot_be_are_refused(classifier, options, message):
    with pytest.raises(ValueError, match=message):
        classifier.fit(TEXTS, LABELS, **options)


def test_a_threshold_that_gives_all_or_none_is_refused():
    with pytest.raises(ValueError, match="between 0 and 1, got 0"):
        kerasbert.TextClassifier.from_pretrained(
            TINY, labels=["old"], multi_label=True, threshold=0
        )


@pytest.mark.slow
def test_the_dataset_is_for_a_plain_keras_fit(classifier):
    dataset = classifier.dataset(TEXTS, LABELS, batch_size=8)
    assert len(dataset) == 3
    classifier.compile("adam")
    report = classifier.model.fit(dataset, epochs=1, shuffle=False, verbose=0)
    assert np.isfinite(report.history["loss"]).all()


def test_it_comes_back_from_its_folder(classifier, tmp_path):
    classifier.max_length = 16
    classifier.save(tmp_path / "model")
    loaded = kerasbert.load(tmp_path / "model")
    assert isinstance(loaded, kerasbert.TextClassifier)
    assert (loaded.labels, loaded.max_length) == (["good", "bad"], 16)
    assert loaded.predict(TEXTS[:5]) == classifier.predict(TEXTS[:5])
    with pytest.raises(FileExistsError, match="overwrite"):
        classifier.save(tmp_path / "model")


def test_a_head_of_other_classes_is_replaced_and_one_without_names_is_named():
    other = kerasbert.TextClassifier.from_pretrained(TRAINED, labels=["x", "y"])
    assert other.labels == ["x", "y"] and len(other.predict(["a"])[0]["scores"]) == 2
    own = kerasbert.TextClassifier.from_pretrained(TRAINED)
    same = kerasbert.TextClassifier.from_pretrained(TRAINED, labels=own.labels)
    assert same.predict(["good"]) == own.predict(["good"])


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (2, TypeError, "a list of names of classes, got 2"),
        ("good", TypeError, "got 'good'"),
        ([], ValueError, "different names"),
        (["a", "a"], ValueError, "different names"),
        (["a", ""], ValueError, "different names"),
        ({"a", "b"}, TypeError, r"in the order of their numbers, got .*sorted"),
        ({0: "a", 1: "b"}, TypeError, "in the order of their numbers"),
    ],
)
def test_names_of_classes_that_are_none_are_refused(labels, error, message):
    with pytest.raises(error, match=message):
        kerasbert.TextClassifier.from_pretrained(TINY, labels=labels)


def test_no_texts_give_no_answers(classifier):
    assert classifier.predict([]) == []


@pytest.mark.parametrize(
    ("texts", "labels", "message"),
    [
        (["a", "b"], ["good"], "a target for each of 2 examples, got 1"),
        (["a"], ["ugly"], "label among 'good', 'bad', got 'ugly' at position 0"),
        (["a"], [2], "got 2 at position 0"),
        ([], [], "training examples, got none"),
    ],
)
def test_examples_that_do_not_fit_are_named(classifier, texts, labels, message):
    with pytest.raises(ValueError, match=message):
        classifier.fit(texts, labels, verbose=0)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("a text", "a list of texts, got one string"),
        (["a", None], "a string at position 1"),
        ([("a", "b"), "c"], "a pair of strings at position 1"),
        ([("a", "b", "c")], "a pair of strings at position 0"),
    ],
)
def test_what_is_no_text_is_named(classifier, texts, message):
    with pytest.raises(TypeError, match=message):
        classifier.predict(texts)


def test_nobody_names_the_classes():
    with pytest.raises(ValueError, match="Expected labels"):
        kerasbert.TextClassifier.from_pretrained(TINY)
    with pytest.raises(ValueError, match="different names"):
        kerasbert.TextClassifier.from_pretrained(TINY, labels=["a", "a"])


def test_a_single_class_is_nothing_to_learn():
    alone = kerasbert.TextClassifier.from_pretrained(TINY, labels=["good"])
    with pytest.raises(ValueError, match="two labels or more, got 'good' alone"):
        alone.fit(["a", "b"], ["good", "good"], verbose=0)


def test_a_text_that_is_cut_is_reported(classifier):
    with pytest.warns(UserWarning, match="1 of the texts had more than 64 tokens"):
        classifier.predict(["word " * 100, "short"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"task": "guess"}, "Expected a task among"),
        ({"task": "classify", "options": {"colour": 1}}, "do not fit its task"),
        ([], "Expected a task among"),
    ],
)
def test_a_broken_description_is_named(classifier, tmp_path, content, message):
    classifier.save(tmp_path / "model")
    (tmp_path / "model" / "kerasbert.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=message):
        kerasbert.load(tmp_path / "model")


def test_a_folder_without_a_task_is_none():
    with pytest.raises(ValueError, match="Expected kerasbert.json"):
        kerasbert.load(TINY)


def test_a_new_pooler_is_told_with_the_new_head():  # any other warning is an error
    source = FIXTURES / "bert_token_classification" / "huggingface"
    with pytest.warns(NewHeadWarning, match="head and the pooler are new"):
        task = kerasbert.TextClassifier.from_pretrained(source, labels=["a", "b"])
    assert task.encoder.pooler is not None
