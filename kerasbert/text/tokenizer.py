"""What every tokenizer can do: text to ids and back, in eager lists and in graphs.

Shapes: B batch, S sequence.
"""

import abc
import dataclasses
import functools
import pathlib
import sys

import tensorflow as tf

from kerasbert.account import Account, quoted
from kerasbert.processes import check_process
from kerasbert.text.packing import pack
from kerasbert.text.ragged import to_lists
from kerasbert.text.tokenizer_config import TokenizerConfig
from kerasbert.text.utf8 import as_utf8
from kerasbert.text.vocabulary import Vocabulary

_CHUNK = 1024  # texts that are encoded at once
_UNLIMITED = 1 << 30


class Tokenizer(Vocabulary):
    r"""Text to the ids that a model was trained on, and back.

    `Tokenizer.from_pretrained` gives the kind that a folder's vocabulary asks for. The
    methods `tokenize`, `tokenize_with_offsets`, `pack` and the tokenizer itself,
    called, are TensorFlow functions: they work in `tf.data`, in `tf.function` and in
    exported SavedModels. `encode`, `decode` and `tokens` work on Python lists.

    Args:
        config: what the tokenizer is made of.
        special_tokens_in_text: whether special tokens that are written in a text mean
            what they say; False: they are text like any other.

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
    def from_pretrained(source, strict=False, **switches) -> "Tokenizer":
        """The tokenizer of a folder, handle or name, in any container.

        Args:
            source: a folder that holds at least a vocabulary, or what `kerasbert` can
                fetch: `hf://org/name`, `kaggle://...`, `https://tfhub.dev/...`, a name
                of the zoo.
            strict: whether keys of its files that nobody knows are refused, rather
                than warned about.
            **switches: what to choose otherwise than the folder says, such as
                `lower_case=False` or `special_tokens_in_text=False`.

        Returns:
            A `WordPieceTokenizer` or a `SentencePieceTokenizer`.

        Raises:
            FileNotFoundError: the folder is not there, or holds no vocabulary.
            ValueError: the vocabulary is no vocabulary.
        """
        from kerasbert.checkpoints.vocabulary import read_tokenizer

        folder = pathlib.Path(source)
        if not folder.exists():
            from kerasbert.checkpoints.sources import resolve

            folder = resolve(source)
        config = read_tokenizer(folder, account=Account(strict))
        return Tokenizer.from_config(config, **switches)

    @staticmethod
    def from_config(config: TokenizerConfig, **switches) -> "Tokenizer":
        """The tokenizer that `config` describes.

        Args:
            config: what it is made of.
            **switches: arguments of its class to choose otherwise.

        Returns:
            A `WordPieceTokenizer` or a `SentencePieceTokenizer`.
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
        """Token ids without special tokens.

        Args:
            texts: string [B].

        Returns:
            int32 [B, None].
        """

    @abc.abstractmethod
    def tokenize_with_offsets(self, texts: tf.Tensor):
        """Token ids, and where each token lies in its text.

        Offsets count characters (code points) of the text as it was given, before
        anything was lower-cased or removed; a byte that is not UTF-8 counts as Python's
        `errors="replace"` counts it.

        Args:
            texts: string [B].

        Returns:
            token_ids: int32 [B, None].
            starts: int32 [B, None].
            ends: int32 [B, None], exclusive.
        """

    def pack(self, first, second=None, max_length=None):
        """Adds special tokens, and truncates the longest text first.

        Args:
            first: ids from `tokenize`, int32 [B, None].
            second: ids of second texts, int32 [B, None], or None.
            max_length: of the whole, special tokens included; None: no limit.

        Returns:
            token_ids: int32 [B, None].
            segment_ids: int32 [B, None].
        """
        around = self.frame(pair=second is not None)
        return pack(first, second, around, max_length, self.truncation_side)

    def pack_beside(self, values, max_length=None):
        """Cuts values of tokens as `pack` cuts the tokens; special tokens have 0.

        Args:
            values: a number for each token of each text, int32 [B, None].
            max_length: as in `pack`.

        Returns:
            int32 [B, None].
        """
        zeros = self.frame()._replace(
            groups=tuple(((0, 0),) * len(group) for group in self.frame().groups)
        )
        return pack(values, None, zeros, max_length, self.truncation_side)[0]

    def __call__(self, texts, pairs=None, max_length=None, length=None):
        """The inputs of a model.

        Args:
            texts: string [B]; or a `keras.Input((), dtype="string")`, of which a
                layer makes the inputs of a functional model.
            pairs: second texts, string [B], or None.
            max_length: truncate to it; None: no limit.
            length: pad to it, and truncate to it; None: to the longest of the batch.

        Returns:
            `{"token_ids", "segment_ids", "padding_mask"}`, int32 [B, S] each.
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

    def encode(self, texts, pairs=None, max_length=None) -> list[list[int]]:
        """Ids of every text, special tokens included.

        Args:
            texts: a list of strings. (One string is taken as a list of one.)
            pairs: second texts, as many, or None.
            max_length: of a sequence, special tokens included; None: no limit.

        Returns:
            One list of ids for each text.
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
    """The `TokenizerConfig` with fields of it chosen otherwise."""
    fixed = _CLEANING if config.normalizer is not None else _CLEANING[-1:]
    for name, value in switches.items():
        if name in fixed and value != getattr(config, name):
            raise ValueError(
                f"Expected no {name} for a tokenizer with steps of its own, got "
                f"{name}={quoted(value)}: its tokenizer.json says how text is cleaned. "
                "Change the normalizer there."
            )
        known = {field.name for field in dataclasses.fields(config)}
        if name not in known - {"kind", "vocabulary", "model", "words"}:
            raise TypeError(
                f"Expected switches of a tokenizer, such as max_length, got {name}."
            )
    return dataclasses.replace(config, **switches)


def _is_symbolic(texts):
    keras = sys.modules.get("keras")  # where it is not there, nothing of it is
    return keras is not None and isinstance(texts, keras.KerasTensor)
