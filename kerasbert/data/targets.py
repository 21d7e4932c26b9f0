"""Conversion of table cells to labels and scores."""

import json
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from kerasbert.account import quoted

YES = ("1", "1.0", "true", "yes")
NO = ("0", "0.0", "false", "no", "")


def one_label(cell: Any) -> str:
    """Converts a cell to a class name.

    Args:
        cell: A string, a number, a boolean, or a list of one of these.

    Returns:
        A string.

    Raises:
        ValueError: If the cell is empty or has several labels.

    Example:
        >>> one_label(" positive "), one_label(3), one_label(True), one_label(["new"])
        ('positive', '3', 'true', 'new')
    """
    if isinstance(cell, list) and len(cell) == 1:
        [cell] = cell
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, list) and len(cell) > 1:
        raise ValueError(
            f"expected one label, got {quoted(cell, 80)}. If a text may have several, "
            "use --multi-label"
        )
    if cell is None or isinstance(cell, list | dict):
        raise ValueError(f"expected one label, got {quoted(cell, 80)}")
    label = str(cell).strip()
    if not label:
        raise ValueError("expected a label, got an empty cell")
    return label


def several_labels(separator: str = ",") -> Callable[[Any], list[str]]:
    """Returns a function that converts a cell to a list of class names.

    Args:
        separator: Separator of names in strings.

    Returns:
        A function from a cell to a list of strings, which may be empty.

    Example:
        >>> read = several_labels(";")
        >>> read("old; big"), read(""), read(["a;b", 2])
        (['old', 'big'], [], ['a;b', '2'])
    """

    def labels(cell):
        if isinstance(cell, str) and cell.strip()[:1] == "[":
            cell = _listed(cell.strip())
        elif isinstance(cell, str):
            cell = [part for part in cell.split(separator) if part.strip()]
        elif not isinstance(cell, list):
            cell = [cell]
        return [one_label(part) for part in cell]

    return labels


def _listed(cell):
    """Parses a JSON list in a cell; Python's notation is rejected."""
    try:
        found = json.loads(cell)
    except ValueError:
        found = None
    if not isinstance(found, list):
        raise ValueError(
            f"expected labels, got {quoted(cell, 60)}, which looks like a Python list. "
            'Write ["a", "b"], or the names with a separator'
        )
    return found


def number(cell: Any) -> float:
    """Converts a cell to a finite float.

    Args:
        cell: A string or a number.

    Returns:
        A float.

    Raises:
        ValueError: If the cell is not a finite number.

    Example:
        >>> number("3.800")
        3.8
    """
    try:
        value = float(cell)
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        hint = ""
        if isinstance(cell, str) and re.fullmatch(r"\s*-?\d+,\d+\s*", cell):
            hint = ". Use a decimal point, not a comma"
        raise ValueError(f"expected a number, got {quoted(cell, 60)}{hint}")
    return value


def score_if_any(cell: Any) -> float:
    """Converts a cell to a float, for files whose score column is optional.

    Args:
        cell: A string or a number.

    Returns:
        A float.

    Raises:
        ValueError: If the cell is not a finite number.
    """
    return number(cell)


def is_set(cell):
    """Converts a one-hot cell (0/1, true/false, yes/no, empty) to a boolean."""
    word = "" if cell is None else str(cell).strip().lower()
    if word not in (*YES, *NO):
        raise ValueError(f"expected 0 or 1, got {quoted(cell, 60)}")
    return word in YES


def sorted_labels(targets: Iterable) -> list[str]:
    """Returns the distinct labels in order, numbers in numerical order.

    Args:
        targets: Labels, or lists of labels.

    Returns:
        A list of strings.

    Example:
        >>> sorted_labels(["10", "9", "-1"]), sorted_labels([["b"], ["c", "a"], []])
        (['-1', '9', '10'], ['a', 'b', 'c'])
    """
    names = set()
    for target in targets:
        names.update([target] if isinstance(target, str) else target)
    try:
        return sorted(names, key=lambda name: (number(name), name))
    except ValueError:
        return sorted(names)


def check_label(label: str, labels: Sequence[str], where: str) -> None:
    """Raises a `ValueError` if a label is not among the allowed ones.

    Args:
        label: The label or tag.
        labels: The allowed labels.
        where: Its position, for the message.

    Raises:
        ValueError: If the label is not allowed.
    """
    if label in labels:
        return
    shown = ", ".join(quoted(name, 40).strip("'") for name in labels[:8])
    shown += ", ..." if len(labels) > 8 else ""
    alike = [name for name in labels if spelled_alike(name) == spelled_alike(label)]
    hint = "List all labels with --labels, or correct it."
    if alike:
        hint = (
            f"It differs from {alike[0]!r} in spelling only: correct it, or add "
            f"{label}={alike[0]} to --labels."
        )
    raise ValueError(
        f"Expected a label among {shown}, got {quoted(label, 80)} in {where}. {hint}"
    )


def spelled_alike(label):
    """Normalizes a label, ignoring case, spaces and the notation of numbers.

    Example:
        >>> {spelled_alike(name) for name in ("Very good", "very_good", "very good ")}
        {'verygood'}
        >>> spelled_alike("1.0"), spelled_alike("1"), spelled_alike("+")
        ('1', '1', '+')
    """
    plain = re.sub(r"[\s_\-]+", "", unicodedata.normalize("NFKC", label).casefold())
    try:
        value = float(label)
        plain = f"{value:g}" if math.isfinite(value) and len(label) < 16 else plain
    except ValueError:
        pass
    return {"true": "1", "false": "0"}.get(plain, plain) or label
