"""Losses of a student against its teacher."""

import keras
from keras import ops

from kerasbert.layers import padding_bias

PACKAGE = "kerasbert"


@keras.saving.register_keras_serializable(package=PACKAGE)
class CosineDistance(keras.losses.Loss):
    """One minus the cosine similarity of two vectors.

    Shapes:
        teacher's and student's vectors `[B, E]` -> `[B]`, averaged.
    """

    def call(self, y_true, y_pred):
        true = ops.normalize(y_true, axis=-1, epsilon=1e-12)
        return 1 - ops.sum(true * ops.normalize(y_pred, axis=-1, epsilon=1e-12), -1)


@keras.saving.register_keras_serializable(package=PACKAGE)
class SoftLabels(keras.losses.Loss):
    """Divergence of the student's class probabilities from the teacher's.

    Args:
        temperature: What logits are divided by; the loss is multiplied by its square.
        independent: Whether each class has a probability of its own, as where a text
            may have several labels.
        **kwargs: `name` and `reduction` of a `keras.losses.Loss`.

    Shapes:
        teacher's and student's logits `[B, C]` -> `[B]`, averaged.

    Reference:
        [Hinton et al., 2015](https://arxiv.org/abs/1503.02531), section 2.
    """

    def __init__(self, temperature=1.0, independent=False, **kwargs):
        super().__init__(**kwargs)
        self.temperature = temperature
        self.independent = independent

    def call(self, y_true, y_pred):
        true, found = y_true / self.temperature, y_pred / self.temperature
        if self.independent:  # the second class has the logit 0
            zeros = ops.zeros_like(true)
            true = ops.stack([true, zeros], axis=-1)  # [B, C, 2]
            found = ops.stack([found, zeros], axis=-1)  # [B, C, 2]
        gaps = ops.log_softmax(true) - ops.log_softmax(found)
        divergence = ops.sum(ops.softmax(true) * gaps, axis=-1)
        if self.independent:
            divergence = ops.sum(divergence, axis=-1)  # [B]
        return self.temperature**2 * divergence

    def get_config(self):
        return {
            **super().get_config(),
            "temperature": self.temperature,
            "independent": self.independent,
        }


@keras.saving.register_keras_serializable(package=PACKAGE)
class OutputIsLoss(keras.losses.Loss):
    """The mean of an output that is a loss already; targets have no effect."""

    def call(self, y_true, y_pred):
        return y_pred


class InnerLosses(keras.layers.Layer):
    """Losses of a student's hidden states and attention against its teacher's.

    The teacher is run in the step, without dropout, and has no weights among those of
    this layer. Hidden states of another width are projected by a dense layer, which is
    trained along.

    Args:
        teacher: The teacher's encoder.
        student: The student's encoder.
        layers: For each layer of the student, that of the teacher, from 0.
        terms: `"hidden_states"`, `"attention"`, or both.

    Shapes:
        the student's L + 1 hidden states `[B, S, D]` and the inputs `[B, S]` -> a loss
        `[B]` for each term. That of hidden states is the squared error relative to the
        teacher's; that of attention the divergence from the teacher's probabilities,
        averaged over heads and tokens.

    Reference:
        [Jiao et al., 2019](https://arxiv.org/abs/1909.10351), section 3.1.
    """

    def __init__(self, teacher, student, layers, terms, **kwargs):
        super().__init__(**kwargs)
        self.encoders = lambda: (teacher, student)  # whose weights are not this layer's
        self.layers = tuple(layers)
        self.terms = tuple(terms)
        self.projection = None
        if teacher.config.hidden_size != student.config.hidden_size:
            self.projection = keras.layers.Dense(
                teacher.config.hidden_size, name="projection"
            )

    def build(self, states_shape, **shapes):
        if self.projection is not None:
            self.projection.build(states_shape[-1])

    def call(self, states, token_ids, segment_ids, padding_mask):
        teacher, _ = self.encoders()
        inputs = {
            "token_ids": token_ids,
            "segment_ids": segment_ids,
            "padding_mask": padding_mask,
        }
        theirs = teacher(inputs, training=False)["hidden_states"]
        mask = ops.cast(padding_mask, "float32")  # [B, S]
        losses = {}
        if "hidden_states" in self.terms:
            losses["hidden_states"] = self._of_states(states, theirs, mask)
        if "attention" in self.terms:
            bias = padding_bias(padding_mask)  # [B, 1, 1, S]
            losses["attention"] = self._of_attention(states, theirs, bias, mask)
        return losses

    def _of_states(self, states, theirs, mask):
        pairs = [(0, 0), *((n + 1, m + 1) for n, m in enumerate(self.layers))]
        total = 0.0
        for own, other in pairs:
            found = ops.cast(states[own], "float32")
            if self.projection is not None:
                found = self.projection(found)
            wanted = ops.stop_gradient(ops.cast(theirs[other], "float32"))
            error = ops.mean(ops.square(found - wanted), axis=-1)  # [B, S]
            size = ops.mean(ops.square(wanted), axis=-1)  # [B, S]
            total += ops.sum(error * mask, -1) / ops.sum(size * mask, -1)
        return total / len(pairs)  # [B]

    def _of_attention(self, states, theirs, bias, mask):
        teacher, student = self.encoders()
        total = 0.0
        for own, other in enumerate(self.layers):
            found = _attention(student, own, states, bias)  # [B, N, S, S]
            wanted = ops.stop_gradient(_attention(teacher, other, theirs, bias))
            gaps = ops.log(wanted + 1e-9) - ops.log(found + 1e-9)
            divergence = ops.sum(wanted * gaps, axis=-1)  # [B, N, S]
            divergence = ops.mean(divergence, axis=1)  # [B, S]
            total += ops.sum(divergence * mask, -1) / ops.sum(mask, -1)
        return total / len(self.layers)  # [B]

    def compute_output_shape(self, states_shape, **shapes):
        return dict.fromkeys(self.terms, (states_shape[0][0],))


def _attention(encoder, layer, states, bias):
    """Computes the attention probabilities of a layer from its input."""
    [block] = encoder.layer_blocks[layer]
    return block.attention.probs(states[layer], attention_bias=bias)
