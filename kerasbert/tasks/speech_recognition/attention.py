"""Attention decoding of speech: a decoder writes units from the states of an encoder.

Unit 0, the blank of CTC, begins and ends a text here.
"""

import keras
import tensorflow as tf

from kerasbert.decoding import BeamSearch, Greedy, Limits
from kerasbert.models.decoder import Continuation
from kerasbert.tasks.class_losses import ClassCrossentropy
from kerasbert.training.features import IGNORED

END = 0


@keras.saving.register_keras_serializable(package="kerasbert")
class TextCrossentropy(ClassCrossentropy):
    """Negative log probability of a text, the sum over its units, as that of CTC.

    Args:
        **options: Those of `ClassCrossentropy`.

    Shapes:
        units int32 `[B, U]`, padded with -1; logits `[B, U, V]` -> `[B]`.
    """

    def __init__(self, ignore_class=IGNORED, **options):
        super().__init__(ignore_class=ignore_class, **options)

    def call(self, y_true, y_pred):
        inside = tf.cast(tf.not_equal(tf.cast(y_true, tf.int32), IGNORED), tf.float32)
        return tf.reduce_sum(inside * super().call(y_true, y_pred), axis=1)  # [B]


def attend(decoder, states, mask, beams):
    """Decodes with attention, greedily or with beams.

    A recording without sound has no units, and others have at most as many as states,
    with one more between two that are alike, as CTC has.

    Args:
        decoder: The decoder of a `SpeechRecognitionModel`.
        states: Of the encoder, `[B, S, D]`.
        mask: Their mask, int32 `[B, S]`.
        beams: Number of beams.

    Returns:
        Units int32 `[B, U]`, padded with 0, and the mean log probability of the units
        of each row, its end included, float32 `[B]`.
    """
    prompt = tf.fill([tf.shape(states)[0], 1], END)
    longest = tf.maximum(tf.shape(states)[1], 1)
    begun = Continuation(decoder, prompt, None, states, mask, longest)
    search = Greedy() if beams == 1 else BeamSearch(beams)
    found = search(begun, Limits(end_token_id=END, pad_token_id=END))
    units = found.token_ids[:, 0]  # [B, U]
    twins = tf.cast(units[:, 1:] == units[:, :-1], tf.int32)
    needed = tf.cumsum(1 + tf.pad(twins, [[0, 0], [1, 0]]), axis=1)
    counts = tf.reduce_sum(mask, axis=1)  # [B]
    units = tf.where(needed <= counts[:, None], units, END)
    return units, tf.where(counts > 0, found.scores[:, 0], 0.0)
