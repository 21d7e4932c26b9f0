"""What the models with heads share: an encoder, and what stands on it."""

import keras

from kerasbert.layers import ClassificationHead
from kerasbert.models.pretrained import Pretrained


class HeadModel(Pretrained, keras.Model):
    """What the models with heads share.

    Args:
        encoder: A `BertEncoder` or `AlbertEncoder`.
        inputs: Symbolic inputs of the graph.
        outputs: Symbolic outputs of the graph.
        **kwargs: `name` and `trainable` of a `keras.Model`.
    """

    def __init__(self, encoder, inputs, outputs, **kwargs):
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
        self.encoder = encoder
        self.config = encoder.config

    def get_config(self):
        return {
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "name": self.name,
            "trainable": self.trainable,
        }

    def outputs_of(self, hidden_states, padding_mask):
        """The outputs of the model, given the hidden states of its encoder.

        So the heads run on hidden states that were computed otherwise, such as on
        packed tokens.

        Args:
            hidden_states: L + 1 tensors.
            padding_mask: The mask of their rows.

        Shapes:
            hidden_states `[B, S, D]` each, padding_mask `[B, S]` -> the outputs, as in
            `call`.
        """
        raise NotImplementedError

    @classmethod
    def from_config(cls, config):
        encoder = keras.saving.deserialize_keras_object(config["encoder"])
        return cls(**{**config, "encoder": encoder})


def classification_head(encoder, num_classes, name, dropout=0.0):
    """A `ClassificationHead` with the dtype and initialiser of an encoder."""
    return ClassificationHead(
        num_classes,
        dropout=dropout,
        initializer_range=encoder.config.initializer_range,
        dtype=encoder.dtype_policy,
        name=name,
    )
