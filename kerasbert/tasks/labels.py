"""Names of classes to numbers."""

import numpy as np

from kerasbert.tasks.examples import listed


def label_numbers(targets, labels, count):
    """The number of the class of each example.

    Args:
        targets: One name, or number, of a class for each example.
        labels: The names of the classes.
        count: How many examples there are.

    Returns:
        int32 array `[n]`.

    Raises:
        ValueError: If there are more or fewer targets than examples, or one is no
            class; the message says which.

    Example:
        >>> label_numbers(["no", "yes", 1], ["no", "yes"], 3).tolist()
        [0, 1, 1]
    """
    targets = checked_count(targets, count)
    numbers = _numbers_of(labels)
    return np.array(
        [_number(target, numbers, labels, at) for at, target in enumerate(targets)],
        "int32",
    )


def label_table(targets, labels, count):
    """Which of the classes each example has.

    Args:
        targets: For each example a list of names, or numbers, of classes.
        labels: The names of the classes.
        count: How many examples there are.

    Returns:
        float32 array `[n, C]` of 0 and 1.

    Raises:
        ValueError: As `label_numbers`.

    Example:
        >>> label_table([["old", "big"], []], ["big", "new", "old"], 2).tolist()
        [[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]]
    """
    targets = checked_count(targets, count)
    numbers = _numbers_of(labels)
    table = np.zeros((count, len(labels)), "float32")  # [n, C]
    for row, names in enumerate(targets):
        names = [names] if isinstance(names, str) else names
        for name in names:
            table[row, _number(name, numbers, labels, row)] = 1
    return table


def checked_count(targets, count):
    """The targets as a list, as many as there are examples.

    Args:
        targets: An iterable.
        count: How many examples there are.

    Raises:
        ValueError: If there are more or fewer.
    """
    targets = listed(targets)
    if len(targets) != count:
        raise ValueError(
            f"Expected a target for each of {count} examples, got {len(targets)}."
        )
    return targets


def _numbers_of(labels):
    return {label: number for number, label in enumerate(labels)}


def _number(target, numbers, labels, position):
    if isinstance(target, str) and target in numbers:
        return numbers[target]
    if isinstance(target, int | np.integer) and 0 <= target < len(labels):
        return int(target)
    shown = ", ".join(map(repr, labels[:8])) + (", ..." if len(labels) > 8 else "")
    raise ValueError(
        f"Expected a label among {shown}, got {target!r} at position {position}. Name "
        "all labels when the task is made, or put the example right."
    )
