"""Word and character error rates."""

import numpy as np


def edit_distance(found, expected):
    """Counts the insertions, deletions and substitutions between two sequences.

    Example:
        >>> edit_distance("kitten", "sitting"), edit_distance([], ["a", "b"])
        (3, 2)
    """
    row = np.arange(len(expected) + 1)
    for position, one in enumerate(found, 1):
        before, row = row, np.empty_like(row)
        row[0] = position
        for place, other in enumerate(expected, 1):
            substituted = before[place - 1] + (one != other)
            row[place] = min(row[place - 1] + 1, before[place] + 1, substituted)
    return int(row[-1])


def error_rates(found, expected):
    """Computes the rates of errors per word and per character of the references.

    Args:
        found: The texts that were recognized.
        expected: A reference for each.

    Returns:
        `word_error_rate` and `character_error_rate`, spaces included, of all texts
        together; above 1 where more is wrong than was said.

    Example:
        >>> error_rates(["a b", "c"], ["a d", "c"])
        {'word_error_rate': 0.3333333333333333, 'character_error_rate': 0.25}
    """
    rates = {}
    for name, parts in (("word", str.split), ("character", list)):
        pairs = [(parts(a), parts(b)) for a, b in zip(found, expected, strict=True)]
        errors = sum(edit_distance(a, b) for a, b in pairs)
        rates[f"{name}_error_rate"] = errors / max(1, sum(len(b) for _, b in pairs))
    return rates
