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


def surround(texts, around: Frame) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
    """Adds the special tokens of a frame; returns token ids and segment ids."""
    count = texts[0].nrows()
    token_ids, segment_ids = [], []
    for group, text, segment in zip(
        around.groups, (*texts, None), (*around.segments, None), strict=True
    ):
        for token_id, token_segment in group:
            token_ids.append(tf.fill([count, 1], tf.constant(token_id, tf.int32)))
            segment_ids.append(tf.fill([count, 1], tf.constant(token_segment)))
        if text is not None:
            token_ids.append(text)
            segments = tf.fill(tf.shape(text.values), tf.constant(segment))
            segment_ids.append(text.with_values(segments))
    return tf.concat(token_ids, axis=1), tf.concat(segment_ids, axis=1)


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
    if max_length is not None:
        room = tf.cast(max_length, tf.int64) - special
        lengths = tf.cast(first.row_lengths(), tf.int64)
        if second is None:
            first = truncate(first, tf.minimum(lengths, room), side)
        else:
            others = tf.cast(second.row_lengths(), tf.int64)
            keep_first, keep_second = keep_longest_first(lengths, others, room)
            first = truncate(first, keep_first, side)
            second = truncate(second, keep_second, side)
    return surround([first] if second is None else [first, second], around)
