"""Packing of one or two texts into the input sequence of a model.

BERT's is `[CLS] A [SEP]` or `[CLS] A [SEP] B [SEP]`, with segment 1 after the first
`[SEP]`; other models have other templates.
"""

from typing import NamedTuple

import tensorflow as tf


def keep_longest_first(
    first: tf.Tensor, second: tf.Tensor, room: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns how many tokens of each text to keep so that a pair fits into `room`.

    Tokens are removed from the longer text until both are equally long. If one token
    remains, it goes to the longer text, or to the second of equally long ones.
    """
    shorter = tf.minimum(first, second)
    longer = tf.where(shorter > room, shorter, tf.maximum(shorter, room - shorter))
    fits = first + second <= room
    halves = shorter + longer > room
    shorter = tf.where(halves, room // 2, shorter)
    longer = tf.where(halves, room // 2 + room % 2, longer)
    swapped = first > second
    keep_first = tf.where(swapped, longer, shorter)
    keep_second = tf.where(swapped, shorter, longer)
    return tf.where(fits, first, keep_first), tf.where(fits, second, keep_second)


def truncate(
    rows: tf.RaggedTensor, lengths: tf.Tensor, side: str = "right"
) -> tf.RaggedTensor:
    """Keeps at most `lengths[b]` values of each row; `side` is the side that is cut."""
    lengths = tf.minimum(lengths, rows.row_lengths())
    starts = rows.row_starts()
    if side == "left":
        starts = starts + rows.row_lengths() - lengths
    kept = tf.ragged.range(starts, starts + lengths)
    return kept.with_values(tf.gather(rows.values, kept.values))


class Frame(NamedTuple):
    """A `Template` with token ids.

    Args:
        groups: Special tokens before the first text, between texts and after the last
            text; each is a tuple of (id, segment id) pairs.
        segments: Segment id of each text.
    """

    groups: tuple[tuple[tuple[int, int], ...], ...]
    segments: tuple[int, ...]

    @staticmethod
    def of(pieces, token_to_id) -> "Frame":
        """Creates the frame of one side of a `Template`."""
        groups, segments = [[]], []
        for token, segment in pieces:
            if token is None:
                groups.append([])
                segments.append(segment)
            else:
                groups[-1].append((token_to_id(token), segment))
        return Frame(tuple(map(tuple, groups)), tuple(segments))

    @property
    def size(self) -> int:
        """Number of special tokens."""
        return sum(map(len, self.groups))

    @property
    def before(self) -> int:
        """Number of special tokens before the first text."""
        return len(self.groups[0])


def surround(
    texts: list[tf.RaggedTensor],
    around: Frame,
    lengths: list[tf.Tensor | None] | None = None,
    side: str = "right",
) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
    """Adds the special tokens of a frame; returns token ids and segment ids.

    At most `lengths[t][b]` tokens of each text are kept; `side` is the side that is
    cut. The rows are ranges in a table of all tokens: few operations, of which a single
    short text would notice more.
    """
    special = [pair for group in around.groups for pair in group]
    ids, segments = [[token_id for token_id, _ in special]], [[s for _, s in special]]
    # The ranges of a row: special tokens, a text, special tokens, ...
    first, last, offset = [], [], 0
    for group in around.groups:
        first += [offset, 0]
        offset += len(group)
        last += [offset, 0]
    starts, ends = (tf.constant(x[:-1], tf.int64) for x in (first, last))  # [ranges]
    count = len(first) - 1
    for number, text in enumerate(texts):
        start, end = (tf.cast(x, tf.int64) for x in _limits(text))  # [B]
        if lengths is not None:
            kept = tf.minimum(lengths[number], end - start)
            start, end = (end - kept, end) if side == "left" else (start, start + kept)
        column = [int(i == 2 * number + 1) for i in range(count)]
        starts += (start + offset)[:, tf.newaxis] * column  # [B, ranges]
        ends += (end + offset)[:, tf.newaxis] * column
        ids.append(text.values)
        segments.append(around.segments[number])
        if number + 1 < len(texts):
            offset += tf.size(text.values, tf.int64)
    rows = tf.raw_ops.RaggedRange(
        starts=tf.reshape(starts, [-1]),
        limits=tf.reshape(ends, [-1]),
        deltas=tf.constant(1, tf.int64),
    )
    where = rows.rt_dense_values  # [T]
    splits = rows.rt_nested_splits[::count]  # [B + 1]
    token_ids = tf.RaggedTensor.from_row_splits(
        tf.gather(tf.concat(ids, axis=0), where), splits, validate=False
    )
    if len({*segments[0], *segments[1:]}) == 1:
        return token_ids, token_ids.with_values(
            tf.fill(tf.shape(where), tf.constant(segments[1]))
        )
    table = [segments[0]] + [
        tf.fill(tf.shape(values), tf.constant(segment))
        for values, segment in zip(ids[1:], segments[1:], strict=True)
    ]
    return token_ids, token_ids.with_values(tf.gather(tf.concat(table, axis=0), where))


def _limits(rows):
    """Returns where rows begin and end."""
    return rows.row_splits[:-1], rows.row_splits[1:]


def pack(
    first: tf.RaggedTensor,
    second: tf.RaggedTensor | None,
    around: Frame,
    max_length: int | tf.Tensor | None = None,
    side: str = "right",
) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
    """Truncates the longer text first and adds the special tokens of a frame.

    Returns token ids and segment ids, int32 `[B, None]`. `max_length` includes special
    tokens.
    """
    special = around.size
    if isinstance(max_length, int) and max_length < special:
        raise ValueError(
            f"Expected max_length to leave room for {special} special tokens, got "
            f"{max_length}. Use {special + 1} or more."
        )
    texts = [first] if second is None else [first, second]
    if max_length is None:
        return surround(texts, around)
    room = tf.cast(max_length, tf.int64) - special
    if second is None:
        return surround(texts, around, [room], side)
    lengths = [tf.cast(text.row_lengths(), tf.int64) for text in texts]
    return surround(texts, around, keep_longest_first(*lengths, room), side)
