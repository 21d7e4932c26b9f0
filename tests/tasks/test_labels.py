"""Targets in the forms that people have mean what their world means by them."""

import numpy as np
import pytest
import tensorflow as tf

from kerasbert.tasks.labels import label_numbers, label_table, label_targets
from kerasbert.tasks.sample_weights import example_weights
from kerasbert.tasks.scores import checked_scores

STARS = ["1", "2", "3", "4", "5"]
TWO = ["neg", "pos"]
THREE = ["toxic", "insult", "threat"]


class Frame:
    """As much of a data frame as is asked of one."""

    def __init__(self, columns, values):
        self.columns, self.values = columns, np.array(values)

    def to_numpy(self):
        return self.values

    def __len__(self):
        return len(self.values)


@pytest.mark.parametrize(
    ("targets", "labels", "wanted"),
    [
        (np.array([1, 2, 5]), STARS, [0, 1, 4]),
        (np.array([1.0, 5.0]), STARS, [0, 4]),
        (np.array([0, 4]), ["0", "4"], [0, 1]),
        ([1, "neg", 0], TWO, [1, 0, 0]),
        ([b"pos", "neg"], TWO, [1, 0]),
        (tf.constant(["pos", "neg"]), TWO, [1, 0]),
        ([True, False], ["yes", "no"], [0, 1]),
        (np.array([True, False]), ["False", "True"], [1, 0]),
        ([True, False], ["0", "1"], [1, 0]),
        (np.array([[1], [0]]), TWO, [1, 0]),
        ([["pos"], ["neg"]], TWO, [1, 0]),
    ],
)
def test_one_label_an_example(targets, labels, wanted):
    found = label_targets(targets, labels, len(wanted))
    assert found.tolist() == wanted and found.dtype == np.int32


@pytest.mark.parametrize("make", [np.array, tf.constant, lambda rows: rows])
def test_one_hot_rows_stay_rows(make):
    rows = [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
    assert label_targets(make(rows), THREE, 2).tolist() == rows
    assert label_numbers(make(rows), THREE, 2).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("targets", "labels", "message"),
    [
        ([1, 0], STARS, "got 0 at position 1. These labels are numbers.*indices"),
        ([1, 2], ["0", "1", "more"], "got 2 at position 1. These labels are numbers"),
        ([1, float("nan")], TWO, "got nan at position 1"),
        ([1.5], TWO, "got 1.5"),
        (["1"], TWO, "For the index of a label pass a number"),
        ([" pos"], TWO, "Strip the spaces"),
        ([None], TWO, "got None"),
        ([True], THREE, "got True"),
        (np.array([True, False]), TWO, r"got True at .* index .* int\(target\)"),
        ([["neg", "pos"], ["pos", "neg"]], TWO, "multi_label=True"),
        ([[1, 1, 0]], THREE, "one-hot rows.*multi_label=True"),
        ([[0, 0, 0]], THREE, "one-hot rows"),
        (np.eye(2), THREE, "rows of 3 numbers"),
        ([{"neg": 1}], TWO, "one label at position 0"),
        ([10**400], TWO, "at position 0"),
    ],
)
def test_what_is_no_label_or_may_be_two_is_refused(targets, labels, message):
    with pytest.raises(ValueError, match=message) as error:
        label_targets(targets, labels, len(targets))
    assert len(str(error.value)) < 400


@pytest.mark.parametrize(
    ("targets", "labels", "wanted"),
    [
        (np.array([[0, 0, 1], [1, 1, 1], [0, 0, 0]]), THREE, "001 111 000"),
        ([[0, 0, 1], [1, 1, 0]], THREE, "001 110"),
        (np.array([[False, True, False]]), THREE, "010"),
        ([[0.0, 1.0], [1.0, 0.0]], TWO, "01 10"),
        (np.array([[0, 1], [1, 0]]), TWO, "01 10"),
        ([[0, 2], [1]], THREE, "101 010"),
        (np.array([[0, 2], [1, 2]]), THREE, "101 011"),
        (tf.ragged.constant([[0], [1, 2]]), THREE, "100 011"),
        (["toxic", ["insult", "threat"], []], THREE, "100 011 000"),
        ([{"toxic": 1, "insult": 0}, {}], THREE, "100 000"),
        ([{"toxic"}, set()], THREE, "100 000"),
        ([[1, 2], [5]], STARS, "11000 00001"),
        (np.array([0, 1]), ["toxic"], "0 1"),
        (
            Frame(["threat", "toxic", "insult"], [[0, 1, 0], [1, 0, 0]]),
            THREE,
            "100 001",
        ),
    ],
)
def test_several_labels_an_example(targets, labels, wanted):
    rows = [[float(digit) for digit in row] for row in wanted.split()]
    assert label_table(targets, labels, len(rows)).tolist() == rows


@pytest.mark.parametrize(
    ("targets", "labels", "message"),
    [
        ([[0, 1], [1, 0]], TWO, "read in one way.*numbers of labels, or a row of 0"),
        (np.array([[0, 1], [1, 0]]), THREE, "a matrix of 3 columns.*got 2"),
        (np.array([[0, 1, 2]]), THREE, "Expected 0 or 1"),
        (np.array([0, 1, 1]), THREE, "a list of labels at position 0"),
        ([None], THREE, r"\[\] for none, got None"),
        ([{"toxic": 1, "x": 0}], THREE, "got 'x' at position 0"),
        ([{"toxic": "no"}], THREE, "Expected 0 or 1"),
        ([[1, 1]], THREE, "different labels"),
        (Frame(["a", "b"], [[0, 1]]), TWO, "columns named as the labels"),
    ],
)
def test_tables_that_may_mean_two_things_are_refused(targets, labels, message):
    with pytest.raises(ValueError, match=message):
        label_table(targets, labels, len(targets))


def test_class_weights_name_labels_as_targets_do():
    weights = example_weights(np.array([1, 5]), STARS, {5: 3.0})
    assert weights.tolist() == [1.0, 3.0]
    assert example_weights(np.eye(2), TWO, {0: 2.0}).tolist() == [2.0, 1.0]


def test_scores_may_be_text_or_a_column():
    assert checked_scores(["1.5", "2"], 2).tolist() == [1.5, 2.0]
    assert checked_scores(np.array([[1.5], [2.0]]), 2).tolist() == [1.5, 2.0]
