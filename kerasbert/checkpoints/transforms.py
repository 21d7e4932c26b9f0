"""How a tensor of theirs becomes a variable of ours, and back."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Transform(NamedTuple):
    """An invertible rearrangement of a tensor.

    Args:
        name: What it does, in a word.
        load: From their array to ours.
        save: From our array and the number of attention heads to theirs.
    """

    name: str
    load: Callable
    save: Callable

    def loaded_shape(self, shape):
        """The shape of what `load` makes of a tensor of some shape."""
        return self.load(_hollow(shape)).shape

    def saved_shape(self, shape, num_heads):
        """The shape of what `save` makes of a variable of some shape."""
        return self.save(_hollow(shape), num_heads).shape


def _hollow(shape):
    """An array of a shape that takes no memory."""
    return np.broadcast_to(np.float32(0), shape)


SAME = Transform("same", lambda array: array, lambda array, num_heads: array)

TRANSPOSE = Transform(
    "transpose", lambda array: array.T, lambda array, num_heads: array.T
)

# Query, key and value: the last two axes, heads and head size, are one of ours.
JOIN_HEADS = Transform(
    "join heads",
    lambda array: array.reshape(*array.shape[:-2], -1),
    lambda array, num_heads: array.reshape(*array.shape[:-1], num_heads, -1),
)

# The output of attention: its first two axes, heads and head size, are one of ours.
JOIN_HEADS_IN = Transform(
    "join heads",
    lambda array: array.reshape(-1, array.shape[-1]),
    lambda array, num_heads: array.reshape(num_heads, -1, array.shape[-1]),
)
