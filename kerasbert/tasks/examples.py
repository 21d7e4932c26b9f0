"""Validation and splitting of examples."""

import itertools
import math
import pathlib
import sys

import numpy as np

import kerasbert
from kerasbert.account import quoted
from kerasbert.inputs import is_dataset, is_missing, read_inputs, stream
from kerasbert.inputs import listed as listed
from kerasbert.inputs.columns import refuse_other

PACKAGE = str(pathlib.Path(kerasbert.__file__).parent)


def refuse_first(wrong, values, wanted, remedy=""):
    """Raises an error that names the first invalid value."""
    if wrong.any():
        position = int(np.argmax(wrong))
        raise ValueError(
            f"Expected {wanted} at position {position}, got {values[position]}.{remedy}"
        )


def split_off(part, inputs, targets, sample_weight):
    """Splits examples into training and validation examples, the last ones.

    Example:
        >>> split_off(0.25, ["a", "b", "c", "d"], [0, 1, 0, 1], None)
        ((['a', 'b', 'c'], [0, 1, 0], None), (['d'], [1], None))
    """
    count = math.floor(len(inputs) * (1 - part)) if 0 < part < 1 else 0
    if not count:
        raise ValueError(
            "Expected validation_split above 0 and below 1, with examples on both "
            f"sides, got {part} of {len(inputs)} examples."
        )
    columns = (inputs, None if targets is None else listed(targets), sample_weight)
    return tuple(
        tuple(None if column is None else column[side] for column in columns)
        for side in (slice(None, count), slice(count, None))
    )


def list_of_texts(texts, words=False):
    """Converts an iterable to a list of texts."""
    if is_dataset(texts):
        return list(read_inputs(texts, words))
    return listed(texts, "texts")


def are_pairs(texts):
    """Whether texts are pairs."""
    return are_groups(texts, _is_pair, "a pair of strings")


def are_groups(inputs, is_group, group):
    """Whether inputs are groups of strings, such as pairs."""
    groups = len(inputs) > 0 and not isinstance(inputs[0], str | bytes)
    for position, value in enumerate(inputs):
        if not (is_group(value) if groups else isinstance(value, str | bytes)):
            wanted = group if groups else "a string"
            like = ", like those before it" if position else " (or a string)"
            remedy = " Leave rows without a text out." if is_missing(value) else ""
            raise TypeError(
                f"Expected {wanted} at position {position}{like}, got "
                f"{type(value).__name__}: {str(value)[:60]!r}.{remedy}"
            )
    return groups


def _is_pair(value):
    return (
        isinstance(value, tuple | list)
        and len(value) == 2
        and all(isinstance(text, str | bytes) for text in value)
    )


def chunks_of_strings(texts, size):
    """Yields lists of strings of a given size."""
    texts = iter(texts)
    while chunk := list(itertools.islice(texts, size)):
        yield chunk


def stream_of_strings(texts):
    """Validates strings: lists at once, iterators lazily."""
    if isinstance(texts, str | bytes):
        return [texts]
    if is_dataset(texts):
        return _checked_strings(read_inputs(texts))
    texts = stream(texts, "texts")
    checked = _checked_strings(texts)
    return list(checked) if isinstance(texts, list) else checked


def _checked_strings(texts):
    for position, text in enumerate(texts):
        if not isinstance(text, str | bytes):
            remedy = " Leave rows without a text out." if is_missing(text) else ""
            raise TypeError(
                f"Expected strings, got {type(text).__name__} at position "
                f"{position}: {quoted(text, 60)}.{remedy}"
            )
        yield text


def callers_stacklevel():
    """Returns the `stacklevel` of the first frame outside of kerasbert."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGE):
        level, frame = level + 1, frame.f_back
    return level


def validation_examples(task, data):
    """Converts the `validation_data` of a task's `fit` to examples."""
    if is_dataset(data):
        return task.examples(data)
    if not isinstance(data, tuple | list) or not 1 <= len(data) <= 3:
        refuse_other(data, "validation data")
        raise TypeError(
            "Expected validation_data=(inputs, targets), maybe with weights, or a "
            f"tf.data.Dataset, got {quoted(data, 80)}."
        )
    examples = task.examples(*data)
    if not examples[0]:
        raise ValueError("Expected examples in validation_data, got none.")
    return examples
