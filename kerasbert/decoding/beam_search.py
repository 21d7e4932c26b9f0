"""Beam search: the likeliest continuations as wholes."""

import dataclasses
from typing import Any

from keras import ops

from kerasbert.decoding.decoded import (
    IMPOSSIBLE,
    Decoded,
    Limits,
    checked_length,
    decoded,
    is_finite,
    length_divisor,
    loop,
    write_column,
)


@dataclasses.dataclass(frozen=True)
class BeamSearch:
    """Beam search that keeps what has ended apart from what goes on.

    The beams that go on never lose their place to one that has ended, and a row is
    over when none of them could improve on the results it has.

    Args:
        num_beams: Number of beams, M.
        length_penalty: Power of the length by which log probabilities are divided:
            0 prefers short continuations, 1 (the mean) and above longer ones.
        num_results: Number of results, R, at most M.

    Raises:
        ValueError: If a value is out of range.

    Example:
        >>> BeamSearch(num_beams=5).num_results
        1

    Reference:
        [Wu et al., 2016](https://arxiv.org/abs/1609.08144), section 7, for
        normalisation by length.
    """

    num_beams: int = 5
    length_penalty: float = 1.0
    num_results: int = 1

    def __post_init__(self):
        if type(self.num_beams) is not int or self.num_beams < 1:
            raise ValueError(f"Expected num_beams of 1 or more, got {self.num_beams}.")
        results = self.num_results
        if type(results) is not int or not 1 <= results <= self.num_beams:
            raise ValueError(
                f"Expected num_results from 1 to {self.num_beams} (the beams), got "
                f"{results}."
            )
        if not is_finite(self.length_penalty):
            raise ValueError(
                "Expected length_penalty to be a number, such as 1.0, got "
                f"{self.length_penalty!r}."
            )

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
            uniforms: Ignored.

        Returns:
            `Decoded`, with `num_results` results per row.

        Raises:
            ValueError: If the vocabulary is smaller than the beam.
        """
        beams = self.num_beams
        size = continuation.logits.shape[-1]
        if 2 * beams > beams * size or beams > size:
            raise ValueError(
                f"Expected at most {size} beams, as many as the vocabulary has tokens, "
                f"got num_beams={beams}."
            )
        length = checked_length(continuation.length)
        rows = continuation.logits.shape[0] or ops.shape(continuation.logits)[0]
        continuation.repeat(beams)

        tables = ops.zeros((rows, beams, length), "int32") + limits.end_token_id
        impossible = ops.zeros((rows, beams), "float32") + IMPOSSIBLE
        first = ops.arange(beams) == 0  # the beams are alike at the start
        scores = ops.where(first, 0.0, impossible)  # [B, M]
        occurred = ops.zeros((rows * beams, 1), "bool")
        if seen is not None:
            occurred = ops.repeat(seen, beams, axis=0)  # [B M, V]
        start = (
            ops.zeros((), "int32"),
            continuation.logits,
            (tables, scores),  # of the beams that go on
            (tables, impossible, ops.zeros((rows, beams), "bool")),  # the results
            ops.ones((rows, 1), "bool"),  # which rows may improve
            occurred,
            continuation.caches,
        )

        def goes_on(index, logits, running, ended, may_improve, occurred, caches):
            return (index < length) & ops.any(may_improve)

        def advance(index, logits, running, ended, may_improve, occurred, caches):
            log_probs = ops.log_softmax(logits, axis=-1)  # [B M, V]
            known = None if seen is None else occurred
            log_probs = limits.restricted(log_probs, index, known)
            log_probs = ops.reshape(log_probs, (rows, beams, size))
            tables, scores = running
            totals = ops.reshape(log_probs + scores[..., None], (rows, beams * size))
            # Twice as many as the beams: as many go on, even if the others all end.
            candidates, places = ops.top_k(totals, 2 * beams)  # [B, 2 M]
            origins = ops.cast(places // size, "int32")
            tokens = ops.cast(places % size, "int32")
            grown = write_column(_beams_at(tables, origins), index, tokens)
            ends = tokens == limits.end_token_id
            is_last = index + 1 >= length

            # The beams that go on.
            open_scores = candidates + ops.where(ends | is_last, IMPOSSIBLE, 0.0)
            scores, best = ops.top_k(open_scores, beams)  # [B, M]
            tables = _beams_at(grown, best)
            chosen = ops.take_along_axis(tokens, best, axis=1)
            origins = ops.take_along_axis(origins, best, axis=1)

            # The results.
            allowed = (ends | is_last) & (ops.arange(2 * beams) < beams) & may_improve
            divisor = length_divisor(index + 1, self.length_penalty)
            final = candidates / divisor + ops.where(allowed, 0.0, IMPOSSIBLE)
            ended_tables, ended_scores, has_ended = ended
            merged = ops.concatenate([ended_scores, final], axis=1)  # [B, 3 M]
            ended_scores, best = ops.top_k(merged, beams)
            merged = ops.concatenate([ended_tables, grown], axis=1)
            ended_tables = _beams_at(merged, best)
            merged = ops.concatenate([has_ended, allowed], axis=1)
            has_ended = ops.take_along_axis(merged, best, axis=1)

            # The best that the beams could still become, against the worst result.
            possible = scores[:, :1] / divisor
            worst = ops.min(ended_scores, axis=1, keepdims=True)
            worst = ops.where(has_ended, worst, IMPOSSIBLE)
            may_improve = may_improve & ops.any(possible > worst, 1, keepdims=True)

            from_rows = ops.arange(rows, dtype="int32")[:, None] * beams + origins
            from_rows = ops.reshape(from_rows, (-1,))  # [B M]
            token = ops.reshape(chosen, (-1,))
            if seen is not None:
                occurred = ops.take(occurred, from_rows, axis=0)
                occurred = occurred | (ops.one_hot(token, size) > 0)
            caches = tuple(ops.take(cache, from_rows, axis=0) for cache in caches)
            logits, caches = continuation.step(token, index, caches)
            ended = ended_tables, ended_scores, has_ended
            running = tables, scores
            return index + 1, logits, running, ended, may_improve, occurred, caches

        *_, ended, _, _, _ = loop(goes_on, advance, start)
        tables, scores, _ = (part[:, : self.num_results] for part in ended)
        has_ended = ops.any(tables == limits.end_token_id, axis=-1)
        return decoded(tables, scores, has_ended, limits)


def _beams_at(tables, places):
    """Gathers beams `[B, M', L]` from `[B, M, L]` at `[B, M']`."""
    return ops.take_along_axis(tables, places[..., None], axis=1)
