"""Examples as lists: the first that is wrong, and those kept for validation."""

import math

import numpy as np

from kerasbert.inputs import listed as listed


def refuse_first(wrong, values, wanted, remedy=""):
    """Refuses values of which some are wrong.

    Args:
        wrong: Which ones are, bool array `[n]`.
        values: The values.
        wanted: What messages call a right one.
        remedy: What a message ends with.

    Raises:
        ValueError: If there is a wrong one; the message names the first.
    """
    if wrong.any():
        position = int(np.argmax(wrong))
        raise ValueError(
            f"Expected {wanted} at position {position}, got {values[position]}.{remedy}"
        )


def split_off(part, inputs, targets, sample_weight):
    """Examples to train on, and the last ones of all to test on.

    Args:
        part: Which part of the examples to test on, above 0 and below 1.
        inputs: A list.
        targets: As many, or None.
        sample_weight: As many, or None.

    Returns:
        The first ones and the last ones, each as inputs, targets and weights.

    Raises:
        ValueError: If the part is none, or all are left to one side.

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
