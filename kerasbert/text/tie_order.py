"""One order for pieces that could as well stand in another.

`!!!!` is `!` + `!!!` as well as `!!!` + `!`: the sums of scores are equal, and which of
them a tokenizer finds depends on how it rounds. Here the shorter piece comes first,
which is what sums without rounding errors, in the order of the text, give.

Shapes: B batch.
"""

import numpy as np
import tensorflow as tf

from kerasbert.text.ragged import row_numbers


class TieOrder:
    """Sorts neighbouring pieces that repeat the same characters by their lengths.

    Args:
        pieces: the vocabulary.
    """

    def __init__(self, pieces):
        roots = [_repeated(piece) for piece in pieces]
        numbers = {root: number for number, root in enumerate(dict.fromkeys(roots))}
        self._roots = np.array([numbers[root] for root in roots], np.int32)
        self._lengths = np.array([len(piece) for piece in pieces], np.int64)

    def __call__(self, token_ids, starts=None, ends=None):
        """Sorts tokens, and with them where they lie.

        Args:
            token_ids: int32 [B, None].
            starts: int64 [B, None], or None.
            ends: int64 [B, None], or None.

        Returns:
            `token_ids`, or `(token_ids, starts, ends)`, sorted.
        """
        ids = token_ids.values
        rows = row_numbers(token_ids)
        roots = tf.gather(tf.constant(self._roots), ids)
        lengths = tf.gather(tf.constant(self._lengths), ids)
        joined = (roots[1:] == roots[:-1]) & (rows[1:] == rows[:-1])
        if starts is not None:
            joined &= starts.values[1:] == ends.values[:-1]
        sorted_already = tf.reduce_all(~joined | (lengths[1:] >= lengths[:-1]))

        def order():
            runs = tf.cumsum(tf.cast(~joined, tf.int64))
            runs = tf.concat([tf.zeros_like(lengths[:1]), runs], axis=0)
            return tf.argsort(runs * (int(self._lengths.max()) + 1) + lengths)

        if starts is None:
            ids = tf.cond(sorted_already, lambda: ids, lambda: tf.gather(ids, order()))
            return token_ids.with_values(ids)

        def sort_all():
            places = order()
            sizes = tf.gather(ends.values - starts.values, places)
            begins = tf.concat([tf.ones_like(joined[:1]), ~joined], axis=0)
            first = tf.cumsum(tf.cast(begins, tf.int64)) - 1  # the run of every token
            before = tf.cumsum(sizes, exclusive=True)
            run_start = tf.boolean_mask(starts.values - before, begins)
            new_starts = tf.gather(run_start, first) + before
            return tf.gather(ids, places), new_starts, new_starts + sizes

        values = tf.cond(
            sorted_already, lambda: (ids, starts.values, ends.values), sort_all
        )
        return tuple(token_ids.with_values(v) for v in values)


def _repeated(text: str) -> str:
    """The shortest string that `text` is made of by repetition."""
    for size in range(1, len(text) // 2 + 1):
        if len(text) % size == 0 and text[:size] * (len(text) // size) == text:
            return text[:size]
    return text
