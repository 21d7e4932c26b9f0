"""WordPiece tokenization of BERT.

Reference:
    Wu et al., Google's Neural Machine Translation System
    (https://arxiv.org/abs/1609.08144), section 4.1.
    Song et al., Fast WordPiece Tokenization (https://arxiv.org/abs/2012.15524).
"""

import functools
import itertools
from collections.abc import Iterable

import numpy as np
import tensorflow as tf
import tensorflow_text as tf_text
from tensorflow_text.core.pybinds import (
    pywrap_fast_wordpiece_tokenizer_model_builder as wordpiece_builder,
)
from tensorflow_text.python.ops.fast_wordpiece_tokenizer import (
    gen_fast_wordpiece_tokenizer as wordpiece_ops,
)

from kerasbert.text.character_map import build_character_map
from kerasbert.text.characters import character_set, word_character_map
from kerasbert.text.offsets import character_offsets
from kerasbert.text.ragged import offsets_in_row, row_numbers
from kerasbert.text.text_repair import CanonicalOrder, TextRepair, unused_characters
from kerasbert.text.tokenizer import Tokenizer
from kerasbert.text.tokenizer_config import (
    BERT_SPECIAL_TOKENS,
    SpecialTokens,
    Template,
    TokenizerConfig,
)

_LONGEST_WORD = 100  # characters; longer words become the unknown token


@functools.lru_cache(maxsize=8)
def _character_map(switches, extra) -> np.ndarray:
    return build_character_map({**word_character_map(*switches), **dict(extra)})


