"""Splits pieces that end in a digit and a comma, as google-research/albert does.

`▁2010,` becomes `▁2010` and `,`: a number is one token wherever it stands.

Shapes: B batch.
"""

import tensorflow as tf

from kerasbert.text.ragged import row_numbers

_SPACE = "\u2581"


class DigitCommas:
    """Replaces every such piece by the pieces of its number, and a comma.

    Args:
        vocabulary: the pieces in the order of their ids.
        unk_id: the id of what the vocabulary cannot spell.
        split: gives the ids of the pieces of each of a list of texts.
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
        """Splits pieces, and with them where they lie.

        Args:
            token_ids: int32 [B, None].
            starts: bytes, int64 [B, None], or None.
            ends: int64 [B, None], or None.

        Returns:
            `token_ids`, or `(token_ids, starts, ends)`, split.
        """
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
