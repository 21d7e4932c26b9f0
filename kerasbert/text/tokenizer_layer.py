"""A Keras layer that tokenizes, for functional models with string inputs."""

import base64
import dataclasses

import keras

from kerasbert.text import tokenizer_config


@keras.saving.register_keras_serializable(package="kerasbert")
class TokenizerLayer(keras.layers.Layer):
    """Tokenizes strings inside a functional model.

    Calling a `kerasbert.Tokenizer` with a `keras.Input` of strings creates this layer.
    The vocabulary is saved with the model. It needs the TensorFlow backend.

    Args:
        tokenizer: A `kerasbert.Tokenizer`.
        max_length: Maximum length in tokens; None does not truncate.
        length: Fixed length to pad and truncate to; None pads to the longest text.

    Shapes:
        texts `[B]` and pairs `[B]` or None, strings -> token_ids, segment_ids and
        padding_mask, int32 `[B, S]` each.

    Raises:
        ValueError: If the backend is not TensorFlow.

    Example:
        >>> tokenizer = kerasbert.Tokenizer.from_pretrained(tiny_bert)
        >>> encoder = kerasbert.BertEncoder.from_pretrained(tiny_bert)
        >>> texts = keras.Input((), dtype="string")
        >>> inputs = tokenizer(texts, max_length=16)
        >>> model = keras.Model(texts, encoder(inputs)["pooled_output"])
        >>> model.output.shape
        (None, 32)
    """

    def __init__(self, tokenizer, max_length=None, length=None, **kwargs):
        backend = keras.backend.backend()
        if backend != "tensorflow":
            raise ValueError(
                "Expected the TensorFlow backend for a model of strings, got "
                f"{backend}. Tokenize outside the model, tokenizer(texts), and give it "
                'what comes; or start with KERAS_BACKEND="tensorflow".'
            )
        super().__init__(**kwargs)
        self.tokenizer = tokenizer
        self.max_length = max_length
        self.length = length
        self.trainable = False

    def build(self, texts_shape, pairs_shape=None):
        pass

    def call(self, texts, pairs=None):
        return self.tokenizer(texts, pairs, self.max_length, self.length)  # [B, S]

    def compute_output_spec(self, texts, pairs=None):
        for given in (texts, pairs):
            if given is not None and (given.dtype != "string" or len(given.shape) != 1):
                raise ValueError(
                    'Expected keras.Input((), dtype="string"), one text an example, '
                    f"got {given.dtype} of the shape {given.shape}."
                )
        shape = (texts.shape[0], self.length)
        return {
            name: keras.KerasTensor(shape, "int32")
            for name in ("token_ids", "segment_ids", "padding_mask")
        }

    def get_config(self):
        return {
            **super().get_config(),
            "tokenizer": _as_json(self.tokenizer.config),
            "special_tokens_in_text": self.tokenizer.special_tokens_in_text,
            "max_length": self.max_length,
            "length": self.length,
        }

    @classmethod
    def from_config(cls, config):
        from kerasbert.text.tokenizer import Tokenizer

        config = dict(config)
        tokenizer = Tokenizer.from_config(
            _from_json(config.pop("tokenizer")),
            special_tokens_in_text=config.pop("special_tokens_in_text"),
        )
        return cls(tokenizer, **config)


def _as_json(value):
    """Converts a tokenizer's configuration to JSON types."""
    if dataclasses.is_dataclass(value):
        fields = {
            field.name: _as_json(getattr(value, field.name))
            for field in dataclasses.fields(value)
        }
        return {"kind": type(value).__name__, "fields": fields}
    if isinstance(value, bytes):
        return {"kind": "bytes", "base64": base64.b64encode(value).decode("ascii")}
    if isinstance(value, tuple | list):
        return [_as_json(part) for part in value]
    return value


def _from_json(value):
    """Inverts `_as_json`; lists become tuples."""
    if isinstance(value, list | tuple):
        return tuple(_from_json(part) for part in value)
    if not isinstance(value, dict):
        return value
    if value["kind"] == "bytes":
        return base64.b64decode(value["base64"])
    kind = vars(tokenizer_config).get(value["kind"])
    if not dataclasses.is_dataclass(kind):
        raise ValueError(
            f"Expected a part of a tokenizer's configuration, got {value['kind']!r}. "
            "Was the file written by a newer kerasbert?"
        )
    return kind(**{name: _from_json(part) for name, part in value["fields"].items()})
