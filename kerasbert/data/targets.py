"""From the cell of a table to what a model should make of a text."""

import math

YES = ("1", "1.0", "true", "yes")
NO = ("0", "0.0", "false", "no", "")


def one_label(cell):
    """The name of a class.

    Args:
        cell: A string, or a number or truth value of JSON.

    Raises:
        ValueError: If the cell is empty or no name.

    Example:
        >>> one_label(" positive "), one_label(3), one_label(True)
        ('positive', '3', 'true')
    """
    if isinstance(cell, bool):
        return str(cell).lower()
    if cell is None or isinstance(cell, list | dict):
        raise ValueError(f"expected one label, got {cell!r}")
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
        if isinstance(cell, str):
            cell = [part for part in cell.split(separator) if part.strip()]
        elif not isinstance(cell, list):
            cell = [cell]
        return [one_label(part) for part in cell]

    return labels


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
        raise ValueError(f"expected a number, got {cell!r}")
    return value


def is_set(cell):
    """Whether a column that is named after a class is set for a text.

    Args:
        cell: `1`, `0`, `true`, `false`, `yes`, `no`, or nothing.

    Raises:
        ValueError: If the cell is something else.
    """
    word = "" if cell is None else str(cell).strip().lower()
    if word not in (*YES, *NO):
        raise ValueError(f"expected 0 or 1, got {cell!r}")
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
    if label not in labels:
        shown = ", ".join(labels[:8]) + (", ..." if len(labels) > 8 else "")
        raise ValueError(
            f"Expected a label among {shown}, got {label!r} in {where}. Name all "
            "labels with --labels, or put it right."
        )
