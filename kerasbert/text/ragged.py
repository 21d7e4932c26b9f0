"""Operations on ragged tensors whose memory is linear in the number of values."""

import tensorflow as tf


def row_numbers(rows: tf.RaggedTensor) -> tf.Tensor:
    """Returns the row index of each value, int64.

    `RaggedTensor.value_rowids` allocates B times the longest row; this function only
    the result, so that one long text among short ones does no harm.
    """
    ends = rows.row_splits[1:-1]
    steps = tf.tensor_scatter_nd_add(
        tf.zeros([tf.shape(rows.values)[0] + 1], tf.int64),
        ends[:, tf.newaxis],
        tf.ones_like(ends),
    )
    return tf.cumsum(steps)[:-1]


def offsets_in_row(rows: tf.RaggedTensor, sizes: tf.Tensor) -> tf.Tensor:
    """Returns the start of each value in its row, given the values' sizes, int64."""
    positions = tf.cumsum(sizes, exclusive=True)
    first = tf.gather(positions, tf.gather(rows.row_starts(), row_numbers(rows)))
    return positions - first


def to_lists(rows: tf.RaggedTensor) -> list[list]:
    """Converts an eager ragged tensor to lists of Python numbers."""
    values = rows.values.numpy().tolist()
    splits = rows.row_splits.numpy().tolist()
    return [values[a:b] for a, b in zip(splits, splits[1:], strict=False)]
