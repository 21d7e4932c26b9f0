"""Biases added to attention scores to mask keys.

A masked key has probability exactly zero, and a row without any key has finite
probabilities: the bias is far below any score, and still representable in float16.
"""

from typing import Any

from keras import ops

MASKED = -30000.0


def padding_bias(padding_mask: Any) -> Any:
    """Masks padding for all queries of a row.

    Args:
        padding_mask: int or bool tensor, 1 for tokens and 0 for padding.

    Shapes:
        padding_mask `[B, K]` -> bias `[B, 1, 1, K]`, float32.

    Example:
        >>> tuple(padding_bias(keras.ops.array([[1, 0]])).shape)
        (1, 1, 1, 2)
    """
    bias = ops.where(ops.cast(padding_mask, "bool"), 0.0, MASKED)  # [B, K]
    return ops.expand_dims(ops.cast(bias, "float32"), (1, 2))  # [B, 1, 1, K]


def causal_bias(query_length: Any, key_length: Any = None, offset: Any = 0) -> Any:
    """Masks the keys after each query.

    Args:
        query_length: Number of queries, Q.
        key_length: Number of keys, K; by default Q.
        offset: Position of the first query among the keys: the number of tokens in a
            key-value cache.

    Shapes:
        bias `[1, 1, Q, K]`, float32.
    """
    key_length = query_length if key_length is None else key_length
    query_positions = ops.arange(query_length)[:, None] + offset  # [Q, 1]
    later = ops.arange(key_length)[None, :] > query_positions  # [Q, K]
    bias = ops.where(later, MASKED, 0.0)  # [Q, K]
    return ops.cast(bias, "float32")[None, None]  # [1, 1, Q, K]


def prefix_bias(is_prefix: Any) -> Any:
    """Masks the keys after each query, except for the prefix, which all queries see.

    A query in the prefix sees the prefix alone, as a source is read from both sides
    before its target is written.

    Args:
        is_prefix: int or bool tensor, 1 for tokens of the prefix.

    Shapes:
        is_prefix `[B, S]` -> bias `[B, 1, S, S]`, float32.

    Reference:
        [Dong et al., 2019](https://arxiv.org/abs/1905.03197), figure 1.
    """
    prefix = ops.cast(is_prefix, "bool")
    positions = ops.arange(ops.shape(prefix)[1])
    earlier = positions[None, :] <= positions[:, None]  # [Q, K]
    visible = prefix[:, None, :] | (earlier & ~prefix[:, :, None])  # [B, Q, K]
    return ops.where(visible, 0.0, MASKED)[:, None]  # [B, 1, Q, K]
