"""From a kind of task to the reader of its files."""

import contextlib
import dataclasses

from kerasbert.cli.reading import column_of
from kerasbert.data import (
    check_label,
    holds_words,
    number,
    one_label,
    open_examples,
    open_words,
    read_columns,
    read_examples,
    read_squad,
    read_tagged,
    read_tagged_json,
    several_labels,
    sorted_labels,
)

__all__ = [
    *("READERS", "Data", "checked_labels", "found_labels", "open_inputs", "read_data"),
]


@dataclasses.dataclass(frozen=True)
class Data:
    """Examples as a task takes them.

    Args:
        name: The file.
        inputs: The inputs of the examples.
        targets: What should come out of each; None where the task needs none.
        weights: How much each counts; None: all alike.
        lines: The line of each; None where an example has several.
    """

    name: str
    inputs: list
    targets: list | None = None
    weights: list | None = None
    lines: list | None = None

    def __len__(self):
        return len(self.inputs)


def read_data(kind, file, reading, pairs=None):
    """Reads a file of examples whose answers are known.

    Args:
        kind: The kind of the task.
        file: The file.
        reading: The `Reading`.
        pairs: Whether texts are pairs; None: as the file says.

    Returns:
        `Data`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it does not hold such examples; the message says where.
    """
    return READERS[kind](file, reading, pairs)


def found_labels(kind, data):
    """The labels that occur in data, sorted; None for a task that has none.

    Args:
        kind: The kind of the task.
        data: The `Data`.

    Raises:
        ValueError: If they are tags that no scheme has together; it names the file.
    """
    if kind == "tag":
        from kerasbert.tasks import labels_of

        try:
            return labels_of(data.targets)
        except ValueError as error:
            raise ValueError(f"In {data.name}: {error}") from None
    return sorted_labels(data.targets) if kind == "classify" else None


def checked_labels(data, labels):
    """Refuses data with labels that a task does not have.

    Args:
        data: The `Data` of texts.
        labels: The names of the labels.

    Raises:
        ValueError: If there is another; the message names the file and the line.
    """
    for line, target in zip(data.lines, data.targets, strict=True):
        for label in [target] if isinstance(target, str) else target:
            check_label(label, labels, f"line {line} of {data.name}")


@contextlib.contextmanager
def open_inputs(task, file, reading):
    """Opens a file of inputs whose answers are wanted.

    Args:
        task: The task.
        file: The file; `"-"`: standard input.
        reading: The `Reading`.

    Yields:
        An iterator of the inputs, as the task takes them, each after a dictionary that
        shows it.
    """
    if task.kind == "answer" and str(file).lower().endswith(".json"):
        found = read_squad(file, answers=False)
        rows = zip(found.ids, found.inputs, strict=True)
        yield (({"id": name, **_shown(task, pair)}, pair) for name, pair in rows)
        return
    if task.kind == "tag" and holds_words(file, task.labels, reading.format):
        word = column_of(reading.text_column or 1)
        options = (reading.format, word, reading.word_prefix, reading.characters)
        with open_words(file, *options) as texts:
            yield (({"tokens": words}, words) for words in texts)
        return
    pairs = task.kind == "answer" or getattr(task, "pairs", False)
    columns = dataclasses.replace(reading.columns, label=None, weight=None)
    options = {"form": reading.format, "header": reading.header, "pairs": pairs}
    with open_examples(file, columns, **options) as (_, rows):
        yield ((_shown(task, row.input), row.input) for row in rows)


def _shown(task, one):
    if isinstance(one, str):
        return {"text": one}
    names = ("question", "context") if task.kind == "answer" else ("text", "pair")
    return dict(zip(names, one, strict=True))


def _labelled(file, reading, pairs):
    several = reading.multi_label
    target = several_labels(reading.label_separator) if several else one_label
    data = _table(file, reading, target, pairs)
    if not isinstance(reading.labels, dict):
        return data
    names = {str(said): str(name) for said, name in reading.labels.items()}

    def renamed(label):
        return names.get(label, label)

    targets = [
        list(map(renamed, target)) if several else renamed(target)
        for target in data.targets
    ]
    return dataclasses.replace(data, targets=targets)


def _scored(file, reading, pairs):
    return _table(file, reading, number, pairs)


def _alike(file, reading, pairs):
    """Pairs of texts: with scores where a column of them is named, else alike."""
    target = None if reading.label_column is None else number
    return _table(file, reading, target, True)


def _texts(file, reading, pairs):
    """Texts to learn from; empty ones, as between documents, are left out."""
    found = _table(file, reading, None, bool(pairs))
    inputs = [text for text in found.inputs if isinstance(text, tuple) or text.strip()]
    if not inputs:
        raise ValueError(f"Expected texts in {file}, but all of its lines are empty.")
    return Data(found.name, inputs)


def _table(file, reading, target, pairs):
    found = read_examples(
        *(file, reading.columns, target, reading.format, reading.header, pairs)
    )
    return Data(found.name, found.inputs, found.targets, found.weights, found.lines)


def _tagged(file, reading, pairs):
    tags = reading.label_names
    if reading.format == "jsonl":
        return Data(str(file), *read_tagged_json(file, tags))
    options = {
        "prefix": reading.word_prefix,
        "characters": reading.characters,
        "tags": tags,
    }
    columns = {"word": reading.text_column or 1, "tag": reading.label_column}
    for name, column in columns.items():
        if isinstance(column, list):
            [column] = column
        options[name] = column_of(column)
    if reading.format is None:
        return Data(str(file), *read_tagged(file, **options))
    separator = {"csv": ",", "tsv": "\t"}.get(reading.format)
    return Data(str(file), *read_columns(file, separator=separator, **options))


def _questions(file, reading, pairs):
    found = read_squad(file)
    if found.targets is None:
        raise ValueError(f"Expected answers in {file}, got questions alone.")
    return Data(str(file), found.inputs, found.targets)


READERS = {
    "classify": _labelled,
    "regress": _scored,
    "tag": _tagged,
    "answer": _questions,
    "embed": _alike,
    "fill": _texts,
}
