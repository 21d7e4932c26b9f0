"""What is told of examples, and which are taken, before the first step."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasbert
from tests.tasks.conftest import FIXTURES

SOURCE = FIXTURES / "bert_tiny/huggingface"
TEXTS = ["the good day", "a bad film", "the river", "a book"]
OTHERS = ["good", "bad", "water", "page"]
PAIRS = list(zip(TEXTS, OTHERS, strict=True))
ANSWER = {"text": ["good"], "answer_start": [4]}
WORDS = [text.split() for text in TEXTS]
TAGS = [["O"] * (len(words) - 1) + ["B-X"] for words in WORDS]
LABELS = {"TextClassifier": ["a", "b"], "TokenClassifier": ["O", "B-X"]}

# The inputs and targets of each task.
EXAMPLES = {
    "TextClassifier": (TEXTS, ["a", "b", "a", "b"]),
    "TextRegressor": (TEXTS, [0.0, 1.0, 2.0, 3.0]),
    "TextEmbedder": (PAIRS, [0.0, 1.0, 2.0, 3.0]),
    "TokenClassifier": (WORDS, TAGS),
    "QuestionAnswerer": ([("Which?", TEXTS[0])] * 2, [ANSWER] * 2),
    "MaskedLM": (TEXTS, None),
}


def made(name, **options):
    if name in LABELS:
        options["labels"] = LABELS[name]
    return getattr(kerasbert, name).from_pretrained(SOURCE, **options)


class NoStep(keras.callbacks.Callback):
    def on_train_batch_begin(self, batch, logs=None):
        raise AssertionError("a step")


@pytest.mark.parametrize(
    ("name", "inputs", "targets"),
    [
        ("TextClassifier", TEXTS, ["a"] * 4),
        ("TextRegressor", TEXTS, [2.0] * 4),
        ("TextEmbedder", PAIRS, [2.0] * 4),
        ("TokenClassifier", WORDS, [["O"] * len(words) for words in WORDS]),
    ],
)
def test_targets_that_are_all_the_same_are_warned_of(name, inputs, targets):
    task = made(name)
    with (
        pytest.warns(UserWarning, match="All 4 training examples have the same"),
        pytest.raises(AssertionError, match="a step"),
    ):
        task.fit(inputs, targets, callbacks=[NoStep()], verbose=0)


@pytest.mark.parametrize("name", ["TextClassifier", "TextRegressor", "TextEmbedder"])
def test_texts_that_are_cut_are_counted_before_the_first_step(name):
    task = made(name, max_length=5)
    inputs, targets = EXAMPLES[name]
    inputs = [*inputs[:-1], inputs[0]]
    cut = ["a bad film of the river"]
    inputs[1] = (cut[0], "good") if isinstance(inputs[1], tuple) else cut[0]
    with (
        pytest.warns(UserWarning, match="1 of the texts had more than 5 tokens"),
        pytest.raises(AssertionError, match="a step"),
    ):
        task.fit(inputs, targets, callbacks=[NoStep()], verbose=0)


def as_dataset(name, inputs, targets):
    """A `tf.data.Dataset` of what `fit` takes."""
    if name in ("TokenClassifier", "TextEmbedder", "TextRegressor", "TextClassifier"):
        if name == "TokenClassifier":
            inputs, targets = tf.ragged.constant(inputs), tf.ragged.constant(targets)
        elif isinstance(inputs[0], tuple):
            inputs = tuple(map(list, zip(*inputs, strict=True)))
        return tf.data.Dataset.from_tensor_slices((inputs, targets))
    if name == "MaskedLM":
        return tf.data.Dataset.from_tensor_slices(inputs)
    questions, contexts = map(list, zip(*inputs, strict=True))
    columns = {key: [target[key] for target in targets] for key in targets[0]}
    return tf.data.Dataset.from_tensor_slices(((questions, contexts), columns))


def batches(dataset):
    return [keras.tree.map_structure(np.asarray, batch) for batch in dataset]


def assert_same(one, two):
    one, two = (keras.tree.flatten(batches(each)) for each in (one, two))
    assert len(one) == len(two) > 0
    for first, second in zip(one, two, strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_dataset_is_made_of_what_fit_takes(name):
    task = made(name)
    inputs, targets = EXAMPLES[name]
    options = {"batch_size": 2, "shuffle": False}
    expected = task.dataset(inputs, targets, **options)
    assert_same(task.dataset(as_dataset(name, inputs, targets), **options), expected)
    columns = (tuple(inputs), None if targets is None else tuple(targets))
    assert_same(task.dataset(*columns, **options), expected)
    with pytest.raises(ValueError, match="Expected training examples, got none"):
        task.dataset([], None if targets is None else [])


@pytest.mark.parametrize("name", ["TextClassifier", "TextRegressor"])
def test_a_dataset_of_pairs_and_weights_is_what_is_learnt_from(name):
    task = made(name)
    _, targets = EXAMPLES[name]
    weights = [1.0, 2.0, 3.0, 4.0]
    columns = (TEXTS, OTHERS)
    dataset = tf.data.Dataset.from_tensor_slices((columns, targets, weights))
    options = {"batch_size": 2, "shuffle": False}
    found = task.dataset(dataset, **options)
    assert task.pairs
    assert_same(found, task.dataset(PAIRS, targets, sample_weight=weights, **options))
    task.compile(run_eagerly=True)
    task.pairs = False
    task.fit(dataset, epochs=1, verbose=0)
    assert task.pairs
