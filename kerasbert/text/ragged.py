"""What ragged tensors lack, or do in more memory than their values take.

Shapes: B batch.
"""

import tensorflow as tf


def row_numbers(rows: tf.RaggedTensor) -> tf.Tensor:
    """The row of every value, int64 [values].

    `RaggedTensor.value_rowids` takes memory for B times the longest row; this takes it
    for the values, so that one long text among short ones does no harm.
    """
    ends = rows.row_splits[1:-1]
    steps = tf.tensor_scatter_nd_add(
        tf.zeros([tf.shape(rows.values)[0] + 1], tf.int64),
        ends[:, tf.newaxis],
        tf.ones_like(ends),
    )
    return tf.cumsum(steps)[:-1]


def places_in_row(rows: tf.RaggedTensor, sizes: tf.Tensor) -> tf.Tensor:
    """Where every value begins in its row, if they lie there one after another.

    Args:
        rows: [B, None].
        sizes: the size of each value, int64 [values].

    Returns:
        int64 [values].
    """
    places = tf.cumsum(sizes, exclusive=True)
    first = tf.gather(places, tf.gather(rows.row_starts(), row_numbers(rows)))
    return places - first


def to_lists(rows: tf.RaggedTensor) -> list[list]:
    """The rows of an eager ragged tensor as lists of Python numbers."""
    values = rows.values.numpy().tolist()
    splits = rows.row_splits.numpy().tolist()
    return [values[a:b] for a, b in zip(splits, splits[1:], strict=False)]
