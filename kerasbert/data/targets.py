"""From the cell of a table to what a model should make of a text."""

import json
import math
import re
import unicodedata

from kerasbert.account import quoted

YES = ("1", "1.0", "true", "yes")
NO = ("0", "0.0", "false", "no", "")


def one_label(cell):
    """The name of a class.

    Args:
        cell: A string, or a number or truth value of JSON, or a list of one of them.

    Raises:
        ValueError: If the cell is empty or no name.

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
            "say --multi-label"
        )
    if cell is None or isinstance(cell, list | dict):
        raise ValueError(f"expected one label, got {quoted(cell, 80)}")
    label = str(cell).strip()
    if not label:
        raise ValueError("expected a label, got an empty cell")
    return label


def several_labels(separator=","):
    """A function to the names of the classes of a text, of which there may be none.

    Args:
        separator: What stands between names in a string; JSON has lists.

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
    """The names of a list of JSON in a cell; that of Python is not one."""
    try:
        found = json.loads(cell)
    except ValueError:
        found = None
    if not isinstance(found, list):
        raise ValueError(
            f"expected labels, got {quoted(cell, 60)}, which looks like a list of "
            'Python. Write ["a", "b"], or the names with a separator between them'
        )
    return found


def number(cell):
    """A number.

    Args:
        cell: A string or a number.

    Raises:
        ValueError: If it is none, or not finite.

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
            hint = ". A decimal point is wanted, not a comma"
        raise ValueError(f"expected a number, got {quoted(cell, 60)}{hint}")
    return value


def score_if_any(cell):
    """A number, as `number`: for files in which a column of scores may be missing.

    Args:
        cell: A string or a number.

    Raises:
        ValueError: If it is none, or not finite.
    """
    return number(cell)


def is_set(cell):
    """Whether a column that is named after a class is set for a text.

    Args:
        cell: `1`, `0`, `true`, `false`, `yes`, `no`, or nothing.

    Raises:
        ValueError: If the cell is something else.
    """
    word = "" if cell is None else str(cell).strip().lower()
    if word not in (*YES, *NO):
        raise ValueError(f"expected 0 or 1, got {quoted(cell, 60)}")
    return word in YES


def sorted_labels(targets):
    """The names of all classes, in order; numbers in the order of numbers.

    Args:
        targets: Names, or lists of names.

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


def check_label(label, labels, where):
    """Refuses a label that may not be.

    Args:
        label: The label, or tag.
        labels: Those that there may be.
        where: What messages call its place.

    Raises:
        ValueError: If it is none of them.
    """
    if label in labels:
        return
    shown = ", ".join(quoted(name, 40).strip("'") for name in labels[:8])
    shown += ", ..." if len(labels) > 8 else ""
    alike = [name for name in labels if spelled_alike(name) == spelled_alike(label)]
    hint = "Name all labels with --labels, or put it right."
    if alike:
        hint = (
            f"It differs from {alike[0]!r} in writing alone: put it right, or say "
            f"--labels with {label}={alike[0]} among the others."
        )
    raise ValueError(
        f"Expected a label among {shown}, got {quoted(label, 80)} in {where}. {hint}"
    )


def spelled_alike(label):
    """What labels share that differ in case, spaces or the form of a number alone.

    Args:
        label: The name.

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
