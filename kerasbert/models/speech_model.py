"""An encoder of speech with a CTC head."""

import dataclasses
import pathlib

import keras

from kerasbert.account import quoted
from kerasbert.config import Seq2SeqConfig, SpeechConfig
from kerasbert.files import read_json, write_json
from kerasbert.layers import (
    LayerNorm,
    PreNormEncoderBlock,
    SinusoidalPositionalEncoding,
    padding_bias,
)
from kerasbert.layers.speech import (
    ConvolutionalSubsampling,
    CTCHead,
    LogMel,
    SpecAugment,
)
from kerasbert.models.encoder import encoder_block
from kerasbert.models.loading import variables_of
from kerasbert.models.model import Model
from kerasbert.models.seq2seq_files import CONFIG_FILE, assign_files, write_tensors
from kerasbert.models.transformer import TransformerDecoder

MODEL_TYPE = "speech_ctc"


@keras.saving.register_keras_serializable(package="kerasbert")
class SpeechRecognitionModel(Model):
    """Waveforms to the logits of units of text, for CTC.

    Mel bands, convolutions that subsample, and pre-norm Transformer encoder blocks.

    Args:
        config: A `kerasbert.SpeechConfig`.
        dtype: A dtype policy; the global one by default.
        **kwargs: `name` and `trainable` of a `keras.Model`.

    Shapes:
        waveform float32 `[B, W]` from -1 to 1, length int32 `[B]` in samples
        -> logits float32 `[B, S, V]`, of which 0 is the blank, and mask int32 `[B, S]`.
        With a decoder also decoder_token_ids int32 `[B, U]`, 0 and the units of a text
        -> decoder_logits float32 `[B, U, V]` of the units after each of these.

    Example:
        >>> config = kerasbert.SpeechConfig(
        ...     vocab_size=5, hidden_size=8, num_hidden_layers=1,
        ...     num_attention_heads=2, intermediate_size=16, sampling_rate=8000)
        >>> model = SpeechRecognitionModel(config)
        >>> outputs = model({
        ...     "waveform": keras.ops.ones((1, 800)), "length": keras.ops.array([800])})
        >>> tuple(outputs["logits"].shape), int(keras.ops.sum(outputs["mask"]))
        ((1, 3, 5), 3)

    Reference:
        [Graves et al., 2006](https://doi.org/10.1145/1143844.1143891); [Watanabe et
        al., 2017](https://doi.org/10.1109/JSTSP.2017.2763455), for the decoder.
    """

    def __init__(self, config, dtype=None, **kwargs):
        # === Layers ===
        log_mel = LogMel(
            config.sampling_rate,
            config.num_mel_bins,
            config.frame_length,
            config.frame_stride,
            dtype="float32",
            name="log_mel",
        )
        augment = SpecAugment(
            config.frequency_mask, config.time_mask, dtype="float32", name="augment"
        )
        subsampling = ConvolutionalSubsampling(
            config.hidden_size,
            config.subsampling,
            config.initializer_range,
            dtype=dtype,
            name="embeddings",
        )
        positions = SinusoidalPositionalEncoding(dtype=dtype, name="positions")
        dropout = keras.layers.Dropout(config.hidden_dropout_prob, dtype=dtype)
        blocks = [
            encoder_block(config, dtype, f"layer_{layer}", PreNormEncoderBlock)
            for layer in range(config.num_hidden_layers)
        ]
        norm = LayerNorm(config.layer_norm_eps, dtype=dtype, name="norm")
        head = CTCHead(
            config.vocab_size, config.initializer_range, dtype=dtype, name="head"
        )

        decoder = None
        if config.num_decoder_layers:
            decoder = TransformerDecoder(_decoder_config(config), dtype, name="decoder")

        def encode(waveform, length):
            features, mask = log_mel(waveform, length)  # [B, F, M]
            states, mask = subsampling(augment(features, mask), mask)  # [B, S, D]
            states = dropout(positions(states))
            bias = padding_bias(mask)  # [B, 1, 1, S]
            for block in blocks:
                states = block(states, attention_bias=bias)
            return norm(states), mask

        # === Functional graph ===
        inputs = {
            "waveform": keras.Input((None,), dtype="float32", name="waveform"),
            "length": keras.Input((), dtype="int32", name="length"),
        }
        states, mask = encode(inputs["waveform"], inputs["length"])
        outputs = {"logits": head(states, mask), "mask": mask}  # [B, S, V]
        if decoder is not None:
            units = keras.Input((None,), dtype="int32", name="decoder_token_ids")
            inputs["decoder_token_ids"] = units
            of_decoder = {"token_ids": units, "encoder_states": states}
            found = decoder({**of_decoder, "encoder_mask": mask})
            outputs["decoder_logits"] = found["logits"]  # [B, U, V]
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)

        # === Config ===
        self.dtype_policy = subsampling.dtype_policy
        self.config = config
        self.embeddings = subsampling
        self.layer_blocks = [[block] for block in blocks]
        self.head = head
        self.decoder = decoder
        self._encode = encode

    def encode(self, waveform, length):
        """Computes the encoder states, from which `head` computes logits.

        Shapes:
            waveform `[B, W]`, length `[B]` -> `[B, S, D]`, mask int32 `[B, S]`.
        """
        return self._encode(waveform, length)

    def checked(self, inputs):
        return inputs  # Keras checks names and shapes

    @classmethod
    def from_pretrained(cls, folder, dtype=None, **kwargs):
        """Loads a model that was saved.

        Args:
            folder: The folder.
            dtype: A dtype policy such as `"mixed_bfloat16"`.
            **kwargs: `name` of the model.

        Raises:
            FileNotFoundError: If there is no such folder, or no model in it.
            ValueError: If the files are broken or do not match each other.
        """
        file = pathlib.Path(folder) / CONFIG_FILE
        if not file.is_file():
            raise FileNotFoundError(f"Expected {CONFIG_FILE} in {folder}, found none.")
        values = read_json(file)
        found = values.pop("model_type", None) if isinstance(values, dict) else None
        if found != MODEL_TYPE:
            raise ValueError(
                f"Expected the model_type {MODEL_TYPE!r} in {file}, got "
                f"{quoted(found)}."
            )
        try:
            config = SpeechConfig(**values)
        except TypeError as error:
            raise ValueError(f"The settings in {file} make no model: {error}") from None
        model = cls(config, dtype, **kwargs)
        assign_files(model, folder, _weights_of(model))
        return model

    def write(self, folder):
        """Writes config and weights to a folder that exists."""
        write_tensors(self, _weights_of(self), folder)
        values = {"model_type": MODEL_TYPE, **dataclasses.asdict(self.config)}
        write_json(pathlib.Path(folder) / CONFIG_FILE, values)

    def get_config(self):
        return self._config(
            config=dataclasses.asdict(self.config),
            dtype=keras.dtype_policies.serialize(self.dtype_policy),
            name=self.name,
            trainable=self.trainable,
        )

    @classmethod
    def _from_config(cls, config):
        dtype = keras.dtype_policies.deserialize(config["dtype"])
        settings = SpeechConfig(**config["config"])
        return cls(**{**config, "config": settings, "dtype": dtype})


def _decoder_config(config):
    return Seq2SeqConfig(
        vocab_size=config.vocab_size,
        hidden_size=config.hidden_size,
        num_attention_heads=config.num_attention_heads,
        intermediate_size=config.intermediate_size,
        num_decoder_layers=config.num_decoder_layers,
        hidden_dropout_prob=config.hidden_dropout_prob,
    )


def _weights_of(model):
    return {
        path: variable
        for path, variable in variables_of(model).items()
        if "seed_generator" not in path
    }
