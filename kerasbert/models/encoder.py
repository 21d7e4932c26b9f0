"""The base class of all encoders, and loading of an encoder of any family."""

import dataclasses
import os
from collections.abc import Sequence
from typing import Any

import keras

from kerasbert.checkpoints.checkpoint import Checkpoint
from kerasbert.layers import Embeddings, EncoderBlock, padding_bias
from kerasbert.models.inputs import encoder_inputs
from kerasbert.models.model import Model


class Encoder(Model):
    """A functional model from token ids to hidden states.

    A subclass makes the layers; this class lays the graph through them. It names its
    `config_class`, by which the checkpoints of its family find it.

    Args:
        config: The configuration.
        embeddings: Layer from token and segment ids to the first hidden states.
        layer_blocks: For each of the L layers the blocks that it runs through; a
            block may occur in several layers, which then share its weights.
        pooler: Layer from the sequence output to the pooled output; None: the model
            has no `pooled_output`.
        norm: Layer normalization between the last block and the sequence output; None:
            there is none.
        pools_apart: Whether the last block computes what the pooler reads once more,
            and that alone: see `for_pooled_output`.
        **kwargs: `name` and `trainable` of a `keras.Model`.
    """

    config_class = None
    classes = {}  # from a configuration's class to the encoder's

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        Encoder.classes[cls.config_class] = cls

    def __init__(
        self,
        config: Any,
        embeddings: keras.Layer,
        layer_blocks: Sequence[Sequence[keras.Layer]],
        pooler: keras.Layer | None = None,
        norm: keras.Layer | None = None,
        pools_apart: bool = False,
        **kwargs: Any,
    ):
        # === Functional graph ===
        inputs = self.symbolic_inputs(config)
        hidden_states = self.states_of(embeddings, layer_blocks, inputs)
        last = hidden_states[-1]  # [B, S, D]
        outputs = {
            "sequence_output": last if norm is None else norm(last),  # [B, S, D]
            "hidden_states": hidden_states,  # L + 1 of [B, S, D]
        }
        if pooler is not None:
            read = outputs["sequence_output"]
            if pools_apart:
                read = _first_token(layer_blocks[-1], hidden_states[-2], **inputs)
                read = read if norm is None else norm(read)  # [B, 1, D]
            outputs["pooled_output"] = pooler(read)  # [B, D]
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)

        # === Layers and config ===
        self.dtype_policy = embeddings.dtype_policy
        self.config = config
        self.embeddings = embeddings
        self.layer_blocks = layer_blocks
        self.pooler = pooler
        self.norm = norm

    @staticmethod
    def symbolic_inputs(config: Any) -> dict[str, keras.KerasTensor]:
        """Creates the symbolic inputs of the models of a config."""
        return encoder_inputs()

    @staticmethod
    def states_of(
        embeddings: keras.Layer,
        layer_blocks: Sequence[Sequence[keras.Layer]],
        inputs: Any,
    ) -> list:
        """Computes the hidden states of named inputs."""
        return compute_hidden_states(embeddings, layer_blocks, **inputs)

    @property
    def token_embedding(self) -> keras.Layer:
        """The token embedding, which the MLM head shares."""
        return self.embeddings.token_embedding

    @property
    def blocks(self) -> list[keras.Layer]:
        """The distinct encoder blocks, in order of execution."""
        every = (block for blocks in self.layer_blocks for block in blocks)
        return list({id(block): block for block in every}.values())

    def without_pooler(self) -> "Encoder":
        """Returns an encoder without pooler that shares the other layers."""
        return self.with_pooler(None)

    def with_pooler(self, pooler: keras.Layer | None) -> "Encoder":
        """Returns an encoder with another pooler that shares the other layers."""
        if pooler is self.pooler:
            return self
        return self._with(pooler)

    def for_pooled_output(self) -> "Encoder":
        """Returns an encoder for models that use its pooled output alone.

        It shares the layers. The pooler reads one token, and of the last block the keys
        and values of the others; the rest of them is a part of the graph by itself,
        which is not computed where nothing uses it: of six layers, a seventh of the
        work of a step.

        Raises:
            ValueError: If the encoder has no pooler.
        """
        if self.pooler is None:
            raise ValueError("Expected an encoder with a pooler, got one without.")
        return self._with(self.pooler, pools_apart=True)

    def _with(self, pooler, **options):
        cls = type(self)
        encoder = cls.__new__(cls)
        layers = self.embeddings, self.layer_blocks, pooler
        options |= {"norm": self.norm, "name": self.name}
        Encoder.__init__(encoder, self.config, *layers, **options)
        return encoder

    @classmethod
    def from_checkpoint(
        cls,
        checkpoint: Checkpoint,
        dtype: keras.DTypePolicy | str | None = None,
        add_pooler: bool | None = None,
        **kwargs: Any,
    ) -> "Encoder":
        """Creates an encoder with a `Checkpoint`'s config, without its weights.

        Args:
            checkpoint: The `Checkpoint`.
            dtype: A dtype policy.
            add_pooler: Whether it has a pooler; None: if the checkpoint has one.
            **kwargs: `name` of the model.

        Raises:
            ValueError: If the checkpoint is of another family than this class.
        """
        encoder_class = Encoder.classes[type(checkpoint.config)]
        if not issubclass(encoder_class, cls):
            raise ValueError(
                f"{checkpoint.folder} holds an encoder of {encoder_class.__name__}, "
                f"not {cls.__name__}. Load it with kerasbert.load_encoder, which takes "
                "either."
            )
        add_pooler = checkpoint.has_pooler if add_pooler is None else add_pooler
        return encoder_class(checkpoint.config, dtype, add_pooler, **kwargs)

    def compute_packed(
        self,
        token_ids: Any,
        segment_ids: Any,
        position_ids: Any,
        padding_mask: Any,
        packing: Any,
    ) -> list:
        """Computes the hidden states of packed tokens, without padding.

        Args:
            token_ids: The tokens of all rows, one after the other.
            segment_ids: Their segments.
            position_ids: Their positions, from `kerasbert.layers.packing_of`.
            padding_mask: The mask of the rows, from there too.
            packing: The `Packing`, from there too; or a
                `kerasbert.layers.GroupedPacking`, with a mask for each group.

        Shapes:
            ids `[T]`, padding_mask `[B, S]` -> L + 1 hidden states `[T, D]`.
        """
        return compute_hidden_states(
            self.embeddings,
            self.layer_blocks,
            token_ids,
            segment_ids,
            padding_mask,
            position_ids,
            packing,
        )

    def attention_model(self) -> keras.Model:
        """Returns a model that also outputs all attention probabilities.

        It shares the encoder's weights; the encoder itself never computes them twice.

        Returns:
            A `keras.Model` with the encoder's inputs and outputs, and the output
            `attention_probs`: a list of float32 `[B, N, S, S]`, one a block.
        """
        inputs = self.symbolic_inputs(self.config)
        bias = None
        if "padding_mask" in inputs:
            bias = padding_bias(inputs["padding_mask"])  # [B, 1, 1, S]
        states = self.states_of(self.embeddings, [], inputs)[0]
        hidden_states, attention_probs = [states], []
        for blocks in self.layer_blocks:
            for block in blocks:
                name = f"attention_probs_{len(attention_probs)}"
                probs = _AttentionProbs(block, name=name)(states, bias)
                attention_probs.append(probs)
                states = block(states, attention_bias=bias)
            hidden_states.append(states)
        states = states if self.norm is None else self.norm(states)
        outputs = {
            "sequence_output": states,
            "hidden_states": hidden_states,
            "attention_probs": attention_probs,
        }
        if self.pooler is not None:
            outputs["pooled_output"] = self.pooler(states)
        return keras.Model(inputs, outputs, name=f"{self.name}_attention")

    def enable_lora(
        self, rank: int, targets: Sequence[str] = ("query", "value")
    ) -> None:
        """Freezes the encoder and adds trainable low-rank updates (LoRA).

        Args:
            rank: Rank of the updates.
            targets: The projections that get one, among `"query"`, `"key"`,
                `"value"` and `"output"`.

        Reference:
            [Hu et al., 2021](https://arxiv.org/abs/2106.09685), section 4.
        """
        for layer in self.layers:
            layer.trainable = False
        for block in self.blocks:
            for target in targets:
                dense = block.attention.dense_layers[target]
                dense.trainable = True
                dense.enable_lora(rank)
                dense.bias.trainable = False

    def rematerialize(self) -> None:
        """Makes training store what enters each block alone, and not its activations.

        The backward pass computes them again: memory falls, and a step takes about a
        third more time. It is chosen before `compile` or `fit`.

        Reference:
            [Chen et al., 2016](https://arxiv.org/abs/1604.06174).
        """
        for block in self.blocks:
            block.rematerializes = True

    def get_config(self):
        return self._config(
            config=dataclasses.asdict(self.config),
            add_pooler=self.pooler is not None,
            dtype=keras.dtype_policies.serialize(self.dtype_policy),
            name=self.name,
            trainable=self.trainable,
            frozen_layers=[
                layer.name
                for layer in self.layers
                if not (layer.trainable or isinstance(layer, _FirstToken))
            ],
        )

    @classmethod
    def _from_config(cls, config):
        arguments = {key: config[key] for key in ("name", "trainable")}
        encoder = cls(
            cls.config_class(**config["config"]),
            dtype=keras.dtype_policies.deserialize(config["dtype"]),
            add_pooler=config.get("add_pooler", True),  # all had one in 0.1
            **arguments,
        )
        for name in config.get("frozen_layers", ()):
            encoder.get_layer(name).trainable = False
        return encoder


