"""Scores of answer spans from the logits of windows, in the TensorFlow graph.

Shapes: B questions, W windows of all questions, T tokens of all contexts, A lengths of
an answer, from one token on.
"""

from typing import NamedTuple

import tensorflow as tf

from kerasbert.text.ragged import row_numbers
from kerasbert.text.windows import most_context


class Spans(NamedTuple):
    """Scores of all candidate answers.

    Args:
        scores: For each token of the contexts the scores of the answers that begin
            there and have 1 to A tokens, float32 `[T, A]`; minus infinity where no
            answer can be.
        no_answer: The score of no answer, float32 `[B]`.
    """

    scores: tf.Tensor
    no_answer: tf.Tensor


def span_scores(logits, row_starts, windows, contexts, max_answer_length):
    """Returns the sums of start and end logits of candidate answers.

    A token of the context is seen by several windows. An answer is scored by the one
    that shows its first token with the most context, and lies in it as a whole.
    Tokens without characters begin and end no answer.

    Args:
        logits: Start and end logits, float32 `[rows of logits]` each, in which every
            row of a window stands in one piece.
        row_starts: Where each row begins there, int64 `[W]`.
        windows: `Windows`.
        contexts: For each token of the contexts whether it has characters, bool
            `[B, None]`.
        max_answer_length: A.

    Returns:
        `Spans`.

    Reference:
        [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), sections 4.2 and 4.3.
    """
    start_logits, end_logits = logits
    window, token = best_windows(windows, contexts)  # [T] each
    starts = tf.gather(windows.starts, window)
    place = token - starts  # [T], in the window
    slots = tf.gather(row_starts + windows.slots, window) + place  # [T]
    steps = tf.range(max_answer_length, dtype=tf.int64)
    left = tf.gather(windows.sizes, window) - place  # [T]
    inside = steps < left[:, tf.newaxis]  # [T, A]
    reach = tf.where(inside, steps, 0)
    has_text = contexts.values
    tokens = tf.range(tf.size(has_text, tf.int64))[:, tf.newaxis] + reach  # [T, A]
    possible = inside & has_text[:, tf.newaxis] & tf.gather(has_text, tokens)
    sums = tf.gather(start_logits, slots)[:, tf.newaxis] + tf.gather(
        end_logits, slots[:, tf.newaxis] + reach
    )  # [T, A]
    of_windows = tf.gather(start_logits, row_starts) + tf.gather(end_logits, row_starts)
    return Spans(
        scores=tf.where(possible, sums, tf.constant(float("-inf"))),
        no_answer=tf.math.unsorted_segment_min(
            of_windows, windows.questions, contexts.nrows()
        ),
    )


def best_windows(windows, contexts):
    """Returns the window in which each context token has the most context.

    That is the one where the lesser of the numbers of tokens before and after it is
    greatest, a hundredth of the window's size added.

    Args:
        windows: `Windows`.
        contexts: As in `span_scores`.

    Returns:
        The window of each token, int64 `[T]`, and its place in its context, int64
        `[T]`.
    """
    first = tf.gather(contexts.row_starts(), windows.questions) + windows.starts
    tokens = tf.ragged.range(first, first + windows.sizes)  # [W, None]
    window = row_numbers(tokens)  # [seen]
    before = tokens.values - tf.gather(first, window)
    size = tf.gather(windows.sizes, window)
    context = 100 * tf.minimum(before, size - 1 - before) + size
    count = tf.size(contexts.values, tf.int64)
    window = most_context(context, tokens.values, window, count)  # [T]
    places = tf.range(count) - tf.gather(contexts.row_starts(), row_numbers(contexts))
    return window, places


def best_spans(scores, contexts, nothing):
    """Returns the best answer to each question.

    Shapes:
        scores `[T, A]`, contexts `[B, (T)]`, nothing `[B]` -> the first and the last
        token of the answer, int64 `[B]` each, T where there is none; its probability
        `[B]`.
    """
    questions, count = row_numbers(contexts), contexts.nrows()
    none = tf.size(questions, tf.int64)  # T
    of_tokens = tf.reduce_max(scores, axis=1)  # [T]
    best = tf.math.unsorted_segment_max(of_tokens, questions, count)  # [B]
    best = tf.maximum(best, scores.dtype.min)  # where no answer can be
    highest = best if nothing is None else tf.maximum(best, nothing)  # [B]

    ratios = tf.exp(scores - tf.gather(highest, questions)[:, tf.newaxis])  # [T, A]
    total = tf.math.unsorted_segment_sum(
        tf.reduce_sum(ratios, axis=1), questions, count
    )  # [B]
    answered = (best > scores.dtype.min) & (best == highest)
    if nothing is not None:
        total += tf.exp(nothing - highest)
    score = tf.where(total > 0, 1 / total, 1.0)

    is_best = of_tokens == tf.gather(best, questions)
    first = tf.where(is_best, tf.range(none), none)  # [T]
    first = tf.math.unsorted_segment_min(first, questions, count)  # [B]
    first = tf.where(answered, first, none)
    steps = tf.concat([tf.argmax(scores, axis=1), [0]], axis=0)  # [T + 1]
    return first, first + tf.gather(steps, first), score
