"""Losses and metrics of classifiers: the values, and what Keras offers besides."""

import json

import keras
import numpy as np
import pytest

import kerasbert
from kerasbert.metrics.classification import class_report, label_report
from kerasbert.tasks.class_losses import ClassCrossentropy
from kerasbert.tasks.text_classification.label_metrics import default_metrics
from tests.tasks.conftest import FIXTURES

TINY = FIXTURES / "bert_tiny" / "huggingface"
CASES = json.loads((FIXTURES / "class_metrics.json").read_text())
TEXTS = ["good morning", "a bad day", "good good day", "the film"] * 2
LABELS = ["pos", "neg", "pos", "neg"] * 2
NUMBERS = [1, 0, 1, 0] * 2
NAMES = ("accuracy", "f1", "f1_micro", "matthews", "balanced_accuracy")


class Classes:
    multi_label = False

    def __init__(self, count):
        self.labels = [str(number) for number in range(count)]


@pytest.fixture(scope="module")
def model():
    return kerasbert.TextClassifier.from_pretrained(TINY, labels=["neg", "pos"])


def fresh(model, **options):
    return kerasbert.TextClassifier(model.model, model.tokenizer, **options)


# scikit-learn's, of classes that are absent, never predicted, or predicted alone.
@pytest.mark.parametrize("number", range(len(CASES)))
def test_metrics_of_classes_are_those_of_scikit_learn(number):
    case = CASES[number]
    task = Classes(case["count"])
    report = class_report(case["expected"], case["predicted"], task.labels)
    for name in NAMES:
        assert report[name] == pytest.approx(case[name], abs=1e-12), name
    assert report["confusion_matrix"] == case["confusion_matrix"]
    classes = [[*scores.values()] for scores in report["classes"].values()]
    np.testing.assert_allclose(classes, case["classes"], atol=1e-12)
    logits = np.eye(case["count"], dtype="float32")[case["predicted"]]
    for metric in default_metrics(task):
        for part in (slice(None, 7), slice(7, None)):
            if len(logits[part]):
                metric.update_state(np.array(case["expected"])[part], logits[part])
        label = metric.name.removeprefix("f1_")
        wanted = case.get(metric.name)
        if wanted is None:
            wanted = report["classes"][label]["f1"]
        assert float(metric.result()) == pytest.approx(wanted, abs=1e-6), metric.name


def test_several_labels_are_reported_by_label():
    expected = np.array([[1, 0], [1, 1], [0, 0]]) > 0
    found = np.array([[1, 1], [0, 1], [0, 0]]) > 0
    report = label_report(expected, found, ["old", "big"])
    assert report["classes"]["old"] == {
        **{"precision": 1.0, "recall": 0.5, "f1": 2 / 3, "support": 2}
    }
    assert report["accuracy"] == pytest.approx(4 / 6)
    assert report["f1"] == pytest.approx(4 / 6)


def test_evaluate_and_fit_have_them_under_their_names(model):
    task = fresh(model)
    found = task.evaluate(TEXTS, LABELS)
    report = task.report(TEXTS, LABELS)
    assert {*NAMES, "loss", "f1_neg", "f1_pos"} == found.keys()
    for name in NAMES:
        assert found[name] == pytest.approx(report[name], abs=1e-6)
    assert found["f1_pos"] == pytest.approx(report["classes"]["pos"]["f1"], abs=1e-6)
    assert task.evaluate(TEXTS, keras.utils.to_categorical(NUMBERS)) == found


