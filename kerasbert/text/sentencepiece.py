"""SentencePiece tokenization of ALBERT, unigram or byte pair encoding.

Reference:
    Kudo and Richardson, SentencePiece (https://arxiv.org/abs/1808.06226).
    Lan et al., ALBERT (https://arxiv.org/abs/1909.11942).
"""

import functools

import numpy as np
import tensorflow as tf
import tensorflow_text as tf_text
from tensorflow_text.core.pybinds import pywrap_model_converter
from tensorflow_text.python.ops.fast_sentencepiece_tokenizer import (
    gen_fast_sentencepiece_tokenizer as fast_ops,
)
from tensorflow_text.python.ops.sentencepiece_tokenizer import (
    gen_sentencepiece_tokenizer as ops,
)

from kerasbert.text.character_map import build_character_map
from kerasbert.text.characters import piece_character_map
from kerasbert.text.offsets import piece_offsets
from kerasbert.text.piece_rules import DigitCommas, TieOrder
from kerasbert.text.ragged import offsets_in_row, row_numbers
from kerasbert.text.sentencepiece_model import (
    BPE,
    UNIGRAM,
    byte_pieces,
    parse_model,
)
from kerasbert.text.text_repair import TextRepair, unused_characters
from kerasbert.text.tokenizer import Tokenizer
from kerasbert.text.tokenizer_config import (
    ALBERT_SPECIAL_TOKENS,
    SpecialTokens,
    Template,
    TokenizerConfig,
)

_SPACE = "\u2581"  # how SentencePiece writes a space
_CUT = "\x1e"  # separates the parts of a text; in a text it becomes _LIKE_CUT
_LIKE_CUT = "\x1f"
_LONG = 1024  # bytes
_OTHER_TYPES = {3: "word", 4: "char"}


@functools.lru_cache(maxsize=8)
def _character_map(switches, extra) -> np.ndarray:
    return build_character_map({**piece_character_map(*switches), **dict(extra)})


