"""Conversion of classification targets to class indices.

A label is written by its name. A number is a name where the labels are numbers, as the
stars `["1", ..., "5"]` are, and else the index of a label. A boolean is a name where
the labels are such as `["no", "yes"]`, and else refused. A 0/1 matrix has a column a
label.
"""

import re

import numpy as np

from kerasbert.account import quoted
from kerasbert.tasks.examples import listed

_NUMERAL = re.compile(r"[+-]?\d+(\.\d+)?")
_YES_NO = {"true": True, "yes": True, "false": False, "no": False}


class LabelIndex:
    """Maps labels, in the forms users pass, to indices.

    Args:
        labels: The names of the labels.

    Example:
        >>> find = LabelIndex(["1", "2", "5"])
        >>> find("1"), find(5), find(2.0)
        (0, 2, 1)
        >>> LabelIndex(["no", "yes"])(1)
        1
    """

    def __init__(self, labels):
        self.labels = list(labels)
        self.by_name = {label: index for index, label in enumerate(self.labels)}
        self.by_value = {
            float(label): index
            for index, label in enumerate(self.labels)
            if _NUMERAL.fullmatch(label)
        }
        words = [_YES_NO.get(label.lower()) for label in self.labels]
        self.by_truth = {word: index for index, word in enumerate(words)}

    def __call__(self, label, position=None):
        """Returns the index of a label."""
        index = self.get(label)
        if index is None:
            raise ValueError(self._refusal(label, position))
        return index

    def get(self, label):
        """Returns the index of a label, or None."""
        if isinstance(label, np.generic | np.ndarray) and np.ndim(label) == 0:
            label = label.item()
        if isinstance(label, bytes):
            label = label.decode("utf-8", "replace")
        if isinstance(label, str):
            return self.by_name.get(label)
        if isinstance(label, bool):
            return self._of_truth(label)
        return self._of_number(label) if isinstance(label, int | float) else None

    def _of_truth(self, value):
        if {True, False} <= self.by_truth.keys():
            return self.by_truth[value]
        return self.by_value.get(float(value))

    def _of_number(self, value):
        if self.by_value:
            return self.by_value.get(float(value))
        is_index = 0 <= value < len(self.labels) and int(value) == value
        return int(value) if is_index else None

    def _refusal(self, label, position):
        shown = ", ".join(quoted(name, 40) for name in self.labels[:4])
        more = ", ..." if len(self.labels) > 4 else ""
        where = "" if position is None else f" at position {position}"
        remedy = "Name all labels when the task is made, or put the example right."
        if isinstance(label, bool | np.bool_):
            remedy = (
                "A boolean may be the index of a label, 1 for True, or say whether "
                "one of them applies: pass names, or int(target) for indices."
            )
        elif self.by_value and isinstance(label, int | float):
            remedy = (
                "These labels are numbers, so a number is a label's name here and not "
                "its index; for indices pass [task.labels[i] for i in targets]."
            )
        elif isinstance(label, str) and _NUMERAL.fullmatch(label.strip()):
            remedy = "For the index of a label pass a number, not text."
        elif isinstance(label, str) and label.strip() in self.by_name:
            remedy = "Strip the spaces."
        return (
            f"Expected a label among {shown}{more}, got {quoted(label, 60)}{where}. "
            f"{remedy}"
        )


def label_numbers(targets, labels, count):
    """Converts labels to class indices.

    Example:
        >>> label_numbers(["no", "yes", 1], ["no", "yes"], 3).tolist()
        [0, 1, 1]
    """
    found = label_targets(targets, labels, count)
    return found if found.ndim == 1 else found.argmax(axis=1).astype("int32")


def label_targets(targets, labels, count):
    """Converts targets to class indices, or keeps one-hot rows.

    Example:
        >>> label_targets([[0, 1], [1, 0]], ["no", "yes"], 2).tolist()
        [[0.0, 1.0], [1.0, 0.0]]
    """
    targets = _rows(targets, labels, count)
    if targets and all(map(_is_row, targets)):
        widths = {len(row) for row in targets}
        if widths == {1}:
            targets = [row[0] for row in targets]
        else:
            return _distributions(targets, labels)
    index = LabelIndex(labels)
    for position, target in enumerate(targets):
        if _is_row(target) or isinstance(target, dict | set):
            raise ValueError(
                f"Expected one label at position {position}, got {quoted(target, 80)}. "
                "For texts with several labels make the task with multi_label=True."
            )
    found = [index(target, position) for position, target in enumerate(targets)]
    return np.array(found, "int32")


