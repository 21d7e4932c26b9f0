"""Selection of the best answers by their scores."""

import functools

import numpy as np
import tensorflow as tf

from kerasbert.processes import Portable
from kerasbert.tasks.question_answering.spans import span_scores
from kerasbert.tasks.question_answering.windows import Windows

NOTHING = (0, 0)  # where no answer stands


class SpanScorer(Portable):
    """Computes `span_scores` for arrays.

    Args:
        max_answer_length: The most tokens of an answer, A.
    """

    def __init__(self, max_answer_length):
        self.max_answer_length = max_answer_length

    def __call__(self, outputs, windows, contexts):
        """Returns the scores of all candidate answers."""
        logits = [
            np.concatenate([row[name] for row in outputs])
            for name in ("start_logits", "end_logits")
        ]
        row_ends = np.cumsum([len(row["start_logits"]) for row in outputs])
        row_starts = np.concatenate([[0], row_ends[:-1]])
        has_text = np.concatenate([text.ends > text.starts for text in contexts])
        ends = np.cumsum([len(text.ids) for text in contexts])
        splits = np.concatenate([[0], ends])
        scores, no_answer = self._score(
            *logits, row_starts, *windows[2:], has_text, splits
        )
        scores, no_answer = scores.numpy(), no_answer.numpy()
        for number, nothing in enumerate(no_answer):
            yield scores[splits[number] : splits[number + 1]], nothing

    @functools.cached_property
    def _score(self):
        def score(starts, ends, rows, questions, slots, firsts, sizes, text, splits):
            windows = Windows(None, None, questions, slots, firsts, sizes)
            contexts = tf.RaggedTensor.from_row_splits(text, splits)
            return span_scores(
                (starts, ends), rows, windows, contexts, self.max_answer_length
            )

        dtypes = [tf.float32] * 2 + [tf.int64] * 5 + [tf.bool, tf.int64]
        signature = [tf.TensorSpec([None], dtype) for dtype in dtypes]
        return tf.function(score, input_signature=signature, autograph=False)


def best_answers(context, text, scores, no_answer=None, count=1):
    """Returns the best answers to a question."""
    flat = scores.ravel()
    kept = min(4 * count, flat.size)  # pieces of one character make equal answers
    least = np.partition(flat, -kept)[-kept] if kept else 0.0
    candidates = np.flatnonzero((flat >= least) & (flat > -np.inf))
    candidates = candidates[np.argsort(-flat[candidates], kind="stable")][:kept]
    firsts, steps = np.divmod(candidates, scores.shape[1])
    starts, ends = text.starts[firsts], text.ends[firsts + steps]
    found = {}
    for start, end, score in zip(
        starts.tolist(), ends.tolist(), flat[candidates].tolist(), strict=True
    ):
        found.setdefault((start, end), score)
    if no_answer is not None or not found:
        found[NOTHING] = float(no_answer or 0.0)
    ranked = sorted(found.items(), key=lambda item: -item[1])[:count]
    highest = ranked[0][1]
    total = np.exp(flat - highest, dtype="float64").sum()
    if NOTHING in found:
        total += np.exp(found[NOTHING] - highest)
    return [
        {
            "answer": context[start:end],
            "score": float(np.exp(score - highest) / total),
            "start": start,
            "end": end,
        }
        for (start, end), score in ranked
    ]