class SentencePieceTokenizer(Tokenizer):
    """A SentencePiece tokenizer with ALBERT's normalization.

    Text is normalized as for ALBERT: quotes written as two characters become one, NFKD,
    accents are removed, lower-casing, and then the model's own normalization.

    Args:
        model: Serialized SentencePiece model.
        lower_case: Whether to lower-case text.
        strip_accents: Whether to decompose (NFKD) and remove accents.
        split_digits_from_commas: Whether to split pieces such as `▁2010,` further into
            number and comma, as google-research/albert does.
        special_tokens: The special tokens.
        added_tokens: Tokens that split a text wherever they occur; the parts are
            tokenized separately.
        special_tokens_in_text: Whether special tokens written in a text, such as
            `[MASK]`, are recognized. Use False for untrusted text.
        max_length: Maximum sequence length of the model, if known.
        template: Special tokens around texts; None is BERT's template.
        truncation_side: Side on which texts are truncated: `"right"` or `"left"`.

    Example:
        >>> tokenizer = Tokenizer.from_pretrained("albert")  # doctest: +SKIP
        >>> tokenizer.tokens(tokenizer.encode(["Naïve"])[0])  # doctest: +SKIP
        ['[CLS]', '▁naive', '[SEP]']

    Reference:
        google-research/albert, `tokenization.py`.
    """

    def __init__(
        self,
        model: bytes,
        lower_case: bool = True,
        strip_accents: bool = True,
        split_digits_from_commas: bool = False,
        special_tokens: SpecialTokens = ALBERT_SPECIAL_TOKENS,
        added_tokens: tuple[str, ...] = (),
        special_tokens_in_text: bool = True,
        max_length: int | None = None,
        template: Template | None = None,
        truncation_side: str = "right",
    ):
        message = parse_model(model)
        kind = message.trainer_spec.model_type
        if kind not in (UNIGRAM, BPE):
            raise ValueError(
                "Expected a SentencePiece model of the type unigram or bpe, got one of "
                f"the type {_OTHER_TYPES.get(kind, kind)}."
            )
        config = TokenizerConfig(
            kind="sentencepiece",
            vocabulary=tuple(piece.piece for piece in message.pieces),
            model=model,
            lower_case=lower_case,
            strip_accents=strip_accents,
            split_digits_from_commas=split_digits_from_commas,
            special_tokens=special_tokens,
            added_tokens=tuple(added_tokens),
            max_length=max_length,
            template=template,
            truncation_side=truncation_side,
        )
        super().__init__(config, special_tokens_in_text)
        is_unigram = kind == UNIGRAM
        # With a dummy prefix, each word can be tokenized as a text of its own.
        words_alone = is_unigram and message.normalizer_spec.add_dummy_prefix
        self._longest = _LONG if words_alone else tf.int32.max
        private = unused_characters(self.vocabulary)
        self._nothing, stand_in = next(private), next(private)
        spelled = {
            token: "".join(next(private) for _ in token)
            for token in self._written_tokens()
        }
        self._written = list(spelled.values())
        self._written_ids = [self._ids[token] for token in spelled]
        self._repair = TextRepair(spelled, None, stand_in, self._nothing)
        self._ties = TieOrder(self.vocabulary) if is_unigram else _as_they_are
        extra = {ord(self._nothing): "", ord(_CUT): _LIKE_CUT}
        for characters in self._written:
            first, last = ord(characters[0]), ord(characters[-1])
            extra[first] = _CUT + characters[0]
            extra[last] = extra.get(last, characters[-1]) + _CUT
        character_map = _character_map(
            (lower_case, strip_accents), tuple(extra.items())
        )
        with tf.init_scope(), tf.device("CPU:0"):
            self._normalizer = tf_text.FastBertNormalizer(
                model_buffer=tf.constant(character_map)
            )
            self._fast_model = None
            if is_unigram and not byte_pieces(message):  # all that the fast one knows
                fast_model = pywrap_model_converter.convert_sentencepiece_model(model)
                self._fast_model = tf.constant(np.frombuffer(fast_model, np.uint8))
            self._digit_commas = None
            if split_digits_from_commas:
                self._digit_commas = DigitCommas(
                    self.vocabulary,
                    self.unk_token_id,
                    lambda texts: self._pieces(tf.constant(texts, tf.string)).to_list(),
                )

    @staticmethod
    def arguments(config: TokenizerConfig) -> dict:
        """Returns the constructor arguments for a config."""
        names = (
            "model",
            "lower_case",
            "split_digits_from_commas",
            "special_tokens",
            "added_tokens",
            "max_length",
            "template",
            "truncation_side",
        )
        strip = True if config.strip_accents is None else config.strip_accents
        return {"strip_accents": strip, **{n: getattr(config, n) for n in names}}

    def tokenize(self, texts: tf.Tensor) -> tf.RaggedTensor:
        repaired, plain = self._repair(texts)
        normalized = self._normalizer.normalize(self._join_quotes(repaired))

        def in_parts():
            parts = self._parts(normalized)
            pieces = self._pieces(self._blank_written(parts.values))
            pieces = tf.concat([self._written_ids_of(parts.values), pieces], axis=1)
            pieces = parts.with_values(pieces).merge_dims(1, 2)
            return pieces.values, pieces.row_splits

        def whole():
            pieces = self._pieces(normalized)
            return pieces.values, pieces.row_splits

        short = ~tf.reduce_any(self._is_long(normalized))
        pieces = tf.cond(plain & short, whole, in_parts)
        token_ids = tf.RaggedTensor.from_row_splits(*pieces, validate=False)
        token_ids = self._ties(token_ids)
        return self._digit_commas(token_ids) if self._digit_commas else token_ids

    def tokenize_with_offsets(
        self, texts: tf.Tensor
    ) -> tuple[tf.RaggedTensor, tf.RaggedTensor, tf.RaggedTensor]:
        repaired, _ = self._repair(texts)
        joined = self._join_quotes(repaired)
        normalized, sources = self._normalizer.normalize_with_offsets(joined)
        parts = self._parts(normalized)
        tokens = self._pieces_with_offsets(parts.values)
        written = self._written_ids_of(parts.values)
        sizes = tf.cast(tf.strings.length(parts.values, unit="BYTE"), tf.int64)
        limits = written.with_values(tf.gather(sizes, row_numbers(written)))
        extra = (written, tf.zeros_like(limits), limits)
        # From bytes of the part to bytes of the normalized text.
        before = offsets_in_row(parts, sizes + len(_CUT))
        tokens = [tf.concat([e, t], axis=1) for e, t in zip(extra, tokens, strict=True)]
        shift = tf.gather(before, row_numbers(tokens[0]))
        token_ids, starts, ends = (
            parts.with_values(values).merge_dims(1, 2)
            for values in (
                tokens[0],
                tokens[1].with_values(tokens[1].values + shift),
                tokens[2].with_values(tokens[2].values + shift),
            )
        )
        token_ids, starts, ends = self._ties(token_ids, starts, ends)
        if self._digit_commas:
            token_ids, starts, ends = self._digit_commas(token_ids, starts, ends)
        return token_ids, *piece_offsets(joined, normalized, sources, starts, ends)

    def _join_quotes(self, texts: tf.Tensor) -> tf.Tensor:
        return tf.strings.regex_replace(texts, "``|''", f'{self._nothing}"')

    def _is_long(self, normalized: tf.Tensor) -> tf.Tensor:
        return tf.strings.length(normalized, unit="BYTE") > self._longest

    def _parts(self, normalized: tf.Tensor) -> tf.RaggedTensor:
        """Splits texts at special tokens, string `[B, None]`.

        Long texts are split into words as well: float32 sums of scores lose precision.
        """
        words = tf.strings.regex_replace(normalized, " ", _CUT)
        texts = tf.where(self._is_long(normalized), words, normalized)
        return tf.strings.split(texts, _CUT)

    def _is_written(self, parts: tf.Tensor) -> tf.Tensor:
        return parts[:, tf.newaxis] == tf.constant(self._written, tf.string)[tf.newaxis]

    def _blank_written(self, parts: tf.Tensor) -> tf.Tensor:
        """Replaces special tokens by empty strings."""
        written = tf.reduce_any(self._is_written(parts), axis=1)
        return tf.where(written, "", parts)

    def _written_ids_of(self, parts: tf.Tensor) -> tf.RaggedTensor:
        """Returns the ids of parts that are special tokens; other rows are empty."""
        is_written = self._is_written(parts)
        counts = tf.reduce_sum(tf.cast(is_written, tf.int64), axis=1)
        ids = tf.constant(self._written_ids, tf.int32)
        values = tf.gather(ids, tf.where(is_written)[:, 1])
        return tf.RaggedTensor.from_row_lengths(values, counts, validate=False)

    def _pieces(self, texts: tf.Tensor) -> tf.RaggedTensor:
        if self._fast_model is None:
            model = ops.sentencepiece_op(model=self.config.model)
            ids, splits = ops.sentencepiece_tokenize_op(
                model, texts, 0, 1.0, False, False, False, tf.int32
            )
        else:
            ids, splits = fast_ops.tf_text_fast_sentencepiece_tokenize(
                self._fast_model, texts, 0, 0, False, False, False
            )
        splits = tf.cast(splits, tf.int64)
        return tf.RaggedTensor.from_row_splits(ids, splits, validate=False)

    def _pieces_with_offsets(self, parts: tf.Tensor):
        # The model is an attribute of the op: a graph needs no resource for it.
        model = ops.sentencepiece_op(model=self.config.model)
        ids, splits, starts, ends = ops.sentencepiece_tokenize_with_offsets_op(
            model, self._blank_written(parts), 0, 1.0, False, False, False, tf.int32
        )
        splits = tf.cast(splits, tf.int64)
        token_ids = tf.RaggedTensor.from_row_splits(ids, splits, validate=False)
        starts, ends = tf.cast(starts, tf.int64), tf.cast(ends, tf.int64)
        return token_ids, token_ids.with_values(starts), token_ids.with_values(ends)

    def _detokenize(self, tokens: list[str]) -> str:
        written = (self.byte_tokens.get(t, t.encode("utf-8")) for t in tokens)
        text = b"".join(written).decode("utf-8", "replace")
        return text.replace(_SPACE, " ").strip(" ")


def _as_they_are(*tokens):
    return tokens if len(tokens) > 1 else tokens[0]
