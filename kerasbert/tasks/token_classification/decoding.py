"""Viterbi decoding of tags, and extraction of entities, in the graph.

Shapes: B texts, N words of all texts, C labels, M entities of all texts.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from kerasbert.text.ragged import row_numbers


class Entities(NamedTuple):
    """The entities of texts.

    Args:
        labels: The label of the first word of each, int32 `[M]`, which tells its type.
        first: Its first word, counted over all texts, int32 `[M]`.
        last: Its last word.
        scores: The mean probability of its words' tags, float32 `[M]`.
        row_splits: The first entity of each text, and the number of all, `[B + 1]`.
    """

    labels: tf.Tensor
    first: tf.Tensor
    last: tf.Tensor
    scores: tf.Tensor
    row_splits: tf.Tensor


class TagDecoder:
    """Finds the most probable valid tags, and extracts entities.

    Where the likeliest tag of each word gives a sequence that is allowed, as it nearly
    always does, it is that one; Viterbi's algorithm finds it for the other texts.

    Args:
        scheme: A `kerasbert.tasks.token_classification.tags.TagScheme`.

    Reference:
        [Forney, 1973](https://doi.org/10.1109/PROC.1973.9030).
    """

    def __init__(self, scheme):
        self.follows, self.first, self.last = scheme.follows, scheme.first, scheme.last
        roles = np.array(scheme.roles)
        self.outside = roles == "O"
        self.begins = np.isin(roles, ["B", "S"])
        self.ends = np.isin(roles, ["O", "E", "S"])
        self.types = np.unique(scheme.types, return_inverse=True)[1].astype("int32")

    def tags(self, logits):
        """Returns the indices of the words' tags.

        Shapes:
            logits `[B, (N), C]` -> tags int32 `[N]`.
        """
        best = tf.argmax(logits.values, axis=-1, output_type=tf.int32)  # [N]
        rows = row_numbers(logits)  # [N]
        is_first, is_last = _edges(rows)
        allowed = tf.where(
            is_first,
            tf.gather(self.first, best),
            tf.gather_nd(self.follows, tf.stack([_before(best), best], axis=-1)),
        )
        allowed &= ~is_last | tf.gather(self.last, best)

        def repaired():
            wrong = tf.cast(~allowed, tf.int32)
            broken = tf.math.unsorted_segment_max(wrong, rows, logits.nrows()) > 0
            places = tf.where(tf.gather(broken, rows))  # [words in them, 1]
            tags = self._viterbi(tf.ragged.boolean_mask(logits, broken))
            return tf.tensor_scatter_nd_update(best, places, tags)

        return tf.cond(tf.reduce_all(allowed), lambda: best, repaired)

    def _viterbi(self, logits):
        lengths = tf.cast(logits.row_lengths(), tf.int32)  # [B]
        scores_of_words = tf.nn.log_softmax(logits.to_tensor())  # [B, S, C]
        steps = tf.unstack(tf.shape(scores_of_words))[1]
        count = len(self.first)
        stay = tf.range(count)[None, :]  # [1, C]
        pointers = tf.TensorArray(tf.int32, steps, element_shape=[None, count])

        def forward(step, scores, pointers):
            candidates = scores[:, :, None] + _penalty(self.follows)  # [B, C, C]
            before = tf.argmax(candidates, axis=1, output_type=tf.int32)  # [B, C]
            after = tf.reduce_max(candidates, axis=1) + scores_of_words[:, step]
            inside = (step < lengths)[:, None]  # [B, 1]
            pointers = pointers.write(step, tf.where(inside, before, stay))
            return step + 1, tf.where(inside, after, scores), pointers

        _, scores, pointers = tf.while_loop(
            lambda step, *_: step < steps,
            forward,
            (1, scores_of_words[:, 0] + _penalty(self.first), pointers),
        )
        last = tf.argmax(scores + _penalty(self.last), axis=1, output_type=tf.int32)
        path = tf.TensorArray(tf.int32, steps, element_shape=[None])

        def backward(step, tag, path):
            path = path.write(step, tag)
            before = tf.gather(pointers.read(step), tag, batch_dims=1)  # [B]
            return step - 1, before, path

        _, tag, path = tf.while_loop(
            lambda step, *_: step > 0, backward, (steps - 1, last, path)
        )
        tags = tf.transpose(path.write(0, tag).stack())  # [B, S]
        return tf.boolean_mask(tags, tf.sequence_mask(lengths, steps))  # [N]

    def entities(self, logits, tags):
        """Extracts entities from tags.

        Shapes:
            logits `[B, (N), C]`, tags `[N]` -> `Entities`.
        """
        rows = row_numbers(logits)  # [N]
        is_first, _ = _edges(rows)
        types = tf.gather(self.types, tags)
        begins = tf.gather(~self.outside, tags) & (
            is_first
            | tf.gather(self.begins, tags)
            | tf.gather(self.ends, _before(tags))
            | (types != _before(types))
        )
        first = tf.cast(tf.where(begins)[:, 0], tf.int32)  # [M]
        count = tf.size(first)
        words = tf.cast(tf.where(tf.gather(~self.outside, tags))[:, 0], tf.int32)
        entity = tf.gather(tf.cumsum(tf.cast(begins, tf.int32)) - 1, words)
        chosen = tf.gather(tf.nn.softmax(logits.values), tags, batch_dims=1)  # [N]
        counts = tf.math.unsorted_segment_sum(
            tf.cast(begins, tf.int64), rows, logits.nrows()
        )
        return Entities(
            labels=tf.gather(tags, first),
            first=first,
            last=tf.math.unsorted_segment_max(words, entity, count),
            scores=tf.math.unsorted_segment_mean(
                tf.gather(chosen, words), entity, count
            ),
            row_splits=tf.concat([[0], tf.cumsum(counts)], axis=0),
        )


def _before(values):
    """Shifts values by one."""
    return tf.concat([values[:1], values[:-1]], axis=0)


def _edges(rows):
    """Whether each word is the first, and the last, of its row."""
    changes = rows[1:] != rows[:-1]
    edge = tf.ones_like(rows[:1], tf.bool)
    return tf.concat([edge, changes], axis=0), tf.concat([changes, edge], axis=0)


def _penalty(allowed):
    """Returns 0 where allowed, and minus infinity elsewhere."""
    return tf.constant(np.where(allowed, 0.0, -np.inf), tf.float32)