def label_table(targets, labels, count):
    """Converts lists of labels to a multi-hot table.

    Example:
        >>> label_table([["old", "big"], []], ["big", "new", "old"], 2).tolist()
        [[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]]
        >>> label_table(np.array([[0, 1, 1]]), ["big", "new", "old"], 1).tolist()
        [[0.0, 1.0, 1.0]]
    """
    is_array = hasattr(targets, "shape") or hasattr(targets, "columns")
    targets = _rows(targets, labels, count)
    matrix = _matrix(targets, labels, is_array)
    if matrix is not None:
        return matrix
    index = LabelIndex(labels)
    table = np.zeros((count, len(labels)), "float32")  # [n, C]
    for position, target in enumerate(targets):
        if isinstance(target, dict):
            chosen = [name for name in target if _is_set(target[name], name, position)]
            for name in target:
                index(name, position)
        elif isinstance(target, str | bytes):
            chosen = [target]
        elif _is_row(target) or isinstance(target, set | frozenset):
            chosen = target
        else:
            raise ValueError(
                f"Expected a list of labels at position {position}, [] for none, got "
                f"{quoted(target, 60)}. For texts with one label each make the task "
                "with multi_label=False."
            )
        found = [index(name, position) for name in chosen]
        if len(set(found)) < len(found) and not isinstance(chosen[0], str):
            raise ValueError(
                f"Expected different labels, got {quoted(chosen, 80)} at position "
                f"{position}. A row of 0 and 1 has a place for each of {len(labels)}."
            )
        table[position, found] = 1
    return table


def checked_count(targets, count):
    """Converts targets to a list, checking their number."""
    targets = listed(targets)
    if len(targets) != count:
        raise ValueError(
            f"Expected a target for each of {count} examples, got {len(targets)}."
        )
    return targets


def _is_row(target):
    return isinstance(target, list | tuple) or np.ndim(target) == 1


def _rows(targets, labels, count):
    """Converts targets to a list; data frames to rows in label order."""
    if hasattr(targets, "columns") and hasattr(targets, "to_numpy"):
        names = [str(name) for name in targets.columns]
        if len(names) > 1 and sorted(names) != sorted(labels):
            raise ValueError(
                f"Expected columns named as the labels, {quoted(list(labels), 80)}, "
                f"got {quoted(names, 80)}."
            )
        targets = targets.to_numpy()
        if len(names) > 1:
            targets = targets[:, [names.index(label) for label in labels]]
    rows = checked_count(targets, count)
    return [row.numpy() if hasattr(row, "numpy") else row for row in rows]


def _distributions(rows, labels):
    """Converts rows of probabilities to a matrix."""
    table = _numeric(rows, len(labels))
    if table is None:
        raise ValueError(
            f"Expected one label an example, or rows of {len(labels)} numbers, one for "
            f"each label, got {quoted(list(rows[0]), 80)}. For texts with several "
            "labels make the task with multi_label=True."
        )
    wrong = (table < 0).any(axis=1) | (abs(table.sum(axis=1) - 1) > 1e-3)
    if wrong.any():
        position = int(np.argmax(wrong))
        raise ValueError(
            f"Expected one-hot rows, or probabilities that add to 1, got "
            f"{quoted(list(rows[position]), 80)} at position {position}. For texts "
            "with several labels, or none, make the task with multi_label=True."
        )
    return table


def _matrix(rows, labels, is_array):
    """Converts 0/1 rows to a matrix, else returns None.

    Lists of class numbers never name one twice, so that lists of 0 and 1 are a matrix
    as soon as one of them does.
    """
    count = len(labels)
    if count == 1 and rows and not any(map(_is_row, rows)):
        return _column(rows)
    table = _numeric(rows, count) if rows else None
    if table is None:
        widths = {len(row) for row in rows if _is_row(row)}
        if is_array and len(widths) == 1 and _numeric(rows, *widths) is not None:
            [width] = widths
            if np.isin(_numeric(rows, width), (0, 1)).all() or width > count:
                raise ValueError(
                    f"Expected a matrix of {count} columns, one for each label, got "
                    f"{width}."
                )
        return None
    if not ((0 <= table) & (table <= 1)).all():
        if is_array:
            raise ValueError(
                f"Expected 0 or 1 in a matrix with a column for each of {count} "
                f"labels, got {quoted(table.max())}. For the numbers of labels pass a "
                "list for each example."
            )
        return None
    both = not is_array and all(
        len(set(row)) == len(row) and set(row) <= set(range(count)) for row in rows
    )
    if both and all(isinstance(value, int) for row in rows for value in row):
        if not any(isinstance(value, bool) for row in rows for value in row):
            raise ValueError(
                f"Expected labels that can be read in one way, got {quoted(rows[0])} "
                f"at position 0: the numbers of labels, or a row of 0 and 1 with a "
                f"place for each of {quoted(list(labels), 60)}. Pass names, or for a "
                "matrix a numpy array."
            )
    return table


def _column(values):
    """Converts a 0/1 vector to a matrix of one column, else returns None."""
    table = _numeric([[value] for value in values], 1)
    return table if table is not None and np.isin(table, (0, 1)).all() else None


def _numeric(rows, width):
    """Converts numeric rows to a float32 matrix, else returns None."""
    if not all(_is_row(row) and len(row) == width for row in rows):
        return None
    try:
        table = np.array([list(row) for row in rows])
    except ValueError:
        return None
    if table.ndim != 2 or table.dtype.kind not in "biuf":
        return None
    table = table.astype("float32")
    return table if np.isfinite(table).all() else None


def _is_set(value, name, position):
    if value not in (0, 1):
        raise ValueError(
            f"Expected 0 or 1, or false or true, for {quoted(name, 40)} at position "
            f"{position}, got {quoted(value, 40)}."
        )
    return bool(value)
