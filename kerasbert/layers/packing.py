"""Packed tokens: the tokens of all rows in one axis, without padding.

Most of a Transformer works on single tokens, so padding can be removed: `unpad`
converts rows `[B, S, ...]` to packed tokens `[T, ...]`, and `pad` converts them back.
Only attention needs rows: `with_padding` restores them around it, so that every other
layer computes T tokens instead of B * S. A `Packing` is two gather indices, which are
each other's inverse except at padding, where `token_of_slot` repeats a token of the
row; the padding mask excludes it from attention, and `unpad` never reads it.
`GroupedPacking` splits the rows into groups of similar length, so that attention has
little padding, too.
"""

from typing import Any, NamedTuple

import keras
from keras import ops


class Packing(NamedTuple):
    """Gather indices between rows and packed tokens.

    Args:
        token_of_slot: int32 tensor, the packed token at each position of the rows;
            padding repeats a token of its row and must be masked.
        slot_of_token: int32 tensor, `row * S + position` of each packed token.

    Shapes:
        token_of_slot `[B, S]`, slot_of_token `[T]`.
    """

    token_of_slot: Any
    slot_of_token: Any


class GroupedPacking(NamedTuple):
    """The packing of rows in groups, each padded to its own longest row.

    Args:
        token_of_slot: `Packing.token_of_slot` of each group.
        slot_of_token: Index of each packed token in the concatenated positions of all
            groups.

    Shapes:
        token_of_slot int32 `[B, S]` each, slot_of_token `[T]`.
    """

    token_of_slot: tuple
    slot_of_token: Any


# The packing of one row without padding: the tokens are the row, and none moves.
ONE_ROW = Packing(None, None)


def packing_of(
    row_lengths: Any, token_count: Any, length: Any
) -> tuple[Packing, Any, Any]:
    """Creates the packing of rows, with position ids and padding mask.

    Args:
        row_lengths: int32 tensor, number of tokens of each row.
        token_count: Number of tokens, T, the sum of `row_lengths`.
        length: Number of positions of a row, S, at least the longest row.

    Shapes:
        row_lengths `[B]` -> a `Packing`, position_ids `[T]`, padding_mask `[B, S]`.
    """
    row_lengths = ops.cast(row_lengths, "int32")
    row_ends = ops.cumsum(row_lengths)  # [B]
    row_starts = row_ends - row_lengths  # [B]

    tokens = ops.arange(token_count, dtype="int32")  # [T]
    rows = ops.cast(ops.searchsorted(row_ends, tokens, side="right"), "int32")  # [T]
    position_ids = tokens - ops.take(row_starts, rows)  # [T]
    slot_of_token = rows * length + position_ids  # [T]

    slots = ops.arange(length, dtype="int32")  # [S]
    padding_mask = slots[None, :] < row_lengths[:, None]  # [B, S]
    inside = ops.where(padding_mask, slots[None, :], 0)  # [B, S]
    token_of_slot = row_starts[:, None] + inside  # [B, S]
    token_of_slot = ops.minimum(token_of_slot, ops.maximum(token_count - 1, 0))
    return (
        Packing(token_of_slot, slot_of_token),
        position_ids,
        ops.cast(padding_mask, "int32"),
    )


def pad(tokens: Any, packing: Packing) -> Any:
    """Converts packed tokens to padded rows; padding contains arbitrary tokens.

    Args:
        tokens: Packed tokens.
        packing: Their `Packing`.

    Shapes:
        tokens `[T, ...]` -> rows `[B, S, ...]`.
    """
    if packing.token_of_slot is None:  # one row
        return ops.reshape(tokens, (1, -1, *tokens.shape[1:]))  # [1, T, ...]
    return rows_at(tokens, packing.token_of_slot)  # [B, S, ...]


def unpad(rows: Any, packing: Packing) -> Any:
    """Removes the padding of rows.

    Args:
        rows: Padded rows.
        packing: Their `Packing`.

    Shapes:
        rows `[B, S, D]` -> tokens `[T, D]`.
    """
    slots = ops.reshape(rows, (-1, rows.shape[-1]))  # [B * S, D]
    if packing.token_of_slot is None:  # one row
        return slots
    return rows_at(slots, packing.slot_of_token)  # [T, D]


def rows_at(tensor, indices):
    """Gathers along the first axis, by indices that are not negative.

    `ops.take` of TensorFlow takes negative ones, too, for which it computes four
    operations more, each time: a twentieth of the time of one text.

    Shapes:
        tensor `[T, ...]`, indices `[...]` -> `[..., ...]`.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.gather(tensor, indices)
    return ops.take(tensor, indices, axis=0)


def with_padding(function, tokens, packing, bias):
    """Applies a function of padded rows to packed tokens.

    Args:
        function: Function of rows `[B, S, ...]` and their bias that returns rows `[B,
            S, D]`.
        tokens: Packed tokens.
        packing: Their `Packing` or `GroupedPacking`.
        bias: Attention bias of the rows, or one per group.

    Shapes:
        tokens `[T, ...]` -> `[T, D]`.
    """
    if not isinstance(packing, GroupedPacking):
        return unpad(function(pad(tokens, packing), bias), packing)
    slots = []
    for token_of_slot, group_bias in zip(packing.token_of_slot, bias, strict=True):
        rows = function(rows_at(tokens, token_of_slot), group_bias)
        slots.append(ops.reshape(rows, (-1, rows.shape[-1])))  # [B * S, D]
    return rows_at(ops.concatenate(slots), packing.slot_of_token)  # [T, D]
