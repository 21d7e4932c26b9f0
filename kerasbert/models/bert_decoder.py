"""BERT as a language model, and as the decoder of an encoder-decoder."""

import dataclasses
import os
import warnings
from typing import Any, Self

import keras
from keras import ops

from kerasbert.config import BertConfig
from kerasbert.layers import DecoderBlock, padding_bias, prefix_bias
from kerasbert.models.decoder import Decoder, decoder_inputs
from kerasbert.models.encoder import bert_embeddings
from kerasbert.models.loading import assign_weights, read_source
from kerasbert.models.pretraining_models import tied_masked_lm_head

MASKS = ("causal", "prefix")


@keras.saving.register_keras_serializable(package="kerasbert")
class _PrefixBias(keras.layers.Layer):
    """Adds the bias of a prefix, which is segment 0, to that of padding."""

    def call(self, segment_ids, bias):
        return bias + prefix_bias(ops.equal(segment_ids, 0))

    def compute_output_spec(self, segment_ids, bias):
        length = segment_ids.shape[1]
        return keras.KerasTensor((segment_ids.shape[0], 1, length, length), "float32")


@keras.saving.register_keras_serializable(package="kerasbert")
class BertDecoder(Decoder):
    """BERT that gives the logits of the next token.

    Its weights are those of `BertEncoder` with the head of a masked language model; the
    mask alone makes it a language model. With `encoder_size` its blocks also attend to
    the states of an encoder, with weights that BERT does not have.

    Args:
        config: A `kerasbert.BertConfig`.
        dtype: A dtype policy; the global one by default.
        encoder_size: Width of the encoder states to attend to; None: there are none.
        mask: `"causal"`: a token sees those before it; or `"prefix"`, UniLM's: the
            tokens of segment 0, a source, see each other, and those of segment 1, its
            target, see the source and those before them.
        **kwargs: `name` and `trainable` of a `keras.Model`.

    Shapes:
        token_ids, segment_ids, padding_mask, int32 `[B, T]`, and with `encoder_size`
        encoder_states `[B, S, D]` and encoder_mask `[B, S]` -> logits `[B, T, V]`,
        float32.

    Raises:
        ValueError: If there is no such mask.

    Example:
        >>> config = kerasbert.BertConfig(
        ...     vocab_size=100, hidden_size=8, num_hidden_layers=2,
        ...     num_attention_heads=2, intermediate_size=16)
        >>> decoder = kerasbert.BertDecoder(config)
        >>> ones = keras.ops.ones((1, 5), "int32")
        >>> outputs = decoder(
        ...     {"token_ids": ones, "segment_ids": ones * 0, "padding_mask": ones})
        >>> tuple(outputs["logits"].shape)
        (1, 5, 100)

    Reference:
        [Rothe et al., 2019](https://arxiv.org/abs/1907.12461), section 2; [Dong et al.,
        2019](https://arxiv.org/abs/1905.03197), for the prefix.
    """

    def __init__(
        self,
        config: BertConfig,
        dtype: keras.DTypePolicy | str | None = None,
        encoder_size: int | None = None,
        mask: str = "causal",
        **kwargs: Any,
    ):
        if mask not in MASKS:
            raise ValueError(f"Expected a mask among {', '.join(MASKS)}, got {mask!r}.")
        if mask == "prefix" and config.type_vocab_size < 2:
            raise ValueError(
                "Expected two segments, source and target, for the mask 'prefix', got "
                f"type_vocab_size={config.type_vocab_size}."
            )
        # === Layers ===
        embeddings = bert_embeddings(config, dtype)
        blocks = [
            DecoderBlock(
                config.num_attention_heads,
                config.intermediate_size,
                activation=config.hidden_act,
                dropout=config.hidden_dropout_prob,
                attention_dropout=config.attention_probs_dropout_prob,
                epsilon=config.layer_norm_eps,
                initializer_range=config.initializer_range,
                dtype=dtype,
                name=f"layer_{layer}",
            )
            for layer in range(config.num_hidden_layers)
        ]
        head = tied_masked_lm_head(embeddings.token_embedding, config, dtype)

        # === Functional graph ===
        names = ("token_ids", "segment_ids", "padding_mask")
        inputs = decoder_inputs(*names, encoder_size=encoder_size)
        bias = padding_bias(inputs["padding_mask"])  # [B, 1, 1, T]
        if mask == "prefix":
            of_prefix = _PrefixBias(dtype=dtype, name="prefix_bias")
            bias = of_prefix(inputs["segment_ids"], bias)  # [B, 1, T, T]
        encoder_states, encoder_bias = inputs.get("encoder_states"), None
        if encoder_size is not None:
            encoder_bias = padding_bias(inputs["encoder_mask"])  # [B, 1, 1, S]
        with keras.name_scope("decoder"):  # layers of an encoder have the same names
            states = embeddings(inputs["token_ids"], inputs["segment_ids"])  # [B, T, D]
            for block in blocks:
                states = block(
                    states,
                    encoder_states,
                    encoder_bias=encoder_bias,
                    attention_bias=bias,
                    causal=mask == "causal",
                )
            logits = head(states)  # [B, T, V]

        # === Config ===
        layers = embeddings, blocks, None, head
        super().__init__(config, *layers, inputs, logits, **kwargs)
        self.encoder_size = encoder_size
        self.mask = mask
        self.prefix_is_bidirectional = mask == "prefix"

    @property
    def pooler(self) -> None:
        """None: a decoder has no pooler."""
        return None

    def embed(self, token_ids: Any, position_ids: Any, generated: bool = False) -> Any:
        segment = int(generated and self.mask == "prefix")
        segments = ops.zeros_like(token_ids) + segment
        return self.embeddings(token_ids, segments, position_ids)

    @classmethod
    def from_pretrained(
        cls,
        source: str | os.PathLike,
        dtype: keras.DTypePolicy | str | None = None,
        encoder_size: int | None = None,
        mask: str = "causal",
        strict: bool = False,
        **kwargs: Any,
    ) -> Self:
        """Loads the weights of a published BERT.

        Args:
            source: As in `BertEncoder.from_pretrained`.
            dtype: A dtype policy such as `"mixed_bfloat16"`.
            encoder_size: As in the constructor; cross-attention is new, and has to be
                trained, which is warned about.
            mask: As in the constructor.
            strict: As in `BertEncoder.from_pretrained`.
            **kwargs: `name` of the model.

        Raises:
            FileNotFoundError: If there is no such source.
            ValueError: If it holds no BERT, or is broken.
        """
        checkpoint = read_source(source, strict)
        if type(checkpoint.config) is not BertConfig:
            raise ValueError(
                f"Expected a BERT in {checkpoint.folder}, got a "
                f"{type(checkpoint.config).__name__}. Other families are encoders here."
            )
        decoder = cls(checkpoint.config, dtype, encoder_size, mask, **kwargs)
        new = []
        if encoder_size is not None:
            new.append("its cross-attention")
        if "masked_lm_head" not in checkpoint.heads:
            new.append("its head (the checkpoint has no masked_lm_head)")
        if new:
            warnings.warn(
                f"The decoder of {checkpoint.folder} is new and untrained in part: "
                f"{' and '.join(new)}. Train it before generating.",
                stacklevel=2,
            )
        assign_weights(decoder, checkpoint)
        decoder.source_folder = checkpoint.folder
        return decoder

    def save_pretrained(
        self,
        folder: str | os.PathLike,
        format: str = "huggingface",
        overwrite: bool = False,
    ) -> None:
        """Saves config and weights as a masked language model, which others read.

        Args:
            folder: The folder to make.
            format: As in `BertEncoder.save_pretrained`.
            overwrite: Whether a folder that exists is replaced.

        Raises:
            FileExistsError: If the folder exists and `overwrite` is not given.
            ValueError: If the decoder has cross-attention, which these formats have no
                names for.
        """
        if self.encoder_size is not None:
            raise ValueError(
                "Expected a decoder without cross-attention, got one with it. "
                "Seq2SeqTransformer.save_pretrained saves it with its encoder."
            )
        super().save_pretrained(folder, format=format, overwrite=overwrite)

    @property
    def heads(self) -> tuple[str, ...]:
        """The heads of a checkpoint of it."""
        return ("masked_lm_head",)

    def get_config(self):
        return self._config(
            config=dataclasses.asdict(self.config),
            dtype=keras.dtype_policies.serialize(self.dtype_policy),
            encoder_size=self.encoder_size,
            mask=self.mask,
            name=self.name,
            trainable=self.trainable,
        )

    @classmethod
    def _from_config(cls, config):
        return cls(
            **{
                **config,
                "config": BertConfig(**config["config"]),
                "dtype": keras.dtype_policies.deserialize(config["dtype"]),
            }
        )
