import collections

import numpy as np
import pytest

from kerasbert.inputs import is_missing, listed, stream


class Table:
    """As of pandas, polars, pyarrow and `datasets`."""

    def __init__(self, **columns):
        self.__dict__.update(columns)

    def __iter__(self):
        return iter(("text", "label"))


class Series:
    """A column of a table."""

    def to_list(self):
        return ["a", "b"]

    def __iter__(self):
        raise AssertionError("to_list is faster")


@pytest.mark.parametrize(
    "values",
    [
        ["a", "b"],
        ("a", "b"),
        (text for text in "ab"),
        {"a": 1, "b": 2}.keys(),
        np.array(["a", "b"]),
        np.array(["a", "b"], object),
        Series(),
        collections.deque("ab"),
    ],
)
def test_a_column_of_any_kind_is_a_list(values):
    assert listed(values) == ["a", "b"]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ("a text", "got one string: 'a text'. Put it into a list"),
        (b"a text", "got one bytes: b'a text'"),
        (None, "got NoneType: None"),
        (3, "got int: 3"),
        ({"text": ["a"]}, r"a dictionary with the keys 'text'. .* data\['text'\]"),
        ({"a", "b"}, "a set, which has no order"),
        (np.array("a"), "a single value"),
        (np.zeros(2, [("text", "U1"), ("label", int)]), r"columns 'text', 'label'"),
        (Table(columns=["text", "label"]), r"columns 'text', 'label'.*table\['text'\]"),
        (
            Table(column_names=["text"]),
            r"table \(tests.Table\) with the columns 'text'",
        ),
    ],
)
def test_what_is_no_column_is_refused_with_what_to_give(values, told):
    for read in (listed, stream):
        with pytest.raises(TypeError, match=told):
            read(values, "texts")


def test_a_generator_stays_one_in_a_stream():
    def texts():
        yield "a"
        raise AssertionError("read too early")

    assert next(iter(stream(texts()))) == "a"
    assert stream(("a", "b")) == ["a", "b"]


def test_what_stands_for_no_value_is_known():
    class NAType:
        def __eq__(self, other):
            raise TypeError("boolean value of NA is ambiguous")

    assert all(map(is_missing, (None, float("nan"), np.float64("nan"), NAType())))
    assert not any(map(is_missing, ("nan", 0, "", 1.5)))
