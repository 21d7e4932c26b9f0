"""Per-example loss weights."""

import collections

import numpy as np

from kerasbert.account import quoted
from kerasbert.inputs import listed
from kerasbert.tasks.examples import refuse_first
from kerasbert.tasks.labels import LabelIndex, label_numbers


def example_weights(targets, labels, class_weight, weights=None):
    """Combines class weights and example weights.

    Example:
        >>> example_weights(["a", "b", "b", "b"], ["a", "b"], "balanced").tolist()
        [2.0, 0.6666666865348816, 0.6666666865348816, 0.6666666865348816]
        >>> example_weights(["a", "b"], ["a", "b"], {"b": 3}).tolist()
        [1.0, 3.0]
    """
    targets = listed(targets)
    rows = [target for target in targets if isinstance(target, list | tuple)]
    if any(isinstance(name, str) for row in rows for name in row):
        raise ValueError(
            "Expected one label an example with class weights, got several. Weigh the "
            "examples instead."
        )
    targets = label_numbers(targets, labels, len(targets)).tolist()
    if class_weight == "balanced":
        counts = collections.Counter(targets)
        by_number = {
            number: len(targets) / (len(counts) * count)
            for number, count in counts.items()
        }
    else:
        by_number = _checked(class_weight, labels)
    found = np.array([by_number.get(target, 1.0) for target in targets], "float32")
    return found if weights is None else found * np.asarray(weights, "float32")


def checked_weights(sample_weight, count):
    """Validates example weights.

    Example:
        >>> checked_weights([1, 0.5], count=2).tolist()
        [1.0, 0.5]
    """
    if sample_weight is None:
        return None
    weights = np.asarray(listed(sample_weight, "weights"), "float32")
    if weights.shape != (count,):
        raise ValueError(
            f"Expected sample_weight to have a number for each of {count} examples, "
            f"got the shape {weights.shape}."
        )
    wrong = ~(np.isfinite(weights) & (weights >= 0))
    refuse_first(wrong, weights, "a finite weight of 0 or more")
    return weights


def _checked(class_weight, labels):
    find = LabelIndex(labels)
    by_number = {}
    for label, weight in class_weight.items():
        try:
            number = find(label)
        except ValueError:
            raise ValueError(
                f"Expected class weights for labels among {', '.join(labels)}, got "
                f"{quoted(label)}."
            ) from None
        if not 0 <= float(weight) < np.inf:
            raise ValueError(
                f"Expected the weight of {label!r} to be 0 or more, got {weight}."
            )
        by_number[number] = float(weight)
    return by_number
