"""Puts one or two texts into the sequence that BERT reads.

`[CLS] first [SEP]` or `[CLS] first [SEP] second [SEP]`, with segment 0 up to the first
`[SEP]` and segment 1 after it.

Shapes: B batch, S sequence.
"""

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


def truncate(rows: tf.RaggedTensor, lengths: tf.Tensor) -> tf.RaggedTensor:
    """The first `lengths[b]` values of every row, at most.

    Args:
        rows: [B, None].
        lengths: int [B].

    Returns:
        The rows, truncated, [B, None].
    """
    lengths = tf.minimum(lengths, rows.row_lengths())
    starts = rows.row_starts()
    kept = tf.ragged.range(starts, starts + lengths)
    return kept.with_values(tf.gather(rows.values, kept.values))


def pack(
    first: tf.RaggedTensor,
    second: tf.RaggedTensor | None,
    cls_token_id: int,
    sep_token_id: int,
    max_length: int | tf.Tensor | None = None,
) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
    """Adds special tokens, and truncates the longest text first.

    Args:
        first: token ids of the first texts, int32 [B, None].
        second: token ids of the second texts, int32 [B, None], or None.
        cls_token_id: the id that begins a sequence.
        sep_token_id: the id that ends each text.
        max_length: of the whole sequence, special tokens included; None: no limit.

    Returns:
        token_ids: int32 [B, None].
        segment_ids: int32 [B, None]; 0 for the first text, 1 for the second.
    """
    special = 2 if second is None else 3
    if isinstance(max_length, int) and max_length < special:
        raise ValueError(
            f"Expected max_length to leave room for {special} special tokens, got "
            f"{max_length}. Use {special + 1} or more."
        )
    if max_length is not None:
        room = tf.cast(max_length, tf.int64) - special
        lengths = tf.cast(first.row_lengths(), tf.int64)
        if second is None:
            first = truncate(first, tf.minimum(lengths, room))
        else:
            others = tf.cast(second.row_lengths(), tf.int64)
            keep_first, keep_second = keep_longest_first(lengths, others, room)
            first, second = truncate(first, keep_first), truncate(second, keep_second)
    count = first.nrows()
    cls = tf.fill([count, 1], tf.constant(cls_token_id, tf.int32))
    sep = tf.fill([count, 1], tf.constant(sep_token_id, tf.int32))
    token_ids = tf.concat([cls, first, sep], axis=1)
    segment_ids = tf.zeros_like(token_ids)
    if second is not None:
        ending = tf.concat([second, sep], axis=1)
        token_ids = tf.concat([token_ids, ending], axis=1)
        segment_ids = tf.concat([segment_ids, tf.ones_like(ending)], axis=1)
    return token_ids, segment_ids
