"""The encoder and the decoder of the Transformer."""

import dataclasses
from typing import Any

import keras

from kerasbert.config import Seq2SeqConfig
from kerasbert.layers import (
    DecoderBlock,
    EncoderBlock,
    LayerNorm,
    PreNormDecoderBlock,
    PreNormEncoderBlock,
    ScaledEmbeddings,
    TiedLogitsHead,
    padding_bias,
)
from kerasbert.models.decoder import Decoder, decoder_inputs
from kerasbert.models.model import Model


@keras.saving.register_keras_serializable(package="kerasbert")
class TransformerEncoder(Model):
    """The encoder of "Attention Is All You Need".

    Args:
        config: A `kerasbert.Seq2SeqConfig`.
        dtype: A dtype policy; the global one by default.
        **kwargs: `name` and `trainable` of a `keras.Model`.

    Shapes:
        token_ids, padding_mask, int32 `[B, S]` -> sequence_output `[B, S, D]`.

    Reference:
        [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), section 3.1.
    """

    def __init__(
        self,
        config: Seq2SeqConfig,
        dtype: keras.DTypePolicy | str | None = None,
        **kwargs: Any,
    ):
        # === Layers ===
        size = config.source_vocab_size or config.vocab_size
        embeddings = _embeddings(config, size, dtype)
        blocks = _blocks(
            {"pre": PreNormEncoderBlock, "post": EncoderBlock},
            config,
            config.num_hidden_layers,
            dtype,
        )
        norm = _norm(config, dtype)

        # === Functional graph ===
        inputs = decoder_inputs("token_ids", "padding_mask")
        bias = padding_bias(inputs["padding_mask"])  # [B, 1, 1, S]
        states = embeddings(inputs["token_ids"])  # [B, S, D]
        for block in blocks:
            states = block(states, attention_bias=bias)
        states = states if norm is None else norm(states)
        super().__init__(inputs=inputs, outputs={"sequence_output": states}, **kwargs)

        # === Config ===
        self.dtype_policy = embeddings.dtype_policy
        self.config = dataclasses.replace(config, vocab_size=size)
        self._config_given = config
        self.embeddings = embeddings
        self.layer_blocks = [[block] for block in blocks]
        self.norm = norm

    def get_config(self):
        return _described(self, self._config_given)

    @classmethod
    def _from_config(cls, config):
        return cls(**_arguments(config))


@keras.saving.register_keras_serializable(package="kerasbert")
class TransformerDecoder(Decoder):
    """The decoder of "Attention Is All You Need".

    Args:
        config: A `kerasbert.Seq2SeqConfig`.
        dtype: A dtype policy; the global one by default.
        embeddings: The `kerasbert.layers.ScaledEmbeddings` to share; None: new ones.
        encoder_size: Width of the encoder states; by default that of the decoder.
        **kwargs: `name` and `trainable` of a `keras.Model`.

    Shapes:
        token_ids `[B, T]`, encoder_states `[B, S, D]`, encoder_mask `[B, S]` -> logits
        `[B, T, V]`, float32.

    Reference:
        [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), section 3.1.
    """

    def __init__(
        self,
        config: Seq2SeqConfig,
        dtype: keras.DTypePolicy | str | None = None,
        embeddings: keras.Layer | None = None,
        encoder_size: int | None = None,
        **kwargs: Any,
    ):
        # === Layers ===
        if embeddings is None:
            embeddings = _embeddings(config, config.vocab_size, dtype)
        blocks = _blocks(
            {"pre": PreNormDecoderBlock, "post": DecoderBlock},
            config,
            config.num_decoder_layers,
            dtype,
        )
        norm = _norm(config, dtype)
        head = TiedLogitsHead(embeddings.token_embedding, dtype=dtype, name="logits")

        # === Functional graph ===
        encoder_size = encoder_size or config.hidden_size
        inputs = decoder_inputs("token_ids", encoder_size=encoder_size)
        bias = padding_bias(inputs["encoder_mask"])  # [B, 1, 1, S]
        with keras.name_scope("decoder"):  # layers of the encoder have the same names
            states = embeddings(inputs["token_ids"])  # [B, T, D]
            for block in blocks:
                states = block(states, inputs["encoder_states"], encoder_bias=bias)
            logits = head(states if norm is None else norm(states))  # [B, T, V]

        # === Config ===
        layers = embeddings, blocks, norm, head
        super().__init__(config, *layers, inputs, logits, **kwargs)
        self.encoder_size = encoder_size

    @property
    def max_positions(self) -> int | None:
        learned = self.embeddings.position_embedding is not None
        return self.config.max_position_embeddings if learned else None

    def get_config(self):
        return {
            **_described(self, self.config),
            "encoder_size": self.encoder_size,
        }

    @classmethod
    def _from_config(cls, config):
        return cls(**_arguments(config))


def _embeddings(config, vocab_size, dtype):
    learned = config.positions == "learned"
    return ScaledEmbeddings(
        vocab_size,
        config.hidden_size,
        config.max_position_embeddings if learned else 0,
        config.hidden_dropout_prob,
        config.initializer_range,
        dtype=dtype,
        name="embeddings",
    )


def _blocks(classes, config, count, dtype):
    return [
        classes[config.norm](
            num_heads=config.num_attention_heads,
            intermediate_size=config.intermediate_size,
            activation=config.hidden_act,
            dropout=config.hidden_dropout_prob,
            attention_dropout=config.attention_probs_dropout_prob,
            epsilon=config.layer_norm_eps,
            initializer_range=config.initializer_range,
            dtype=dtype,
            name=f"layer_{layer}",
        )
        for layer in range(count)
    ]


def _norm(config, dtype):
    if config.norm == "post":
        return None
    return LayerNorm(config.layer_norm_eps, dtype=dtype, name="norm")


def _described(model, config):
    return model._config(
        config=dataclasses.asdict(config),
        dtype=keras.dtype_policies.serialize(model.dtype_policy),
        name=model.name,
        trainable=model.trainable,
    )


def _arguments(config):
    return {
        **config,
        "config": Seq2SeqConfig(**config["config"]),
        "dtype": keras.dtype_policies.deserialize(config["dtype"]),
    }
