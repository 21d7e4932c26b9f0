"""Tokens one after the other, as they are chosen."""

from collections.abc import Iterator
from typing import Any

from keras import ops

from kerasbert.decoding.decoded import Limits


def stream(
    continuation: Any,
    strategy: Any,
    limits: Limits,
    seen: Any = None,
    uniforms: Any = None,
) -> Iterator[Any]:
    """Yields the new tokens of a batch, which are those that the strategy returns.

    Args:
        continuation: A `kerasbert.models.decoder.Continuation`.
        strategy: A `Greedy` or a `Sampling`: a beam search knows its tokens at the end.
        limits: Which continuations it may give.
        seen: Tokens of the prompts, from `Limits.seen_in`, for its penalty.
        uniforms: Random numbers of a `Sampling`, float32 `[B, L]`.

    Yields:
        int32 `[B]` each, an array: the next token of each row; after the end of a row
        its end token again. The last one is the one with which all rows have ended.

    Raises:
        TypeError: If the strategy does not choose token by token.
    """
    if not hasattr(strategy, "choose"):
        raise TypeError(
            f"Expected Greedy() or Sampling(...) to stream, got {strategy}: a beam "
            "search knows its tokens at the end."
        )
    logits, caches = continuation.logits, continuation.caches
    has_ended = ops.zeros((logits.shape[0],), "bool")  # [B]
    for index in range(int(continuation.length)):
        allowed = limits.restricted(logits, index, seen)
        uniform = None if uniforms is None else uniforms[:, index]
        token = ops.where(
            has_ended, limits.end_token_id, strategy.choose(allowed, uniform)
        )
        has_ended = has_ended | (token == limits.end_token_id)
        yield ops.convert_to_numpy(token)
        if bool(ops.all(has_ended)):
            return
        if seen is not None:
            seen = seen | (ops.one_hot(token, logits.shape[-1]) > 0)
        logits, caches = continuation.step(token, index, caches)
