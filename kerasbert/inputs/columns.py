"""Conversion of lists, arrays, tensors and table columns to Python lists.

Anything else, such as a table, a dictionary or a single string, raises a `TypeError`
that says what to pass instead. No library is imported: objects are recognized by their
methods.
"""

from collections.abc import Iterable, Mapping, Set
from typing import Any

from kerasbert.account import quoted

# Methods that convert arrays, tensors and table columns, in order of preference.
TO_LIST = ("to_pylist", "to_list", "tolist")


def listed(values: Any, what: str = "values") -> list:
    """Converts a column to a list of Python values.

    Args:
        values: A list or another iterable: an array, a tensor, a column of pandas,
            polars, pyarrow or `datasets`, a generator.
        what: What messages call the values, such as `"texts"`.

    Returns:
        A list.

    Raises:
        TypeError: If the values are a table, a dictionary, a set or a single value; the
            message says what to pass instead.

    Example:
        >>> import numpy
        >>> listed(numpy.array([["a", "b"]]))
        [['a', 'b']]
        >>> listed({"text": ["a", "b"]}, "texts")
        Traceback (most recent call last):
        TypeError: Expected a list of texts, got a dictionary with the keys 'text'. ...
    """
    refuse_other(values, what)
    if hasattr(values, "element_spec"):
        raise TypeError(
            f"Expected a list of {what}, got a {_kind(values)}. Pass fit and evaluate "
            "one tf.data.Dataset of (inputs, targets): "
            "tf.data.Dataset.zip((texts, labels))."
        )
    if isinstance(values, list):
        return list(values)
    for method in TO_LIST:
        if callable(getattr(values, method, None)) and not hasattr(values, "numpy"):
            return getattr(values, method)()
    if hasattr(values, "to_list"):  # a ragged tensor
        return values.to_list()
    if hasattr(values, "numpy"):  # a tensor, possibly one that requires gradients
        values = values.detach() if hasattr(values, "detach") else values
        return values.numpy().tolist()
    return list(values)


def stream(values: Any, what: str = "values") -> Iterable:
    """Converts a column to an iterable, without reading generators to their end.

    Args:
        values: See `listed`.
        what: What messages call the values, such as `"texts"`.

    Returns:
        An iterable; a list unless the values come from an iterator.

    Raises:
        TypeError: See `listed`.
    """
    refuse_other(values, what)
    is_iterator = hasattr(values, "__next__") or not hasattr(values, "__len__")
    lists = any(hasattr(values, method) for method in (*TO_LIST, "numpy"))
    return values if is_iterator and not lists else listed(values, what)


def refuse_other(values, what="values"):
    """Raises a `TypeError` if values are no column, see `listed`."""
    if isinstance(values, str | bytes | bytearray):
        one = "string" if isinstance(values, str) else "bytes"
        raise TypeError(
            f"Expected a list of {what}, got one {one}: {quoted(values, 60)}. Put it "
            "into a list."
        )
    if isinstance(values, Mapping):
        keys = [quoted(key, 40) for key in list(values)[:6]]
        remedy = "Pass a column"
        if {"question", "context"} <= set(values):
            remedy = "Put it into a list, or pass a column"
        if keys:
            remedy += f", for instance data[{keys[0]}]"
        raise TypeError(
            f"Expected a list of {what}, got a dictionary with the keys "
            f"{', '.join(keys) or '(none)'}. {remedy}."
        )
    if isinstance(values, Set) and not hasattr(values, "mapping"):
        raise TypeError(
            f"Expected a list of {what}, got a {type(values).__name__}, which has no "
            "order. Pass a list, for instance sorted(values)."
        )
    if (names := _column_names(values)) is not None:
        shown = [quoted(name, 40) for name in names[:6]]
        column = shown[0] if shown else "'text'"
        raise TypeError(
            f"Expected a list of {what}, got a table ({_kind(values)}) with the "
            f"columns {', '.join(shown) or '(none)'}. Pass one column, for instance "
            f"table[{column}]."
        )
    ways = ("__iter__", "__getitem__", "to_list", *TO_LIST)
    if not any(hasattr(values, way) for way in ways):
        raise TypeError(
            f"Expected a list of {what}, got {_kind(values)}: {quoted(values, 60)}."
        )
    if getattr(values, "shape", None) == ():
        raise TypeError(
            f"Expected a list of {what}, got a single value ({_kind(values)}): "
            f"{quoted(values, 60)}. Put it into a list."
        )
    if "PyDataset" in {kind.__name__ for kind in type(values).__mro__}:
        raise TypeError(
            f"Expected a list of {what}, got a {_kind(values)}, which yields batches. "
            "Pass lists, or a tf.data.Dataset."
        )


def is_missing(value: Any) -> bool:
    """Whether a value is None, NaN, or the missing value of pandas.

    Args:
        value: Any value.

    Example:
        >>> is_missing(float("nan")), is_missing("nan")
        (True, False)
    """
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and value != value


def _column_names(values):
    dtype = getattr(values, "dtype", None)
    if getattr(dtype, "names", None):
        return list(dtype.names)
    names = getattr(values, "column_names", None)
    if names is None:
        names = getattr(values, "columns", None)
    if names is None or isinstance(names, str) or callable(names):
        return None
    return list(names)


def _kind(values):
    kind = type(values)
    module = kind.__module__.split(".")[0]
    return kind.__name__ if module == "builtins" else f"{module}.{kind.__name__}"
