"""Rules on SentencePiece pieces that TF Text's op does not apply.

`DigitCommas` splits `▁2010,` into `▁2010` and `,`, as google-research/albert does.
`TieOrder` decides between segmentations of equal score: `!!!!` is `!` + `!!!` as well
as `!!!` + `!`, and the result of an implementation depends on its rounding. The shorter
piece comes first, as exact sums in text order give.
"""

import numpy as np
import tensorflow as tf

from kerasbert.text.ragged import row_numbers

_SPACE = "\u2581"


class DigitCommas:
    """Splits pieces that end in a digit and a comma.

    Args:
        vocabulary: The pieces in the order of their ids.
        unk_id: Id of the unknown piece.
        split: Function that tokenizes a list of texts.
    """

    def __init__(self, vocabulary, unk_id: int, split):
        ids = {piece: number for number, piece in enumerate(vocabulary)}
        affected = [
            piece
            for piece in vocabulary
            if len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit()
        ]
        numbers = [piece[:-1].replace(_SPACE, "") for piece in affected]
        parts = {}
        for piece, row in zip(affected, split(numbers), strict=True):
            pieces = [vocabulary[i] for i in row]
            if piece[0] != _SPACE and pieces[0][0] == _SPACE:
                pieces[0] = pieces[0][1:]
            parts[piece] = [p for p in pieces if p] + [","]
        rows = [parts.get(piece, [piece]) for piece in vocabulary]
        self._ids = [[ids.get(part, unk_id) for part in row] for row in rows]
        sizes = [[len(part.replace(_SPACE, "").encode()) for part in r] for r in rows]
        # How far before the end of the piece each of its parts ends, in bytes.
        self._rest = [[sum(row[i + 1 :]) for i in range(len(row))] for row in sizes]

    def __call__(self, token_ids, starts=None, ends=None):
        """Splits pieces, int32 `[B, None]`, and their byte offsets, if given."""
        parts = tf.gather(tf.ragged.constant(self._ids, tf.int32), token_ids.values)
        split_ids = token_ids.with_values(parts).merge_dims(1, 2)
        if starts is None:
            return split_ids
        rest = tf.gather(tf.ragged.constant(self._rest, tf.int64), token_ids.values)
        pieces = row_numbers(rest)  # the piece of every part
        new_ends = tf.gather(ends.values, pieces) - rest.values
        begins = tf.concat([[True], pieces[1:] != pieces[:-1]], axis=0)
        begins = begins[: tf.size(pieces)]
        before = tf.concat([tf.zeros_like(new_ends[:1]), new_ends[:-1]], axis=0)
        new_starts = tf.where(begins, tf.gather(starts.values, pieces), before)
        return (
            split_ids,
            split_ids.with_values(new_starts),
            split_ids.with_values(new_ends),
        )


class TieOrder:
    """Sorts consecutive pieces that repeat the same characters by length."""

    def __init__(self, pieces):
        roots = [_repeated(piece) for piece in pieces]
        numbers = {root: number for number, root in enumerate(dict.fromkeys(roots))}
        self._roots = np.array([numbers[root] for root in roots], np.int32)
        self._lengths = np.array([len(piece) for piece in pieces], np.int64)

    def __call__(self, token_ids, starts=None, ends=None):
        """Sorts token ids, int32 `[B, None]`, and their offsets, if given."""
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
            positions = order()
            sizes = tf.gather(ends.values - starts.values, positions)
            begins = tf.concat([tf.ones_like(joined[:1]), ~joined], axis=0)
            first = tf.cumsum(tf.cast(begins, tf.int64)) - 1  # the run of every token
            before = tf.cumsum(sizes, exclusive=True)
            run_start = tf.boolean_mask(starts.values - before, begins)
            new_starts = tf.gather(run_start, first) + before
            return tf.gather(ids, positions), new_starts, new_starts + sizes

        values = tf.cond(
            sorted_already, lambda: (ids, starts.values, ends.values), sort_all
        )
        return tuple(token_ids.with_values(v) for v in values)


def _repeated(text: str) -> str:
    """Returns the shortest string whose repetition is `text`."""
    for size in range(1, len(text) // 2 + 1):
        if len(text) % size == 0 and text[:size] * (len(text) // size) == text:
            return text[:size]
    return text
