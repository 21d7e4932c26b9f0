"""The base class of encoders with heads."""

import os
from collections.abc import Sequence
from typing import Any, Self

import keras

from kerasbert.checkpoints.checkpoint import Checkpoint
from kerasbert.layers import ClassificationHead
from kerasbert.models.encoder import Encoder
from kerasbert.models.loading import read_source
from kerasbert.models.model import Model
from kerasbert.models.quantization import quantizable_layers


class HeadModel(Model):
    """An encoder with one or more heads.

    A subclass makes its head layers, and defines `head_outputs`: the graph from the
    encoder's outputs to its own, which is the same in training, inference and export.

    Args:
        encoder: An encoder of `kerasbert.models`, such as a `BertEncoder`. A model
            that does not use the pooler stands on the encoder without it.
        layers: The head layers, by the names of the attributes that hold them.
        **kwargs: `name` and `trainable` of a `keras.Model`.

    Raises:
        ValueError: If the model uses the pooler, and the encoder has none.
    """

    heads = ()  # groups of variables of a checkpoint, of `names.table.HEADS`
    uses_pooler = False
    uses_pooler_alone = False  # and no other token than the one that it reads
    takes_positions = False  # whether `masked_positions` is an input
    classes = []  # all that can be loaded; those of more heads first

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if cls.heads:
            HeadModel.classes.append(cls)
            HeadModel.classes.sort(key=lambda each: -len(each.heads))

    def __init__(self, encoder: Encoder, layers: dict[str, keras.Layer], **kwargs: Any):
        if not self.uses_pooler:
            encoder = encoder.without_pooler()
        elif encoder.pooler is None:
            raise ValueError(
                f"Expected an encoder with a pooler, which {type(self).__name__} uses, "
                "got one without. Make it with add_pooler=True; from_pretrained("
                "source, add_pooler=True) adds an untrained one where there is none."
            )
        elif self.uses_pooler_alone:
            encoder = encoder.for_pooled_output()
        vars(self).update(layers)  # Keras tracks those of the graph, the encoder first
        inputs = encoder.symbolic_inputs(encoder.config)
        encoded = encoder(inputs)
        if self.takes_positions:
            inputs["masked_positions"] = keras.Input(
                (None,), dtype="int32", name="masked_positions"
            )
        outputs = self.head_outputs(encoded, **inputs)
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
        self.dtype_policy = encoder.dtype_policy
        self.encoder = encoder
        self.config = encoder.config

    def head_outputs(
        self,
        encoded: dict[str, Any],
        padding_mask: Any,
        masked_positions: Any = None,
        **inputs: Any,
    ) -> dict[str, Any]:
        """Computes the model's outputs from those of its encoder.

        Args:
            encoded: `sequence_output`, and `pooled_output` if the model uses it.
            padding_mask: The mask of the rows.
            masked_positions: Where logits of tokens are wanted; None: everywhere.
            **inputs: The other inputs.
        """
        raise NotImplementedError

    def outputs_of(
        self, hidden_states: Sequence, padding_mask: Any, masked_positions: Any = None
    ) -> dict[str, Any]:
        """Computes the model's outputs from given hidden states.

        Args:
            hidden_states: L + 1 tensors, such as those of packed tokens.
            padding_mask: The mask of their rows.
            masked_positions: As in `head_outputs`.

        Shapes:
            hidden_states `[B, S, D]` each, padding_mask `[B, S]` -> the outputs, as in
            `call`.
        """
        encoded = {"sequence_output": hidden_states[-1]}  # [B, S, D]
        if self.uses_pooler:
            encoded["pooled_output"] = self.encoder.pooler(hidden_states[-1])  # [B, D]
        inputs = {"padding_mask": padding_mask, "masked_positions": masked_positions}
        return self.head_outputs(encoded, **inputs)

    @classmethod
    def misfit(cls, checkpoint: Checkpoint) -> str:
        """Returns why a `Checkpoint` does not match this model, or ""."""
        for head in cls.heads:
            if head in checkpoint.set_aside:
                return (
                    f"{checkpoint.folder} has a {head} that cannot be computed: "
                    f"{checkpoint.set_aside[head]}. Its encoder can be: load it with "
                    "kerasbert.load_encoder."
                )
        lacking = [head for head in cls.heads if head not in checkpoint.heads]
        if lacking or not cls.heads:
            return (
                f"{checkpoint.folder} has no {' and no '.join(lacking) or 'such head'} "
                f"(it has {', '.join(checkpoint.heads) or 'no head'}). To train one, "
                f"make {cls.__name__}(encoder, ...) of its encoder."
            )
        return ""

    @classmethod
    def checkpoint_arguments(cls, checkpoint: Checkpoint) -> dict[str, Any]:
        """Returns the constructor arguments that a `Checkpoint` determines."""
        return {}

    @classmethod
    def from_checkpoint(
        cls,
        checkpoint: Checkpoint,
        dtype: keras.DTypePolicy | str | None = None,
        **kwargs: Any,
    ) -> Self:
        """Creates a model with a `Checkpoint`'s config, without its weights.

        Args:
            checkpoint: The `Checkpoint`.
            dtype: A dtype policy of the encoder.
            **kwargs: `name` of the model.

        Raises:
            ValueError: If the checkpoint does not hold this model.
        """
        misfit = cls.misfit(checkpoint)
        if misfit:
            raise ValueError(misfit)
        encoder = Encoder.from_checkpoint(checkpoint, dtype, add_pooler=cls.uses_pooler)
        return cls(encoder, **cls.checkpoint_arguments(checkpoint), **kwargs)

    def get_config(self):
        return self._config(
            encoder=keras.saving.serialize_keras_object(self.encoder),
            name=self.name,
            trainable=self.trainable,
        )

    @classmethod
    def _from_config(cls, config):
        encoder = keras.saving.deserialize_keras_object(config["encoder"])
        return cls(**{**config, "encoder": encoder})

    @classmethod
    def _record_of(cls, config):
        """The layers to quantize; kerasbert 0.1 counted a pooler without use, too."""
        record = config.pop("quantization", ())
        had_pooler = "add_pooler" not in config["encoder"]["config"]
        if cls.uses_pooler or not had_pooler or not record:
            return record
        encoder = keras.saving.deserialize_keras_object(config["encoder"])
        place = len(quantizable_layers(encoder.without_pooler()))
        return [
            [number - (number > place), *how]
            for number, *how in record
            if number != place
        ]


def classification_head(encoder, num_classes, name, dropout=0.0):
    """Creates a `ClassificationHead` with an encoder's dtype and initializer."""
    return ClassificationHead(
        num_classes,
        dropout=dropout,
        initializer_range=encoder.config.initializer_range,
        dtype=encoder.dtype_policy,
        name=name,
    )


def load_model(source: str | os.PathLike, strict: bool = False, **kwargs: Any) -> Model:
    """Loads a checkpoint with its heads.

    Args:
        source: As in `BertEncoder.from_pretrained`.
        strict: As there.
        **kwargs: As there.

    Returns:
        The model of `kerasbert.models` whose heads are those of the checkpoint, or
        an encoder where it has none.
    """
    checkpoint = read_source(source, strict)
    for head, why in checkpoint.set_aside.items():
        raise ValueError(
            f"{checkpoint.folder} has a {head} that cannot be computed: {why}. Name "
            "the model that is wanted, or load the encoder alone with "
            "kerasbert.load_encoder."
        )
    fitting = (cls for cls in HeadModel.classes if not cls.misfit(checkpoint))
    return next(fitting, Encoder).from_pretrained(checkpoint, strict, **kwargs)
