import numpy as np
import pytest
import tensorflow as tf

from kerasbert.tasks.examples import listed


class Column:
    """As of pandas."""

    def to_list(self):
        return [1.5, 2.5]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (("a", "b"), ["a", "b"]),
        ((text for text in "ab"), ["a", "b"]),
        (np.array(["a", "b"]), ["a", "b"]),
        (np.array([1, 2], "int64"), [1, 2]),
        (tf.constant(["a", "b"]), [b"a", b"b"]),
        (tf.constant([[1, 2]]), [[1, 2]]),
        (tf.ragged.constant([["a"], []]), [[b"a"], []]),
        (Column(), [1.5, 2.5]),
    ],
)
def test_values_are_listed_as_those_of_python(values, expected):
    found = listed(values)
    assert found == expected
    assert type(found[0]) is type(expected[0])
