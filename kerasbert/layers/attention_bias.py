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
