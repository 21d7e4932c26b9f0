"""The loss of extractive question answering."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="kerasbert")
class SlotCrossentropy(keras.losses.Loss):
    """Cross-entropy of one position among those of a row, from logits.

    Padding takes no part, so that the loss of a row is that of the row alone.

    Args:
        name: The name of the loss.
        **kwargs: Others of a Keras loss.

    Shapes:
        targets `[B, S]`, 1 at the slot, 0 at others and -1 at padding; logits `[B, S]`
        -> `[B]`, which is then reduced.

    Example:
        >>> loss = SlotCrossentropy()
        >>> targets = ops.array([[0, 1, -1]])
        >>> value = loss(targets, ops.array([[2.0, 2.0, 9.0]]))
        >>> round(float(value), 4)  # log(2)
        0.6931

    Reference:
        [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), section 4.2.
    """

    def __init__(self, name="slot_crossentropy", **kwargs):
        super().__init__(name=name, **kwargs)

    def call(self, y_true, y_pred):
        padding = ops.cast(y_true < 0, y_pred.dtype)  # [B, S]
        log_probs = ops.log_softmax(y_pred - 1e9 * padding)  # [B, S]
        chosen = ops.cast(y_true > 0, y_pred.dtype)
        return -ops.sum(log_probs * chosen, axis=-1)  # [B]
