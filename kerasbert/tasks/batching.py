"""Rows of token ids, sorted by length and batched by tokens."""

import numpy as np


def batches_of_tokens(lengths, budget):
    """Groups rows of like length into batches of a number of tokens.

    Args:
        lengths: Number of tokens of each row.
        budget: The most tokens of a batch, each row counted as the longest one in it;
            a row that is longer is one alone.

    Yields:
        Arrays of row numbers; every row is in one of them. The longest come first,
        so that memory is short at once or not at all.

    Example:
        >>> [rows.tolist() for rows in batches_of_tokens([1, 4, 2, 2], budget=4)]
        [[1], [2, 3], [0]]
    """
    lengths = np.array(list(lengths), "int64")
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        count = max(1, budget // max(1, lengths[order[start]]))
        yield order[start : start + count]
        start += count
