"""One continuation per row: the likeliest next token, or one drawn at random."""

import dataclasses
from typing import Any

import keras
from keras import ops

from kerasbert.decoding.decoded import (
    IMPOSSIBLE,
    Decoded,
    Limits,
    checked_length,
    decoded,
    is_finite,
    loop,
    write_column,
)


class OneContinuation:
    """A strategy that continues each row by one token after the other."""

    def __call__(
        self,
        continuation: Any,
        limits: Limits,
        seen: Any = None,
        uniforms: Any = None,
    ) -> Decoded:
        """Continues a batch of prompts.

        Args:
            continuation: A `kerasbert.models.decoder.Continuation`.
            limits: Which continuations it may give.
            seen: Tokens of the prompts, from `Limits.seen_in`, for its penalty.
            uniforms: Random numbers from 0 to 1, float32 `[B, L]`, from `uniforms_of`:
                one for each token of each row; `Greedy` needs none.

        Returns:
            `Decoded`, with one result per row.
        """
        return _search(continuation, limits, seen, self.choose, uniforms)


@dataclasses.dataclass(frozen=True)
class Greedy(OneContinuation):
    """The likeliest next token, again and again.

    Example:
        >>> Greedy()
        Greedy()
    """

    def choose(self, logits: Any, uniform: Any = None) -> Any:
        """Chooses a token for each row.

        Shapes:
            logits `[B, V]` -> int32 `[B]`.
        """
        return ops.cast(ops.argmax(logits, axis=-1), "int32")


@dataclasses.dataclass(frozen=True)
class Sampling(OneContinuation):
    """Next tokens drawn at random.

    Args:
        temperature: Divides the logits: below 1 likely tokens become likelier.
        top_k: Draw from the k likeliest tokens; None: from all.
        top_p: Draw from the likeliest tokens, as many as have this probability
            together; None: from all.

    Raises:
        ValueError: If a value is out of range.

    Example:
        >>> Sampling(temperature=0.8, top_p=0.95).top_k is None
        True

    Reference:
        [Holtzman et al., 2019](https://arxiv.org/abs/1904.09751), section 3.1, for
        `top_p`.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None

    def __post_init__(self):
        if not is_finite(self.temperature) or not self.temperature > 0:
            raise ValueError(
                f"Expected a temperature above 0, got {self.temperature!r}. Greedy() "
                "takes the likeliest token each time."
            )
        if self.top_k is not None and (type(self.top_k) is not int or self.top_k < 1):
            raise ValueError(f"Expected top_k of 1 or more tokens, got {self.top_k}.")
        if self.top_p is not None and not (
            is_finite(self.top_p) and 0 < self.top_p <= 1
        ):
            raise ValueError(
                f"Expected top_p to be a probability above 0, to 1, got {self.top_p}."
            )

    def log_probs(self, logits: Any) -> tuple[Any, Any]:
        """Computes the distribution from which tokens are drawn.

        Shapes:
            logits `[B, V]` -> log probabilities in falling order and their tokens,
            `[B, K]` each; tokens that cannot be drawn have -1e9.
        """
        size = logits.shape[-1]
        most = size if self.top_k is None else min(self.top_k, size)
        values, tokens = ops.top_k(logits / self.temperature, most)  # [B, K]
        if self.top_p is not None and most > 1:  # the likeliest can always be drawn
            probs = ops.softmax(values, axis=-1)
            before = ops.cumsum(probs, axis=-1) - probs  # of likelier tokens
            values = ops.where(before < self.top_p, values, IMPOSSIBLE)
        log_probs = ops.log_softmax(values, axis=-1)
        return ops.maximum(log_probs, IMPOSSIBLE), tokens

    def choose(self, logits: Any, uniform: Any) -> Any:
        """Chooses a token for each row.

        Shapes:
            logits `[B, V]`, uniform `[B]` -> int32 `[B]`.
        """
        log_probs, tokens = self.log_probs(logits)
        cumulative = ops.cumsum(ops.exp(log_probs), axis=-1)  # [B, K]
        drawn = uniform[:, None] * cumulative[:, -1:]  # [B, 1]
        place = ops.sum(ops.cast(cumulative <= drawn, "int32"), axis=-1)  # [B]
        possible = ops.sum(ops.cast(log_probs > IMPOSSIBLE / 2, "int32"), axis=-1)
        place = ops.minimum(place, possible - 1)[:, None]  # [B, 1]
        return ops.cast(ops.take_along_axis(tokens, place, axis=-1)[:, 0], "int32")


def uniforms_of(rows: Any, length: Any, seed: int) -> Any:
    """Draws the random numbers of a `Sampling`, float32 `[B, L]`."""
    return keras.random.uniform((rows, length), seed=seed)


def _search(continuation, limits, seen, choose, uniforms):
    length = checked_length(continuation.length)
    logits = continuation.logits
    rows = logits.shape[0] or ops.shape(logits)[0]
    size = logits.shape[-1]
    table = ops.zeros((rows, length), "int32") + limits.end_token_id  # [B, L]
    start = (
        ops.zeros((), "int32"),
        logits,
        table,
        ops.zeros((rows,), "float32"),  # log probabilities
        ops.zeros((rows,), "bool"),  # which have ended
        ops.zeros((rows, 1), "bool") if seen is None else seen,
        continuation.caches,
    )

    def goes_on(index, logits, table, scores, has_ended, seen, caches):
        return (index < length) & ~ops.all(has_ended)

    def advance(index, logits, table, scores, has_ended, occurred, caches):
        every = seen is not None
        allowed = limits.restricted(logits, index, occurred if every else None)
        uniform = None if uniforms is None else ops.take(uniforms, index, axis=1)
        token = choose(allowed, uniform)  # [B]
        token = ops.where(has_ended, limits.end_token_id, token)
        log_probs = ops.log_softmax(logits, axis=-1)
        gained = ops.take_along_axis(log_probs, token[:, None], axis=1)[:, 0]
        scores = scores + ops.where(has_ended, 0.0, gained)
        table = write_column(table, index, token)
        if every:
            occurred = occurred | (ops.one_hot(token, size) > 0)
        has_ended = has_ended | (token == limits.end_token_id)
        logits, caches = continuation.step(token, index, caches)
        return index + 1, logits, table, scores, has_ended, occurred, caches

    found = loop(goes_on, advance, start)
    _, _, table, scores, has_ended, *_ = found
    result = decoded(table[:, None], scores[:, None], has_ended[:, None], limits)
    taken = result.lengths + ops.cast(result.has_ended, "int32")  # [B, 1]
    scores = result.scores / ops.cast(ops.maximum(taken, 1), "float32")
    return result._replace(scores=scores)
