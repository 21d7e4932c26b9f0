"""What a search may give, and what it gives."""

import dataclasses
import math
from typing import Any, NamedTuple

import keras
from keras import ops

IMPOSSIBLE = -1e9  # the log probability of tokens that may not come


@dataclasses.dataclass(frozen=True)
class Limits:
    """Which continuations a search may give.

    Args:
        end_token_id: The token that ends a continuation.
        pad_token_id: The token after it.
        min_length: Minimum number of tokens before the end token.
        repetition_penalty: Factor above 1 that makes tokens less likely that occurred
            before, in the prompt or since; 1 leaves them.

    Raises:
        ValueError: If a value is out of range.

    Reference:
        [Keskar et al., 2019](https://arxiv.org/abs/1909.05858), section 4.1, for the
        repetition penalty.
    """

    end_token_id: int
    pad_token_id: int = 0
    min_length: int = 0
    repetition_penalty: float = 1.0

    def __post_init__(self):
        if type(self.min_length) is not int or self.min_length < 0:
            raise ValueError(
                f"Expected min_length to be 0 or more tokens, got {self.min_length}."
            )
        if not self.repetition_penalty > 0:
            raise ValueError(
                "Expected repetition_penalty above 0, such as 1.2, got "
                f"{self.repetition_penalty}."
            )

    def restricted(self, log_probs: Any, index: Any, seen: Any) -> Any:
        """Applies the repetition penalty and the minimum length.

        Args:
            log_probs: Log probabilities, or logits, of the next tokens.
            index: Number of new tokens before them, a scalar.
            seen: Which tokens occurred, or None.

        Shapes:
            log_probs `[B, V]`, seen bool `[B, V]` -> `[B, V]`.
        """
        if seen is not None:
            factor = self.repetition_penalty
            penalised = ops.where(log_probs < 0, log_probs * factor, log_probs / factor)
            log_probs = ops.where(seen, penalised, log_probs)
        if self.min_length:
            tokens = ops.arange(log_probs.shape[-1])  # [V]
            too_early = (tokens == self.end_token_id) & (index < self.min_length)
            log_probs = ops.where(too_early, IMPOSSIBLE, log_probs)
        return log_probs

    def seen_in(self, prompt: Any, prompt_mask: Any, vocab_size: int) -> Any:
        """Returns which tokens occur in prompts, bool `[B, V]`; None: all alike."""
        if self.repetition_penalty == 1:
            return None
        hot = ops.one_hot(prompt, vocab_size)  # [B, P, V]
        if prompt_mask is not None:
            hot = hot * ops.cast(prompt_mask, hot.dtype)[..., None]
        return ops.max(hot, axis=1) > 0


class Decoded(NamedTuple):
    """Continuations, the best one first.

    Args:
        token_ids: Their tokens, int32 `[B, R, L]`: R results of up to L tokens, the
            end token left out, padded.
        lengths: Number of tokens of each, int32 `[B, R]`.
        scores: Log probability of each, divided by the length, end token included,
            float32 `[B, R]`.
        has_ended: Whether it ended, or was cut at the maximum length, bool `[B, R]`.
    """

    token_ids: Any
    lengths: Any
    scores: Any
    has_ended: Any


def is_finite(value: Any) -> bool:
    """Whether a setting is a number other than NaN and infinity."""
    return isinstance(value, int | float) and math.isfinite(value)


def checked_length(length: Any) -> Any:
    """Validates a maximum length, unless it is a tensor."""
    if isinstance(length, int) and length < 1:
        raise ValueError(f"Expected a maximum length of 1 token or more, got {length}.")
    return length


def write_column(table: Any, index: Any, column: Any) -> Any:
    """Writes a column `[...]` at an index of a table `[..., L]`."""
    size = table.shape[-1] or ops.shape(table)[-1]
    here = ops.arange(size, dtype="int32") == ops.cast(index, "int32")  # [L]
    return ops.where(here, column[..., None], table)


def length_divisor(length: Any, length_penalty: float) -> Any:
    """Returns the length to the power of the penalty, float32."""
    return ops.power(ops.cast(length, "float32"), length_penalty)


def decoded(table: Any, scores: Any, has_ended: Any, limits: Limits) -> Decoded:
    """Separates the end tokens from tables of tokens `[B, R, L]`."""
    is_end = table == limits.end_token_id  # [B, R, L]
    after = ops.cumsum(ops.cast(is_end, "int32"), axis=-1) > 0
    lengths = ops.sum(ops.cast(~after, "int32"), axis=-1)  # [B, R]
    token_ids = ops.where(after, limits.pad_token_id, table)
    return Decoded(ops.cast(token_ids, "int32"), lengths, scores, has_ended)


def loop(condition: Any, body: Any, variables: tuple) -> tuple:
    """Runs a loop whose variables keep their shapes."""
    if keras.backend.backend() != "tensorflow":
        return ops.while_loop(condition, body, variables)
    import tensorflow as tf

    def body_of(*values):
        new = body(*values)
        for before, after in zip(
            tf.nest.flatten(values), tf.nest.flatten(new), strict=True
        ):
            after.set_shape(before.shape)
        return new

    return ops.while_loop(condition, body_of, variables)