def bert_embeddings(config, dtype):
    """Creates embeddings as wide as the hidden states."""
    return Embeddings(
        config.vocab_size,
        config.hidden_size,
        max_positions=config.max_position_embeddings,
        num_segments=config.type_vocab_size,
        dropout=config.hidden_dropout_prob,
        epsilon=config.layer_norm_eps,
        initializer_range=config.initializer_range,
        dtype=dtype,
        name="embeddings",
    )


def encoder_block(config, dtype, name, block_class=EncoderBlock):
    """Creates an encoder block from a config."""
    return block_class(
        config.num_attention_heads,
        config.intermediate_size,
        activation=config.hidden_act,
        dropout=config.hidden_dropout_prob,
        attention_dropout=config.attention_probs_dropout_prob,
        epsilon=config.layer_norm_eps,
        initializer_range=config.initializer_range,
        dtype=dtype,
        name=name,
    )


def load_encoder(
    source: str | os.PathLike, strict: bool = False, **kwargs: Any
) -> Encoder:
    """Loads the encoder of a checkpoint of any family.

    Args:
        source: As in `BertEncoder.from_pretrained`.
        strict: As there.
        **kwargs: As there.

    Returns:
        An encoder, such as a `kerasbert.BertEncoder` or a `kerasbert.AlbertEncoder`.
    """
    return Encoder.from_pretrained(source, strict, **kwargs)


