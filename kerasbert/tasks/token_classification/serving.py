"""Logits of words, and substrings, in the graph of an export."""

import tensorflow as tf

from kerasbert.text.ragged import row_numbers
from kerasbert.text.utf8 import replace_invalid

ROWS_AT_ONCE = 64


def word_logits(graph, words):
    """Returns the logits of the words, `[N, C]`.

    A book has thousands of windows; what attention takes for all of them at once no
    machine has. Those beyond the first few, which most requests do not have, are
    computed in a loop, outside of which the weights are constants to the compiler.
    """
    rows = words.token_ids

    def compute(first):
        part = rows[first : first + ROWS_AT_ONCE]
        logits = graph.outputs(part, tf.zeros_like(part))["logits"]  # [W, S, C]
        inside = tf.sequence_mask(part.row_lengths(), tf.shape(logits)[1])
        return tf.boolean_mask(logits, inside)  # [T, C]

    logits = compute(0)
    _, logits = tf.while_loop(
        lambda first, logits: first < rows.nrows(),
        lambda first, logits: (
            first + ROWS_AT_ONCE,
            tf.concat([logits, compute(first)], axis=0),
        ),
        (tf.constant(ROWS_AT_ONCE, tf.int64), logits),
        shape_invariants=(tf.TensorShape([]), tf.TensorShape([None, logits.shape[1]])),
    )
    return tf.gather(logits, words.places.values)


def substrings(text, starts, ends):
    """Returns substrings by character offsets."""
    texts = tf.gather(replace_invalid(text), row_numbers(starts))
    parts = tf.strings.substr(
        texts, starts.values, ends.values - starts.values, unit="UTF8_CHAR"
    )
    return starts.with_values(parts)
