"""What the models with heads share: an encoder, and what stands on it."""

import keras

from kerasbert.layers import ClassificationHead
from kerasbert.models.model import Model


class HeadModel(Model):
    """What the models with heads share.

    Args:
        encoder: A `BertEncoder` or `AlbertEncoder`.
        inputs: Symbolic inputs of the graph.
        outputs: Symbolic outputs of the graph.
        **kwargs: `name` and `trainable` of a `keras.Model`.
    """

    uses_pooler = True  # else the pooler has no gradient, and is not trained

    def __init__(self, encoder, inputs, outputs, **kwargs):
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
        self.dtype_policy = encoder.dtype_policy
        self.encoder = encoder
        self.config = encoder.config

    @property
    def trainable_weights(self):
        return self._split(super().trainable_weights)[0]

    @property
    def non_trainable_weights(self):
        unused = self._split(super().trainable_weights)[1]
        return [*super().non_trainable_weights, *unused]

    @property
    def trainable_variables(self):
        return self._split(super().trainable_variables)[0]

    @property
    def non_trainable_variables(self):
        unused = self._split(super().trainable_variables)[1]
        return [*super().non_trainable_variables, *unused]

    def _split(self, variables):
        """The variables that the model trains, and those of a pooler without use."""
        if self.uses_pooler or not hasattr(self, "encoder"):
            return variables, []
        pooler = {id(variable) for variable in self.encoder.pooler.variables}
        return (
            [variable for variable in variables if id(variable) not in pooler],
            [variable for variable in variables if id(variable) in pooler],
        )

    def get_config(self):
        return self._config(
            encoder=keras.saving.serialize_keras_object(self.encoder),
            name=self.name,
            trainable=self.trainable,
        )

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
    def _from_config(cls, config):
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
