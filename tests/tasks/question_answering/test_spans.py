import itertools

import numpy as np
import tensorflow as tf

from kerasbert.tasks.question_answering.spans import best_windows, span_scores
from kerasbert.tasks.question_answering.windows import Windows


def windows_of(*rows):
    """Windows of rows of question, slot, start and size."""
    return Windows(None, None, *tf.constant(np.transpose(rows), tf.int64))


def ragged(*rows):
    return tf.ragged.constant(rows, tf.bool, row_splits_dtype=tf.int64)


def test_a_token_belongs_to_the_window_that_shows_most_around_it():
    # Nine tokens in windows of five, from 0, 3 and 4, and another context of two.
    windows = windows_of([0, 4, 0, 5], [0, 4, 3, 5], [0, 4, 4, 5], [1, 4, 0, 2])
    owners, places = best_windows(windows, ragged([True] * 9, [True] * 2))
    # Token 3: one token after it in the first window, none before it in the second.
    # Token 4: none after, one before and none before. Of equals, the first window.
    assert owners.numpy().tolist() == [0, 0, 0, 0, 1, 1, 2, 2, 2, 3, 3]
    assert places.numpy().tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1]


def test_a_larger_window_wins_where_the_context_is_the_same():
    windows = windows_of([0, 4, 0, 2], [0, 4, 1, 4])
    owners, _ = best_windows(windows, ragged([True] * 5))
    assert owners.numpy().tolist() == [0, 1, 1, 1, 1]


def test_scores_are_sums_of_logits_in_the_window_of_the_first_token():
    random = np.random.default_rng(0)
    rows = [[0, 4, 0, 5], [0, 4, 3, 5], [0, 4, 4, 5], [1, 3, 0, 2], [2, 3, 0, 0]]
    text = [[True] * 6 + [False] + [True] * 2, [True] * 2, []]
    lengths = [slot + size + 1 for _, slot, _, size in rows]
    row_starts = np.cumsum([0, *lengths[:-1]])
    start, end = random.normal(size=(2, sum(lengths))).astype("float32")
    windows, contexts = windows_of(*rows), ragged(*text)
    spans = span_scores(
        [tf.constant(start), tf.constant(end)],
        tf.constant(row_starts),
        windows,
        contexts,
        max_answer_length=3,
    )

    expected = []
    owners, _ = best_windows(windows, contexts)
    tokens = [(q, place) for q, row in enumerate(text) for place in range(len(row))]
    for (question, first), owner in zip(tokens, owners.numpy(), strict=True):
        _, slot, begin, size = rows[owner]
        at = row_starts[owner] + slot - begin
        for last in range(first, first + 3):
            fits = last < begin + size and text[question][first]
            fits = fits and text[question][last]
            expected.append(start[at + first] + end[at + last] if fits else -np.inf)
    np.testing.assert_array_equal(spans.scores.numpy().ravel(), expected)

    nothing = [
        min(start[row_starts[w]] + end[row_starts[w]] for w in group)
        for _, group in itertools.groupby(range(len(rows)), lambda w: rows[w][0])
    ]
    np.testing.assert_array_equal(spans.no_answer.numpy(), np.float32(nothing))