def compute_hidden_states(
    embeddings,
    layer_blocks,
    token_ids,
    segment_ids,
    padding_mask,
    position_ids=None,
    packing=None,
):
    """Computes the outputs of the embeddings and of every layer.

    Shapes:
        ids and padding_mask `[B, S]` -> L + 1 hidden states `[B, S, D]`; or packed,
        ids `[T]` and padding_mask `[B, S]` -> L + 1 hidden states `[T, D]`.
    """
    bias = keras.tree.map_structure(padding_bias, padding_mask)  # [B, 1, 1, S]
    packed = {} if packing is None else {"packing": packing}
    ids = [token_ids, segment_ids, *([] if position_ids is None else [position_ids])]
    hidden_states = [embeddings(*ids)]
    for blocks in layer_blocks:
        states = hidden_states[-1]  # [B, S, D]
        for block in blocks:
            states = block(states, attention_bias=bias, **packed)
        hidden_states.append(states)
    return hidden_states


def _first_token(blocks, hidden_states, padding_mask, **inputs):
    """Computes the first token of what the blocks of a layer give, `[B, 1, D]`."""
    bias = padding_bias(padding_mask)  # [B, 1, 1, S]
    *before, last = blocks
    for block in before:
        hidden_states = block(hidden_states, attention_bias=bias)
    return _FirstToken(last, name="first_token")(hidden_states, bias)


@keras.saving.register_keras_serializable(package="kerasbert")
class _AttentionProbs(keras.layers.Layer):
    """Outputs the attention probabilities of a shared block."""

    def __init__(self, block, **kwargs):
        super().__init__(dtype=block.dtype_policy, **kwargs)
        self.block = block

    def build(self, hidden_states_shape):
        pass

    def call(self, hidden_states, attention_bias=None):
        return self.block.attention_probs(hidden_states, attention_bias)


@keras.saving.register_keras_serializable(package="kerasbert")
class _FirstToken(keras.layers.Layer):
    """The first token of a shared block's output."""

    def __init__(self, block, **kwargs):
        super().__init__(dtype=block.dtype_policy, **kwargs)
        # Not the block: files would hold its variables here or there.
        self.first_token = block.first_token

    def build(self, hidden_states_shape):
        pass

    def call(self, hidden_states, attention_bias=None, training=None):
        return self.first_token(hidden_states, attention_bias, training)

    def compute_output_shape(self, hidden_states_shape):
        return (hidden_states_shape[0], 1, hidden_states_shape[-1])