@pytest.mark.parametrize("form", ["numbers", "one_hot"])
def test_losses_and_metrics_of_keras_get_what_they_need(model, form):
    targets = NUMBERS if form == "numbers" else keras.utils.to_categorical(NUMBERS)
    task = fresh(model)
    smoothing = 0.1
    task.compile(
        "sgd",
        keras.losses.CategoricalCrossentropy(True, label_smoothing=smoothing),
        [
            keras.metrics.F1Score(average="macro", name="keras_f1"),
            keras.metrics.AUC(name="auc"),
            keras.metrics.SparseCategoricalAccuracy(name="sparse"),
            keras.metrics.CategoricalAccuracy(name="categorical"),
            "matthews",
        ],
    )
    found = task.evaluate(TEXTS, targets)
    report = task.report(TEXTS, targets)
    scores = np.array([[*a["scores"].values()] for a in task.predict(TEXTS)])
    table = np.eye(2)[NUMBERS] * (1 - smoothing) + smoothing / 2
    assert found["loss"] == pytest.approx(-np.mean((table * np.log(scores)).sum(1)))
    f1 = [row["f1"] for row in report["classes"].values()]
    assert found["keras_f1"] == pytest.approx(np.mean(f1), abs=1e-6)
    assert found["sparse"] == found["categorical"] == pytest.approx(report["accuracy"])
    assert found["matthews"] == pytest.approx(report["matthews"], abs=1e-6)
    again = fresh(model)
    again.compile("sgd", label_smoothing=smoothing)
    assert again.evaluate(TEXTS, targets)["loss"] == pytest.approx(found["loss"])


def test_the_default_loss_takes_indices_rows_and_smoothing():
    logits = np.random.default_rng(0).normal(size=(3, 4, 5)).astype("float32")
    indices = np.array([[0, 1, -1, 2], [4, 4, 0, -1], [3, -1, -1, 1]])
    wanted = keras.losses.SparseCategoricalCrossentropy(True, ignore_class=-1)
    assert float(ClassCrossentropy(ignore_class=-1)(indices, logits)) == float(
        wanted(indices, logits)
    )
    smoothed = keras.losses.CategoricalCrossentropy(True, label_smoothing=0.2)
    kept = indices >= 0
    found = ClassCrossentropy(0.2, ignore_class=-1)(indices, logits)
    rows = np.eye(5)[indices[kept]]
    assert float(found) == pytest.approx(float(smoothed(rows, logits[kept])), rel=1e-6)
    assert float(ClassCrossentropy(0.2)(rows, logits[kept])) == pytest.approx(
        float(found), rel=1e-6
    )
    again = ClassCrossentropy.from_config(ClassCrossentropy(0.2, 3).get_config())
    assert (again.label_smoothing, again.ignore_class) == (0.2, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "sparse_categorical_crossentropy"}, r"Sparse.*\(from_logits=True\)"),
        ({"loss": keras.losses.CategoricalCrossentropy()}, "without from_logits=True"),
        ({"loss": "mse"}, "Expected a loss object"),
        ({"metrics": ["f2"]}, "accuracy, f1, f1_micro.*got 'f2'"),
        ({"metrics": [keras.metrics.F1Score()]}, "one number.*average=None"),
        ({"metrics": [keras.metrics.MeanIoU(2)]}, "a metric of classes, got MeanIoU"),
        ({"label_smoothing": 1.0}, "label_smoothing from 0 up to below 1"),
        ({"label_smoothing": 0.1, "loss": ClassCrossentropy()}, "or a loss, got both"),
    ],
)
def test_what_would_train_or_measure_nothing_is_refused_at_once(
    model, options, message
):
    with pytest.raises(ValueError, match=message):
        fresh(model).compile(**options)


def test_several_labels_refuse_losses_of_one(model):
    task = fresh(model, multi_label=True)
    with pytest.raises(ValueError, match="BinaryCrossentropy"):
        task.compile(loss=keras.losses.SparseCategoricalCrossentropy(True))
    task.compile("sgd", metrics=[keras.metrics.BinaryAccuracy(name="binary"), "f1"])
    targets = np.array([[0, 1], [1, 1]] * 4)
    found = task.evaluate(TEXTS, targets)
    report = task.report(TEXTS, targets)
    assert found["binary"] == pytest.approx(report["accuracy"])
    assert found["f1"] == pytest.approx(report["f1"], abs=1e-6)
