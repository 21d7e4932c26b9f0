"""The interface of all tokenizers, on tensors in graphs and on Python lists."""

import abc
import dataclasses
import functools
import os
import pathlib
import sys
from collections.abc import Iterable
from typing import Any

import tensorflow as tf

from kerasbert.account import Account, quoted
from kerasbert.processes import check_process
from kerasbert.text.packing import pack
from kerasbert.text.ragged import to_lists
from kerasbert.text.tokenizer_config import TokenizerConfig
from kerasbert.text.utf8 import as_utf8
from kerasbert.text.vocabulary import Vocabulary

_CHUNK = 1024  # texts per call of a compiled function
_UNLIMITED = 1 << 30


class Tokenizer(Vocabulary):
    r"""Converts text to the token ids a model was trained on, and back.

    `Tokenizer.from_pretrained` returns the subclass a folder's vocabulary needs. The
    methods `tokenize`, `tokenize_with_offsets` and `pack`, and calling the tokenizer,
    are TensorFlow functions: they work in `tf.data`, in `tf.function` and in exported
    SavedModels. `encode`, `decode` and `tokens` work on Python lists.

    Args:
        config: The `TokenizerConfig`.
        special_tokens_in_text: Whether special tokens written in a text, such as
            `[MASK]`, are recognized; if False, they are ordinary text.

    Example:
        >>> import pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> tokens = "[PAD] [UNK] [CLS] [SEP] [MASK] hello world".split()
        >>> _ = (folder / "vocab.txt").write_text("\n".join(tokens))
        >>> tokenizer = Tokenizer.from_pretrained(folder)
        >>> tokenizer.encode(["Hello world"])
        [[2, 5, 6, 3]]
    """

    @staticmethod
    def from_pretrained(
        source: str | os.PathLike, strict: bool = False, **switches: Any
    ) -> "Tokenizer":
        """Loads the tokenizer of a folder, hub address or zoo name, in any format.

        Args:
            source: A folder that holds at least a vocabulary, or `hf://org/name`,
                `kaggle://...`, `https://tfhub.dev/...` or a name of the zoo.
            strict: Whether unknown keys of its files raise an error instead of a
                warning.
            **switches: Fields of the config to override, such as `lower_case=False` or
                `special_tokens_in_text=False`.

        Returns:
            A subclass of `Tokenizer`, such as `WordPieceTokenizer`.

        Raises:
            FileNotFoundError: If the folder does not exist or holds no vocabulary.
            ValueError: If the vocabulary is invalid.
        """
        from kerasbert.checkpoints.vocabulary import read_tokenizer

        folder = pathlib.Path(source)
        if not folder.exists():
            from kerasbert.checkpoints.sources import resolve

            folder = resolve(source)
        config = read_tokenizer(folder, account=Account(strict))
        return Tokenizer.from_config(config, **switches)

    @staticmethod
    def from_config(config: TokenizerConfig, **switches: Any) -> "Tokenizer":
        """Creates the tokenizer that a config describes.

        Args:
            config: The `TokenizerConfig`.
            **switches: Fields of the config to override.

        Returns:
            A subclass of `Tokenizer`, such as `WordPieceTokenizer`.
        """
        if not config.is_plain:
            from kerasbert.text.pipeline import PipelineTokenizer

            in_text = switches.pop("special_tokens_in_text", True)
            return PipelineTokenizer(_switched(config, switches), in_text)
        if config.kind == "wordpiece":
            from kerasbert.text.wordpiece import WordPieceTokenizer as kind
        else:
            from kerasbert.text.sentencepiece import SentencePieceTokenizer as kind
        return kind(**{**kind.arguments(config), **switches})

    # In the graph.

    @abc.abstractmethod
    def tokenize(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Converts texts to token ids, without special tokens.

        Args:
            texts: string `[B]`.

        Returns:
            int32 `[B, None]`.
        """

    @abc.abstractmethod
    def tokenize_with_offsets(
        self, texts: tf.Tensor
    ) -> tuple[tf.RaggedTensor, tf.RaggedTensor, tf.RaggedTensor]:
        """Converts texts to token ids and the offsets of each token in its text.

        Offsets count characters (code points) of the original text, before
        normalization. Invalid UTF-8 counts as with Python's `errors="replace"`.

        Args:
            texts: string `[B]`.

        Returns:
            token ids, starts and ends (exclusive), int32 `[B, None]` each.
        """

    def pack(
        self,
        first: tf.RaggedTensor,
        second: tf.RaggedTensor | None = None,
        max_length: int | tf.Tensor | None = None,
    ) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
        """Adds special tokens; truncates the longer text first.

        Args:
            first: Token ids from `tokenize`, int32 `[B, None]`.
            second: Token ids of second texts, int32 `[B, None]`, or None.
            max_length: Maximum length, including special tokens; None does not
                truncate.

        Returns:
            token ids and segment ids, int32 `[B, None]` each.
        """
        around = self.frame(pair=second is not None)
        return pack(first, second, around, max_length, self.truncation_side)

    def pack_beside(
        self, values: tf.RaggedTensor, max_length: int | tf.Tensor | None = None
    ) -> tf.RaggedTensor:
        """Truncates per-token values as `pack` truncates tokens; special tokens have 0.

        Args:
            values: One value per token of each text, int32 `[B, None]`.
            max_length: Maximum length, including special tokens; None does not
                truncate.

        Returns:
            int32 `[B, None]`.
        """
        zeros = self.frame()._replace(
            groups=tuple(((0, 0),) * len(group) for group in self.frame().groups)
        )
        return pack(values, None, zeros, max_length, self.truncation_side)[0]

    def __call__(
        self,
        texts: Any,
        pairs: Any = None,
        max_length: int | None = None,
        length: int | None = None,
    ) -> dict[str, tf.Tensor]:
        """Creates the inputs of a model.

        Args:
            texts: string `[B]`, or a `keras.Input((), dtype="string")` in a functional
                model.
            pairs: Second texts, string `[B]`, or None.
            max_length: Maximum length, including special tokens; None does not
                truncate.
            length: Fixed length to pad and truncate to; None pads to the longest text.

        Returns:
            `{"token_ids", "segment_ids", "padding_mask"}`, int32 `[B, S]` each.
        """
        if _is_symbolic(texts):
            from kerasbert.text.tokenizer_layer import TokenizerLayer

            inputs = (texts,) if pairs is None else (texts, pairs)
            return TokenizerLayer(self, max_length, length)(*inputs)
        check_process()
        if length is not None:
            max_length = length if max_length is None else min(length, max_length)
        texts = tf.convert_to_tensor(texts, tf.string)
        first = self.tokenize(texts)
        second = None
        if pairs is not None:
            second = self.tokenize(tf.convert_to_tensor(pairs, tf.string))
        token_ids, segment_ids = self.pack(first, second, max_length)
        shape = [None, length]
        return {
            "token_ids": token_ids.to_tensor(self.pad_token_id, shape=shape),
            "segment_ids": segment_ids.to_tensor(0, shape=shape),
            "padding_mask": tf.ones_like(token_ids).to_tensor(0, shape=shape),
        }

    # On lists.

    def encode(
        self,
        texts: str | Iterable[str | bytes],
        pairs: str | Iterable[str | bytes] | None = None,
        max_length: int | None = None,
    ) -> list[list[int]]:
        """Converts texts to lists of token ids, including special tokens.

        Args:
            texts: A list of strings, or one string, which is a list of one.
            pairs: Second texts, as many, or None.
            max_length: Maximum length, including special tokens; None does not
                truncate.

        Returns:
            One list of ids per text.
        """
        check_process()
        texts = as_utf8(texts)
        pairs = None if pairs is None else as_utf8(pairs)
        if pairs is not None and len(pairs) != len(texts):
            raise ValueError(
                f"Expected as many pairs as texts, got {len(pairs)} for {len(texts)}."
            )
        special = self.num_special_tokens(pair=pairs is not None)
        if max_length is not None and max_length < special:
            raise ValueError(
                f"Expected max_length to leave room for {special} special tokens, got "
                f"{max_length}. Use {special + 1} or more."
            )
        limit = tf.constant(_UNLIMITED if max_length is None else max_length)
        rows = []
        for start in range(0, len(texts), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            if pairs is None:
                packed = self._encode(tf.constant(texts[chunk], tf.string), limit)
            else:
                packed = self._encode_pairs(
                    tf.constant(texts[chunk], tf.string),
                    tf.constant(pairs[chunk], tf.string),
                    limit,
                )
            rows += to_lists(packed)
        return rows

    @functools.cached_property
    def _encode(self):
        @tf.function(
            input_signature=[
                tf.TensorSpec([None], tf.string),
                tf.TensorSpec([], tf.int32),
            ],
            autograph=False,
        )
        def encode(texts, max_length):
            return self.pack(self.tokenize(texts), None, max_length)[0]

        return encode

    @functools.cached_property
    def _encode_pairs(self):
        @tf.function(
            input_signature=[
                tf.TensorSpec([None], tf.string),
                tf.TensorSpec([None], tf.string),
                tf.TensorSpec([], tf.int32),
            ],
            autograph=False,
        )
        def encode_pairs(texts, pairs, max_length):
            first, second = self.tokenize(texts), self.tokenize(pairs)
            return self.pack(first, second, max_length)[0]

        return encode_pairs


_CLEANING = (
    "lower_case",
    "strip_accents",
    "split_chinese_characters",
    "clean_text",
    "split_digits_from_commas",
)


def _switched(config, switches):
    """Returns a `TokenizerConfig` with overridden fields."""
    fixed = _CLEANING if config.normalizer is not None else _CLEANING[-1:]
    for name, value in switches.items():
        if name in fixed and value != getattr(config, name):
            raise ValueError(
                f"Expected no {name} for a tokenizer with steps of its own, got "
                f"{name}={quoted(value)}: its tokenizer.json defines that step. "
                "Change the normalizer there."
            )
        known = {field.name for field in dataclasses.fields(config)}
        if name not in known - {"kind", "vocabulary", "model", "words"}:
            raise TypeError(
                f"Expected switches of a tokenizer, such as max_length, got {name}."
            )
    return dataclasses.replace(config, **switches)


def _is_symbolic(texts):
    keras = sys.modules.get("keras")  # no KerasTensor without Keras
    return keras is not None and isinstance(texts, keras.KerasTensor)
