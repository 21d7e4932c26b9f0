"""Splitting of long texts into overlapping windows."""

import tensorflow as tf

from kerasbert.text.ragged import row_numbers


def windows(
    token_ids: tf.RaggedTensor, max_length: int, stride: int
) -> tuple[tf.RaggedTensor, tf.Tensor, tf.Tensor]:
    """Splits texts into overlapping windows of at most `max_length` tokens.

    Windows start `max_length - stride` tokens apart. A text that fits is one window, as
    is an empty text; the last window of a text is the first that reaches its end.

    Args:
        token_ids: Token ids without special tokens, int32 `[B, None]`.
        max_length: Maximum number of tokens per window, without special tokens.
        stride: Number of tokens that consecutive windows share.

    Returns:
        The windows, int32 `[W, None]`, the index of the text of each, int64 `[W]`, and
        the position of its first token in the text, int64 `[W]`.

    Raises:
        ValueError: If `stride` is not below `max_length`.

    Example:
        >>> ids = tf.ragged.constant([[1, 2, 3, 4, 5], [6]])
        >>> pieces, texts, starts = windows(ids, max_length=3, stride=1)
        >>> pieces.to_list(), texts.numpy().tolist(), starts.numpy().tolist()
        ([[1, 2, 3], [3, 4, 5], [6]], [0, 0, 1], [0, 2, 0])
    """
    if not 0 <= stride < max_length:
        raise ValueError(
            f"Expected a stride from 0 to {max_length - 1} (below max_length), got "
            f"{stride}."
        )
    step = max_length - stride
    lengths = tf.cast(token_ids.row_lengths(), tf.int64)  # [B]
    further = tf.maximum(lengths - max_length, 0)
    counts = 1 + (further + step - 1) // step  # [B]
    numbers = tf.ragged.range(counts)  # [B, None]
    texts = row_numbers(numbers)  # [W]
    starts = numbers.values * step  # [W]
    ends = tf.minimum(starts + max_length, tf.gather(lengths, texts))
    first = tf.gather(tf.cast(token_ids.row_starts(), tf.int64), texts)
    positions = tf.ragged.range(first + starts, first + ends)  # [W, None]
    return (
        positions.with_values(tf.gather(token_ids.values, positions.values)),
        texts,
        starts,
    )


def most_context(context: tf.Tensor, tokens: tf.Tensor, values: tf.Tensor, count):
    """For each token the least value among the windows that show it with most context.

    Args:
        context: how much of it each window shows around each of its tokens, int64
            `[seen]`.
        tokens: which token of all texts that is, int64 `[seen]`.
        values: what is wanted of the window, such as its index, int64 `[seen]`.
        count: number of tokens of all texts, T.

    Returns:
        int64 `[T]`.
    """
    most = tf.math.unsorted_segment_max(context, tokens, count)  # [T]
    best = context == tf.gather(most, tokens)
    values = tf.where(best, values, tf.int64.max)
    return tf.math.unsorted_segment_min(values, tokens, count)
