"""Character offsets of tokens in the original text."""

import tensorflow as tf

from kerasbert.text.ragged import row_numbers


def character_offsets(
    texts: tf.Tensor,
    sources: tf.RaggedTensor,
    first_bytes: tf.RaggedTensor,
    last_bytes: tf.RaggedTensor,
) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
    """Maps byte offsets in normalized texts to character offsets in the original texts.

    A token spans from the character its first byte came from to the character its last
    byte came from.

    Args:
        texts: string `[B]`.
        sources: For each byte of a normalized text, the byte of the original text it
            came from, int64 `[B, None]`.
        first_bytes: First byte of each token in the normalized text, int64 `[B, None]`.
        last_bytes: Last byte (inclusive) of each token, int64 `[B, None]`.

    Returns:
        starts and ends (exclusive), int32 `[B, None]`.
    """
    sizes = tf.strings.length(texts, unit="BYTE")
    text_starts = tf.cast(tf.cumsum(sizes, exclusive=True), tf.int64)
    together = tf.io.decode_raw(tf.strings.reduce_join(texts), tf.uint8)
    # Bytes 0x80-0xBF continue a character; all others begin one.
    begins = (together < 0x80) | (together > 0xBF)
    characters = tf.cumsum(tf.cast(begins, tf.int32)) - 1  # [bytes of all]
    rows = row_numbers(first_bytes)
    row_starts = tf.gather(text_starts, rows)
    source_starts = tf.gather(sources.row_starts(), rows)

    def character(byte: tf.Tensor) -> tf.Tensor:
        source = tf.gather(sources.values, source_starts + byte)
        return tf.gather(characters, row_starts + tf.cast(source, tf.int64))

    before = tf.gather(characters, row_starts)
    starts = character(first_bytes.values) - before
    ends = character(last_bytes.values) - before + 1
    return first_bytes.with_values(starts), first_bytes.with_values(ends)


def piece_offsets(
    texts: tf.Tensor,
    normalized: tf.Tensor,
    sources: tf.RaggedTensor,
    starts: tf.RaggedTensor,
    ends: tf.RaggedTensor,
) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
    """Maps byte offsets of SentencePiece pieces to character offsets.

    Like `character_offsets`, but `ends` is exclusive, and the leading space of a piece
    is excluded: a piece that is only a space has an empty span.
    """
    sizes = tf.cast(tf.strings.length(normalized, unit="BYTE"), tf.int64)
    before = tf.gather(tf.cumsum(sizes, exclusive=True), row_numbers(starts))
    limits = tf.gather(sizes, row_numbers(starts))
    together = tf.io.decode_raw(tf.strings.reduce_join(normalized), tf.uint8)
    seen = tf.where(together != 0x20)[:, 0]
    following = tf.searchsorted(seen, starts.values + before)
    seen = tf.concat([seen, [tf.reduce_sum(sizes)]], axis=0)
    first = tf.gather(seen, following) - before
    empty = first >= ends.values
    first = tf.minimum(first, limits - 1)  # of a space that ends its text
    last = tf.where(empty, first, ends.values - 1)
    starts, ends = character_offsets(
        texts, sources, starts.with_values(first), ends.with_values(last)
    )
    return starts, ends.with_values(tf.where(empty, starts.values, ends.values))
