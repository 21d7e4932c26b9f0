"""Connectionist temporal classification: loss, decoding, alignment.

Unit 0 is the blank. Padding is the blank with probability 1, so that nothing here takes
lengths (`kerasbert.layers.speech.CTCHead`).
"""

import keras
import numpy as np
import tensorflow as tf

from kerasbert.training.features import IGNORED


@keras.saving.register_keras_serializable(package="kerasbert")
class CTCLoss(keras.losses.Loss):
    """Negative log probability of a text, the sum over all of its paths.

    Args:
        **options: `reduction`, `name` and `dtype` of a Keras loss.

    Shapes:
        units int32 `[B, U]`, padded with -1; logits `[B, S, V]` -> `[B]`.

    Reference:
        [Graves et al., 2006](https://doi.org/10.1145/1143844.1143891), section 4.
    """

    def __init__(self, name="ctc", **options):
        super().__init__(name=name, **options)

    def call(self, y_true, y_pred):
        units = tf.cast(y_true, tf.int32)
        inside = units != IGNORED  # [B, U]
        places = tf.where(inside)
        labels = tf.SparseTensor(
            places,
            tf.boolean_mask(units, inside),
            tf.cast(tf.shape(units), tf.int64),
        )
        steps = tf.fill([tf.shape(y_pred)[0]], tf.shape(y_pred)[1])  # [B]
        return tf.nn.ctc_loss(  # the sparse form is one operation, the dense a loop
            labels, y_pred, None, steps, logits_time_major=False, blank_index=0
        )  # [B]


def greedy(logits):
    """Decodes the likeliest path in the graph.

    Shapes:
        logits `[B, S, V]` -> units int32 `[B, S]`, 0 where a state adds none, and
        score `[B]`, the mean log probability of the path's states.
    """
    log_probs = tf.nn.log_softmax(logits)  # [B, S, V]
    path = tf.argmax(log_probs, axis=-1, output_type=tf.int32)  # [B, S]
    before = tf.pad(path[:, :-1], [[0, 0], [1, 0]], constant_values=-1)
    units = tf.where(path == before, 0, path)  # [B, S]
    return units, tf.reduce_sum(tf.reduce_max(log_probs, axis=-1), axis=1)


def prefix_beam(logits, beams):
    """Decodes the likeliest texts, over all of their paths, in the graph.

    Shapes:
        logits `[B, S, V]` -> units int32 `[B, U]`, padded with 0, and their log
        probability `[B]`.

    Reference:
        [Hannun et al., 2014](https://arxiv.org/abs/1408.2873), algorithm 1.
    """
    last = tf.concat(
        [logits[..., 1:], logits[..., :1]], axis=-1
    )  # the blank at the end
    steps = tf.fill([tf.shape(logits)[0]], tf.shape(logits)[1])
    [decoded], scores = tf.nn.ctc_beam_search_decoder(
        tf.transpose(last, [1, 0, 2]), steps, beam_width=beams, top_paths=1
    )
    units = tf.sparse.to_dense(decoded, default_value=-1) + 1
    return tf.cast(units, tf.int32), scores[:, 0]


def align(log_probs, units):
    """Finds the likeliest path of a text.

    Args:
        log_probs: Log probabilities `[S, V]`.
        units: The units of the text, in order.

    Returns:
        For each unit its first state and the one after its last, int64 `[U, 2]`.
    """
    states = np.zeros(2 * len(units) + 1, int)  # blanks between the units
    states[1::2] = units
    scores = log_probs[:, states]  # [S, 2 U + 1]
    best = np.full(len(states), -np.inf)
    best[:2] = scores[0, :2]
    skips = np.zeros(len(states), bool)
    skips[3::2] = states[3::2] != states[1:-2:2]
    moves = np.zeros(scores.shape, int)
    for step in range(1, len(scores)):
        before = np.r_[-np.inf, -np.inf, best]  # one and two places earlier
        from_two = np.where(skips, before[:-2], -np.inf)
        choices = np.stack([best, before[1:-1], from_two])
        moves[step] = choices.argmax(axis=0)
        best = choices.max(axis=0) + scores[step]
    place = len(states) - 1
    if len(states) > 1 and best[-2] > best[-1]:
        place -= 1
    path = np.empty(len(scores), int)
    for step in range(len(scores) - 1, -1, -1):
        path[step] = place
        place -= moves[step, place]
    steps = [np.flatnonzero(path == 2 * unit + 1) for unit in range(len(units))]
    return np.array([[s[0], s[-1] + 1] for s in steps], "int64").reshape(-1, 2)


def states_needed(units):
    """Returns the least number of states for a text: a blank stands between twins."""
    return len(units) + sum(a == b for a, b in zip(units, units[1:], strict=False))
