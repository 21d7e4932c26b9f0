"""Conversion of `tf.data.Dataset`s of texts, targets and weights to lists.

Elements are those of Keras: inputs, `(inputs, targets)` or `(inputs, targets,
weights)`. Inputs are a string tensor, or a tuple or dictionary of them for pairs; the
rank of the tensors tells whether elements are batches.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from kerasbert.inputs.columns import listed

INFINITE, UNKNOWN = -1, -2  # cardinalities of a dataset
MOST_ELEMENTS = 10_000_000  # of a dataset of unknown cardinality

# Names of the texts of a group in public datasets, in their order.
GROUPS = (
    *(("question", "context"), ("sentence1", "sentence2"), ("text_a", "text_b")),
    *(("sentence_1", "sentence_2"), ("sentence_A", "sentence_B"), ("text1", "text2")),
    *(("text", "text_pair"), ("premise", "hypothesis"), ("question1", "question2")),
    *(("question", "sentence"), ("question", "answer"), ("query", "answer")),
    *(("query", "passage"), ("query", "document"), ("first", "second")),
    *(("anchor", "positive"), ("anchor", "positive", "negative")),
)


class Examples(NamedTuple):
    """Examples as lists.

    Args:
        inputs: A list of texts, or of groups of texts.
        targets: A list of as many targets, or None.
        weights: A list of as many weights, or None.
    """

    inputs: list
    targets: list | None
    weights: list | None


def is_dataset(values: Any) -> bool:
    """Whether values are a `tf.data.Dataset`.

    Args:
        values: Any value.
    """
    return hasattr(values, "element_spec") and hasattr(values, "as_numpy_iterator")


def read_examples(dataset: Any, words: bool = False, groups: bool = False) -> Examples:
    """Reads all examples of a dataset into memory.

    Args:
        dataset: A finite `tf.data.Dataset`.
        words: Whether an input is a list of words.
        groups: Whether a tuple of strings is a group of texts, rather than a text and
            its target.

    Returns:
        `Examples`.

    Raises:
        TypeError: If the elements have another structure; the message says what to
            pass.
        ValueError: If the dataset is infinite or empty.
    """
    spec = dataset.element_spec
    parts = spec if isinstance(spec, tuple) else (spec,)
    texts = [_is_string(part) for part in parts]
    if groups and len(parts) > 1 and all(texts):
        parts, spec = (spec,), None  # a group of texts without targets
    elif groups and texts[:2] == [True, True]:
        raise TypeError(
            f"Expected ((text, text), score) in a tf.data.Dataset, got {_shown(parts)}."
            " Put the texts into a tuple of their own with map."
        )
    if len(parts) > 3:
        raise TypeError(
            "Expected (inputs, targets) or (inputs, targets, weights) in a "
            f"tf.data.Dataset, got {_shown(parts)}. Put the texts of a pair into a "
            "tuple of their own: ds.map(lambda a, b, y: ((a, b), y))."
        )
    layout = _layout(parts[0], words, has_targets=len(parts) > 1)
    columns = [[] for _ in parts]
    for element in _elements(dataset):
        whole = isinstance(element, tuple) and spec is not None
        values = element if whole else (element,)
        rows = layout.rows(values[0])
        columns[0] += rows
        for column, value in zip(columns[1:], values[1:], strict=True):
            found = _targets(value) if layout.batched else [_targets(value)]
            if isinstance(found, dict):
                found = _unzipped(found)
            if len(found) != len(rows):
                raise ValueError(
                    f"Expected {len(rows)} targets and weights for {len(rows)} inputs "
                    f"in a batch of the tf.data.Dataset, got {len(found)}."
                )
            column += found
    if not columns[0]:
        raise ValueError("Expected examples in the tf.data.Dataset, got none.")
    return Examples(*columns, *[None] * (3 - len(columns)))


def read_inputs(dataset: Any, words: bool = False) -> Iterator:
    """Iterates over the inputs of a dataset, ignoring targets.

    Args:
        dataset: A finite `tf.data.Dataset`.
        words: Whether an input is a list of words.

    Returns:
        An iterator over texts as bytes, or groups of texts.

    Raises:
        TypeError: If the elements have another structure, or may be pairs as well as
            texts with labels; the message says what to pass.
        ValueError: If the dataset is infinite.
    """
    spec = dataset.element_spec
    parts = spec if isinstance(spec, tuple) else (spec,)
    if len(parts) > 1 and _is_string(parts[1]) and _is_string(parts[0]):
        raise TypeError(
            f"Expected inputs in a tf.data.Dataset, got {_shown(parts)}, which may be "
            "pairs, or texts and their labels. Say which: of pairs, "
            "ds.map(lambda a, b: ((a, b),)); of labels, ds.map(lambda text, *_: text)."
        )
    layout = _layout(parts[0], words, has_targets=len(parts) > 1)

    def rows():
        for element in _elements(dataset):
            yield from layout.rows(element[0] if isinstance(spec, tuple) else element)

    return rows()


class _Layout(NamedTuple):
    """The structure of the inputs of an element."""

    names: tuple | None  # of a dictionary
    batched: bool
    single: bool  # a dictionary of one text

    def rows(self, inputs):
        if self.names is not None:
            inputs = tuple(inputs[name] for name in self.names)
            inputs = inputs[0] if self.single else inputs
        if isinstance(inputs, tuple | list):
            columns = [self._column(part) for part in inputs]
            return list(zip(*columns, strict=True))
        return self._column(inputs)

    def _column(self, tensor):
        values = _values(tensor)
        values = values if self.batched else [values]
        if any(isinstance(value, list) and b"" in value[-1:] for value in values):
            raise TypeError(
                "Expected words without padding in a tf.data.Dataset, got a list that "
                "ends in an empty string. Use ragged_batch instead of padded_batch."
            )
        return values


def _layout(spec, words, has_targets):
    names = None
    tensors = [spec]
    if isinstance(spec, Mapping):
        names = _names(spec)
        tensors = [spec[name] for name in names]
    elif isinstance(spec, tuple | list):
        tensors = list(spec)
    if not all(_is_string(tensor) for tensor in tensors):
        raise TypeError(
            f"Expected string tensors in a tf.data.Dataset, got {_shown((spec,))}. "
            "Pass texts, not token ids."
        )
    ranks = {tensor.shape.rank for tensor in tensors}
    least = 1 if words else 0
    if words and ranks == {1} and not has_targets:
        raise TypeError(
            "Expected texts or lists of words in a tf.data.Dataset, got strings "
            f"{_shown((spec,))}, which may be a batch of texts or the words of one. "
            "Say which: of texts, ds.unbatch(); of words, ds.ragged_batch(32)."
        )
    if words and ranks == {0}:
        return _Layout(names, False, names is not None and len(names) == 1)
    if len(ranks) > 1 or not ranks <= {least, least + 1}:
        raise TypeError(
            f"Expected {'lists of words' if words else 'texts'}, or batches of them, in"
            f" a tf.data.Dataset, got {_shown((spec,))}."
        )
    batched = ranks == {least + 1}
    return _Layout(names, batched, names is not None and len(names) == 1)


def _names(spec):
    if len(spec) == 1:
        return tuple(spec)
    for names in GROUPS:
        if set(names) == set(spec):
            return names
    raise TypeError(
        "Expected the texts of a pair in a tf.data.Dataset, in a tuple or under names "
        f"such as sentence1 and sentence2, got a dictionary with {_shown((spec,))}. "
        "Name the texts and their order: ds.map(lambda row: ((row['a'], row['b']), "
        "row['label']))."
    )


def _elements(dataset):
    count = int(dataset.cardinality())
    if count == INFINITE:
        raise ValueError(
            "Expected a finite tf.data.Dataset, got an infinite one. All examples are "
            "read into memory once, and `epochs` repeats them: omit repeat(), or limit "
            "the dataset: ds.take(1000)."
        )
    if count != UNKNOWN:
        return iter(dataset)
    return _bounded(dataset)


def _bounded(dataset):
    for number, element in enumerate(dataset):
        if number == MOST_ELEMENTS:
            raise ValueError(
                f"Expected at most {MOST_ELEMENTS} elements of a tf.data.Dataset of "
                "unknown cardinality. Is it infinite? Set the cardinality: "
                "ds.apply(tf.data.experimental.assert_cardinality(n))."
            )
        yield element


def _is_string(spec):
    if isinstance(spec, Mapping):
        return all(map(_is_string, spec.values()))
    if isinstance(spec, tuple | list):
        return all(map(_is_string, spec))
    return getattr(getattr(spec, "dtype", None), "name", None) == "string"


def _shown(parts):
    def shown(spec):
        if isinstance(spec, Mapping):
            return ", ".join(f"{k!r}: {shown(v)}" for k, v in list(spec.items())[:6])
        if isinstance(spec, tuple | list):
            return f"({', '.join(map(shown, spec))})"
        dtype = getattr(getattr(spec, "dtype", None), "name", type(spec).__name__)
        return f"{dtype}{list(spec.shape) if hasattr(spec, 'shape') else ''}"

    text = ", ".join(map(shown, parts[:6]))
    return f"({text})" if len(parts) > 1 else text


def _values(tensor):
    """Converts a tensor to a list or a Python scalar."""
    if getattr(tensor, "shape", None) == () and hasattr(tensor, "numpy"):
        value = tensor.numpy()
        return value.item() if hasattr(value, "item") else value
    return listed(tensor)


def _targets(value):
    if isinstance(value, Mapping):
        return {name: _targets(part) for name, part in value.items()}
    if isinstance(value, tuple | list):
        return [_targets(part) for part in value]
    return _decoded(_values(value))


def _decoded(value):
    if isinstance(value, list):
        return [_decoded(part) for part in value]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _unzipped(columns):
    """Converts a dictionary of columns to a list of dictionaries."""
    return [
        dict(zip(columns, row, strict=True))
        for row in zip(*columns.values(), strict=True)
    ]