class WordPieceTokenizer(Tokenizer):
    """A WordPiece tokenizer with BERT's normalization.

    Args:
        vocabulary: The tokens in the order of their ids.
        lower_case: Whether to lower-case text ("uncased").
        strip_accents: Whether to remove accents; None follows `lower_case`.
        split_chinese_characters: Whether each Chinese character is a word.
        clean_text: Whether to remove control characters.
        special_tokens: The special tokens.
        added_tokens: Tokens that are words of their own wherever they occur.
        special_tokens_in_text: Whether special tokens written in a text, such as
            `[MASK]`, are recognized. Use False for untrusted text.
        max_length: Maximum sequence length of the model, if known.
        template: Special tokens around texts; None is BERT's template.
        truncation_side: Side on which texts are truncated: `"right"` or `"left"`.

    Example:
        >>> vocabulary = "[PAD] [UNK] [CLS] [SEP] [MASK] un ##like ##ly".split()
        >>> WordPieceTokenizer(vocabulary).encode(["Unlikely"])
        [[2, 5, 6, 7, 3]]

    Reference:
        Devlin et al., BERT (https://arxiv.org/abs/1810.04805), section 3.
    """

    def __init__(
        self,
        vocabulary: Iterable[str],
        lower_case: bool = True,
        strip_accents: bool | None = None,
        split_chinese_characters: bool = True,
        clean_text: bool = True,
        special_tokens: SpecialTokens = BERT_SPECIAL_TOKENS,
        added_tokens: tuple[str, ...] = (),
        special_tokens_in_text: bool = True,
        max_length: int | None = None,
        template: Template | None = None,
        truncation_side: str = "right",
    ):
        config = TokenizerConfig(
            kind="wordpiece",
            vocabulary=tuple(vocabulary),
            lower_case=lower_case,
            strip_accents=strip_accents,
            split_chinese_characters=split_chinese_characters,
            clean_text=clean_text,
            special_tokens=special_tokens,
            added_tokens=tuple(added_tokens),
            max_length=max_length,
            template=template,
            truncation_side=truncation_side,
        )
        super().__init__(config, special_tokens_in_text)
        strip_accents = lower_case if strip_accents is None else strip_accents
        switches = (lower_case, strip_accents, split_chinese_characters, clean_text)
        private = unused_characters(self.vocabulary)
        self._unspeakable = next(private)
        written = self._written_tokens()
        spelled = {t: "".join(next(private) for _ in t) for t in written}
        if strip_accents:
            removed = character_set("control") if clean_text else frozenset()
            order = CanonicalOrder(character_set("accent"), removed)
        else:
            order = None
        self._repair = TextRepair(spelled, order, self._unspeakable)
        self._build(switches, spelled)

    @staticmethod
    def arguments(config: TokenizerConfig) -> dict:
        """Returns the constructor arguments for a config."""
        names = (
            "vocabulary",
            "lower_case",
            "strip_accents",
            "split_chinese_characters",
            "clean_text",
            "special_tokens",
            "added_tokens",
            "max_length",
            "template",
            "truncation_side",
        )
        return {name: getattr(config, name) for name in names}

    def _build(self, switches, spelled) -> None:
        """Builds the constants: the character map and the trie of tokens.

        `TextRepair` replaces special tokens by private-use characters, which are also
        their spelling in the trie, unless normalization leaves the special token
        unchanged.
        """
        mapping = word_character_map(*switches)
        as_word = {t: "".join(mapping.get(ord(c), c) for c in t) for t in spelled}
        results = {t: t if as_word[t] == t else spelled[t] for t in spelled}
        extra = {}
        for token, characters in spelled.items():
            pairs = zip(characters, results[token], strict=True)
            extra.update({ord(private): result for private, result in pairs})
            first, last = ord(characters[0]), ord(characters[-1])
            extra[first] = f" {extra[first]}"
            extra[last] = f"{extra[last]} "
        unreachable = (f"{self._unspeakable}{number}" for number in itertools.count())
        # Of duplicate tokens the last one counts.
        tokens = [
            results.get(token, token)
            if self._ids[token] == number
            else next(unreachable)
            for number, token in enumerate(self.vocabulary)
        ]
        unknown = tokens[self.unk_token_id]
        pieces = wordpiece_builder.build_fast_wordpiece_model(
            tokens, 4 * _LONGEST_WORD, "##", unknown, True, False
        )
        with tf.init_scope(), tf.device("CPU:0"):
            self._normalizer = tf_text.FastBertNormalizer(
                model_buffer=tf.constant(_character_map(switches, tuple(extra.items())))
            )
            self._pieces = tf.constant(np.frombuffer(pieces, np.uint8))
            self._wordpiece = tf_text.FastWordpieceTokenizer(
                model_buffer=self._pieces, token_out_type=tf.int32
            )

    def _readable(self, words: tf.Tensor) -> tf.Tensor:
        """Makes words of more than 100 characters unknown, by an unused character."""

        def lengthen():
            too_long = tf.strings.length(words, unit="UTF8_CHAR") > _LONGEST_WORD
            return tf.where(too_long, words + self._unspeakable, words)

        short = tf.reduce_all(tf.strings.length(words, unit="BYTE") <= _LONGEST_WORD)
        return tf.cond(short, lambda: words, lengthen)

    def tokenize(self, texts: tf.Tensor) -> tf.RaggedTensor:
        repaired, _ = self._repair(texts)
        normalized = self._normalizer.normalize(repaired)
        # The operations alone: ragged tensors would add a hundred others, which cost a
        # short text as much.
        split = tf.raw_ops.StringSplitV2(input=normalized, sep=" ")
        words = split.values  # [W]
        pieces = wordpiece_ops.fast_wordpiece_tokenize_with_offsets(
            input_values=self._readable(words), wp_model=self._pieces
        )
        texts_of_words = split.indices[:, 0]  # [W]
        first_words = tf.searchsorted(
            texts_of_words, tf.range(split.shape[0] + 1), out_type=tf.int64
        )  # [B + 1]
        return tf.RaggedTensor.from_row_splits(
            tf.cast(pieces.output_ids, tf.int32),
            tf.gather(pieces.output_row_splits, first_words),
            validate=False,
        )

    def tokenize_with_offsets(
        self, texts: tf.Tensor
    ) -> tuple[tf.RaggedTensor, tf.RaggedTensor, tf.RaggedTensor]:
        repaired, _ = self._repair(texts)
        normalized, sources = self._normalizer.normalize_with_offsets(repaired)
        words = tf.strings.split(normalized, " ")
        pieces, starts, ends = self._wordpiece.tokenize_with_offsets(
            self._readable(words.values)
        )
        lengths = tf.cast(tf.strings.length(words.values, unit="BYTE"), tf.int64)
        # A space follows every word but the last of a text.
        rows = row_numbers(pieces)
        first = tf.gather(offsets_in_row(words, lengths + 1), rows)
        limits = tf.gather(lengths, rows)
        # The character that makes a word unknown is not part of the text.
        first_bytes = first + tf.cast(starts.values, tf.int64)
        last_bytes = first + tf.minimum(tf.cast(ends.values, tf.int64), limits) - 1
        token_ids = words.with_values(pieces).merge_dims(1, 2)
        starts, ends = character_offsets(
            repaired,
            sources,
            token_ids.with_values(first_bytes),
            token_ids.with_values(last_bytes),
        )
        return token_ids, starts, ends

    def _detokenize(self, tokens: list[str]) -> str:
        return join_word_pieces(tokens)


def join_word_pieces(tokens: list[str]) -> str:
    """Joins WordPiece tokens to a text, with the spacing of Hugging Face's `decode`."""
    text = ""
    for position, token in enumerate(tokens):
        if position:
            token = token[2:] if token.startswith("##") else f" {token}"
        for written, meant in _TIDY:
            token = token.replace(written, meant)
        text += token
    return text


_TIDY = (
    (" .", "."),
    (" ?", "?"),
    (" !", "!"),
    (" ,", ","),
    (" ' ", "'"),
    (" n't", "n't"),
    (" 'm", "'m"),
    (" do not", " don't"),
    (" 's", "'s"),
    (" 've", "'ve"),
    (" 're", "'re"),
)
