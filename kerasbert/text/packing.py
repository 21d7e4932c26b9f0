"""Puts one or two texts into the sequence that a model reads.

BERT's is `[CLS] first [SEP]` or `[CLS] first [SEP] second [SEP]`, with segment 0 up to
the first `[SEP]` and segment 1 after it; others have other special tokens.

Shapes: B batch, S sequence.
"""

from typing import NamedTuple

import tensorflow as tf


def keep_longest_first(
    first: tf.Tensor, second: tf.Tensor, room: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """How many tokens of each of two texts stay where both share `room`.

    The longer of the two gives way until they are equally long; where the last place
    is left over, the longer one has it, or the second of two equally long ones.

    Args:
        first: lengths of the first texts, int [B].
        second: lengths of the second texts, int [B].
        room: how many tokens both may have together, int [].

    Returns:
        The lengths to keep of each, int [B] twice.
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
    """At most `lengths[b]` values of every row.

    Args:
        rows: [B, None].
        lengths: int [B].
        side: the end that is cut: `"right"` or `"left"`.

    Returns:
        The rows, truncated, [B, None].
    """
    lengths = tf.minimum(lengths, rows.row_lengths())
    starts = rows.row_starts()
    if side == "left":
        starts = starts + rows.row_lengths() - lengths
    kept = tf.ragged.range(starts, starts + lengths)
    return kept.with_values(tf.gather(rows.values, kept.values))


class Frame(NamedTuple):
    """The special tokens around texts, as ids.

    Args:
        groups: what stands before the first text, between texts and after the last:
            a tuple each of pairs of an id and its segment.
        segments: the segment of each text.
    """

    groups: tuple[tuple[tuple[int, int], ...], ...]
    segments: tuple[int, ...]

    @staticmethod
    def of(pieces, token_to_id) -> "Frame":
        """The frame of one side of a `Template`.

        Args:
            pieces: pairs of a token, or None for a text, and its segment.
            token_to_id: from a token to its id.
        """
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
        """How many special tokens there are."""
        return sum(map(len, self.groups))

    @property
    def before(self) -> int:
        """How many stand before the first text."""
        return len(self.groups[0])


def surround(texts, around: Frame) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
    """Puts special tokens around texts, which stay as they are.

    Args:
        texts: token ids of as many texts as the frame is for, int32 [B, None] each.
        around: the special tokens.

    Returns:
        token_ids: int32 [B, None].
        segment_ids: int32 [B, None].
    """
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
    """Adds special tokens, and truncates the longest text first.

    Args:
        first: token ids of the first texts, int32 [B, None].
        second: token ids of the second texts, int32 [B, None], or None.
        around: the special tokens.
        max_length: of the whole sequence, special tokens included; None: no limit.
        side: the end of a text that is cut: `"right"` or `"left"`.

    Returns:
        token_ids: int32 [B, None].
        segment_ids: int32 [B, None].
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
