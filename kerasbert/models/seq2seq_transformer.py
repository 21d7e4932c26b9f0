"""The encoder-decoder Transformer."""

import dataclasses
import os
from typing import Any, Self

import keras
from keras import ops

from kerasbert.checkpoints import encoder_decoder
from kerasbert.checkpoints.sources import resolve
from kerasbert.config import Seq2SeqConfig
from kerasbert.files import new_folder
from kerasbert.layers import padding_bias
from kerasbert.models.bert_decoder import BertDecoder
from kerasbert.models.bert_encoder import BertEncoder
from kerasbert.models.decoder import Continuation, decoder_inputs
from kerasbert.models.encoder import Encoder, load_encoder
from kerasbert.models.inputs import check_token_ids
from kerasbert.models.loading import assign_weights, checkpoint_of
from kerasbert.models.model import Model
from kerasbert.models.seq2seq_files import assign_files, read_config, write_files
from kerasbert.models.transformer import TransformerDecoder, TransformerEncoder


@keras.saving.register_keras_serializable(package="kerasbert")
class Seq2SeqTransformer(Model):
    """An encoder, and a decoder with cross-attention to its states.

    Args:
        config: A `kerasbert.Seq2SeqConfig`, from which the parts are made that are not
            given; None if both are.
        dtype: A dtype policy of these parts; the global one by default.
        encoder: Instead of a new one, an encoder such as a `BertEncoder`.
        decoder: Instead of a new one, a decoder with cross-attention to states as wide
            as those of the encoder.
        **kwargs: `name` and `trainable` of a `keras.Model`.

    Shapes:
        token_ids, padding_mask `[B, S]` of the sources, decoder_token_ids `[B, T]` of
        the targets so far, int32 -> logits `[B, T, V]` of the tokens after each of
        these, float32.

    Raises:
        ValueError: If the parts do not fit each other.

    Example:
        >>> config = kerasbert.Seq2SeqConfig(
        ...     vocab_size=100, hidden_size=8, num_attention_heads=2,
        ...     intermediate_size=16)
        >>> model = kerasbert.Seq2SeqTransformer(config)
        >>> ones = keras.ops.ones((1, 5), "int32")
        >>> inputs = {"token_ids": ones, "padding_mask": ones}
        >>> outputs = model({**inputs, "decoder_token_ids": ones[:, :3]})
        >>> tuple(outputs["logits"].shape)
        (1, 3, 100)

    Reference:
        [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762); [Rothe et al.,
        2019](https://arxiv.org/abs/1907.12461), for published parts.
    """

    ledger = None  # of the tensors of an `EncoderDecoderModel`
    tokens = {}  # that begin, end and pad a target, as far as a folder names them

    def __init__(
        self,
        config: Seq2SeqConfig | None = None,
        dtype: keras.DTypePolicy | str | None = None,
        encoder: Any = None,
        decoder: Any = None,
        **kwargs: Any,
    ):
        if config is None and (encoder is None or decoder is None):
            raise ValueError(
                "Expected a kerasbert.Seq2SeqConfig, or an encoder and a decoder, got "
                "neither. Seq2SeqTransformer(kerasbert.Seq2SeqConfig(vocab_size=...))."
            )
        given = {"encoder": encoder, "decoder": decoder}
        # === Parts ===
        if encoder is None:
            encoder = TransformerEncoder(config, dtype, name="encoder")
        elif isinstance(encoder, Encoder):
            encoder = encoder.without_pooler()
        size = encoder.config.hidden_size
        if decoder is None:
            shared = given["encoder"] is None and config.source_vocab_size is None
            embeddings = encoder.embeddings if shared else None
            decoder = TransformerDecoder(
                config, dtype, embeddings, encoder_size=size, name="decoder"
            )
        if decoder.encoder_size != size:
            found = (
                "has no cross-attention"
                if decoder.encoder_size is None
                else f"attends to states {decoder.encoder_size} wide"
            )
            raise ValueError(
                f"Expected a decoder with cross-attention to states {size} wide, those "
                f"of the encoder, got one that {found}. "
                f"Make it with encoder_size={size}."
            )

        # === Functional graph ===
        inputs = decoder_inputs("token_ids", "padding_mask", "decoder_token_ids")
        states = encoder(_inputs_of(encoder, inputs))["sequence_output"]  # [B, S, D]
        of_decoder = {**inputs, "token_ids": inputs["decoder_token_ids"]}
        del of_decoder["padding_mask"]
        of_decoder |= {"encoder_states": states, "encoder_mask": inputs["padding_mask"]}
        outputs = decoder(_inputs_of(decoder, of_decoder))
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)

        # === Config ===
        self.dtype_policy = encoder.dtype_policy
        self.encoder = encoder
        self.decoder = decoder
        self.config = encoder.config
        self._given = {"config": config, **given}

    def call(self, inputs, training=None, mask=None):
        if isinstance(inputs, dict) and "decoder_token_ids" in inputs:
            check_token_ids("decoder_token_ids", inputs, self.decoder.config)
        return super().call(inputs, training=training, mask=mask)

    def encode(self, token_ids: Any, padding_mask: Any) -> Any:
        """Computes the encoder states.

        Shapes:
            token_ids, padding_mask `[B, S]` -> `[B, S, D]`.
        """
        inputs = {"token_ids": token_ids, "padding_mask": padding_mask}
        return self.encoder(_inputs_of(self.encoder, inputs))["sequence_output"]

    def continuation(
        self, token_ids: Any, padding_mask: Any, start_token_id: int, length: int
    ) -> Continuation:
        """Encodes sources and begins their targets.

        Args:
            token_ids: Token ids of the sources.
            padding_mask: Their mask.
            start_token_id: The token before the first one of every target.
            length: Maximum number of tokens of a target.

        Returns:
            A `kerasbert.models.decoder.Continuation`, which `kerasbert.decoding` takes.
        """
        states = self.encode(token_ids, padding_mask)
        prompt = ops.ones_like(token_ids[:, :1]) * start_token_id  # [B, 1]
        return Continuation(
            self.decoder,
            prompt,
            encoder_states=states,
            encoder_mask=padding_mask,
            length=length,
        )

    def cross_attention_probs(
        self, token_ids: Any, padding_mask: Any, decoder_token_ids: Any
    ) -> list:
        """Computes where in a source each token of a target looks.

        Args:
            token_ids: The sources.
            padding_mask: Their mask.
            decoder_token_ids: The targets.

        Returns:
            A list of float32 `[B, N, T, S]`, one for each decoder block.
        """
        states = self.encode(token_ids, padding_mask)
        bias = padding_bias(padding_mask)  # [B, 1, 1, S]
        positions = ops.arange(ops.shape(decoder_token_ids)[1], dtype="int32")  # [T]
        hidden_states = self.decoder.embed(decoder_token_ids, positions)
        found = []
        for block in self.decoder.blocks:
            hidden_states, probs = block.call_with_probs(hidden_states, states, bias)
            found.append(probs)
        return found

    @classmethod
    def from_pretrained(
        cls,
        source: str | os.PathLike,
        dtype: keras.DTypePolicy | str | None = None,
        **kwargs: Any,
    ) -> Self:
        """Loads a model: one that was saved, or transformers' `EncoderDecoderModel`.

        Args:
            source: The folder, or `hf://org/name`.
            dtype: A dtype policy such as `"mixed_bfloat16"`.
            **kwargs: `name` of the model.

        Raises:
            FileNotFoundError: If there is no such folder, or no model in it.
            ValueError: If the files are broken, do not match each other, or are of a
                model that is not computed here.
        """
        folder = resolve(source)
        if not encoder_decoder.recognises(folder):
            model = cls(**read_config(folder, dtype), dtype=dtype, **kwargs)
            assign_files(model, folder)
            return model
        found = encoder_decoder.read(folder)
        encoder = BertEncoder(found.encoder.config, dtype, False, name="encoder")
        size = found.encoder.config.hidden_size
        decoder = BertDecoder(found.decoder.config, dtype, size, name="decoder")
        assign_weights(encoder, found.encoder)
        assign_weights(decoder, found.decoder)
        model = cls(encoder=encoder, decoder=decoder, **kwargs)
        model.ledger = found.ledger
        model.tokens = found.tokens
        return model

    @classmethod
    def warm_started(
        cls,
        encoder: Any = None,
        decoder: Any = None,
        config: Seq2SeqConfig | None = None,
        dtype: keras.DTypePolicy | str | None = None,
    ) -> Self:
        """Makes a model of published encoders; what they do not have is new.

        Args:
            encoder: Source of the encoder, of any family; None: a new one.
            decoder: Source of the decoder, a BERT; None: a new one.
            config: A `kerasbert.Seq2SeqConfig` of the part that is new.
            dtype: A dtype policy such as `"mixed_bfloat16"`.

        Raises:
            ValueError: If both are None, or one is and there is no config.

        Reference:
            [Rothe et al., 2019](https://arxiv.org/abs/1907.12461), section 3.
        """
        if encoder is None and decoder is None:
            raise ValueError(
                "Expected the source of an encoder, of a decoder, or of both, got "
                "neither. A new model is Seq2SeqTransformer(config)."
            )
        size = None if config is None else config.hidden_size
        if encoder is not None:
            encoder = load_encoder(encoder, dtype=dtype, add_pooler=False)
            size = encoder.config.hidden_size
        if decoder is not None:
            decoder = BertDecoder.from_pretrained(decoder, dtype, size)
        return cls(config, dtype, encoder, decoder)

    def save_pretrained(
        self, folder: str | os.PathLike, overwrite: bool = False
    ) -> None:
        """Saves config and weights.

        A model of two BERTs is saved as transformers' `EncoderDecoderModel`, others in
        a format of their own.

        Args:
            folder: The folder to make.
            overwrite: Whether a folder that exists is replaced.

        Raises:
            FileExistsError: If the folder exists and `overwrite` is not given.
        """
        with new_folder(folder, overwrite=overwrite) as partial:
            self.write(partial)

    def write(self, folder: str | os.PathLike) -> None:
        """Writes the files of `save_pretrained` to a folder that exists."""
        self.check_floating()
        if isinstance(self.encoder, BertEncoder) and isinstance(
            self.decoder, BertDecoder
        ):
            parts = checkpoint_of(self.encoder), checkpoint_of(self.decoder)
            encoder_decoder.write(*parts, folder, self.tokens)
        else:
            write_files(self, self._given, folder)

    def get_config(self):
        config, encoder, decoder = self._given.values()
        return self._config(
            config=None if config is None else dataclasses.asdict(config),
            dtype=keras.dtype_policies.serialize(self.dtype_policy),
            encoder=_serialized(encoder),
            decoder=_serialized(decoder),
            name=self.name,
            trainable=self.trainable,
        )

    @classmethod
    def _from_config(cls, config):
        parts = {
            name: config[name] and keras.saving.deserialize_keras_object(config[name])
            for name in ("encoder", "decoder")
        }
        settings = config["config"]
        return cls(
            **{
                **config,
                "config": settings and Seq2SeqConfig(**settings),
                "dtype": keras.dtype_policies.deserialize(config["dtype"]),
                **parts,
            }
        )


def _serialized(part):
    return None if part is None else keras.saving.serialize_keras_object(part)


def _inputs_of(part, inputs):
    """Returns the inputs that a part takes; one segment, and no padding, if need be."""
    found = dict(inputs)
    found.setdefault("segment_ids", ops.zeros_like(inputs["token_ids"]))
    found.setdefault("padding_mask", ops.ones_like(inputs["token_ids"]))
    return {name: found[name] for name in part.input}
