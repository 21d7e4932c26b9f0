import numpy as np
import pytest

from kerasbert.tasks.sample_weights import example_weights

LABELS = ["no", "yes", "maybe"]


def test_balanced_classes_count_alike_and_examples_one_in_the_mean():
    targets = ["no"] * 6 + ["yes"] * 2
    weights = example_weights(targets, LABELS, "balanced")
    assert weights[:6].sum() == pytest.approx(weights[6:].sum())
    assert weights.mean() == pytest.approx(1)


def test_weights_multiply_those_of_the_examples_and_numbers_name_classes():
    weights = example_weights(["no", 1], LABELS, {"yes": 3}, [2, 2])
    np.testing.assert_array_equal(weights, [2, 6])
    assert weights.dtype == np.float32


@pytest.mark.parametrize(
    ("targets", "class_weight", "message"),
    [
        ([["no"]], "balanced", "one label an example"),
        (["no"], {"never": 1}, "among no, yes, maybe, got 'never'"),
        (["no"], {"no": -1}, "'no' to be 0 or more"),
    ],
)
def test_weights_that_are_none_are_refused(targets, class_weight, message):
    with pytest.raises(ValueError, match=message):
        example_weights(targets, LABELS, class_weight)
