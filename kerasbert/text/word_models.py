"""WordPiece and Unigram models on words that a pre-tokenizer has split.

Shapes: N characters of all words, W words, T tokens of all words.
"""

import itertools

import numpy as np
import tensorflow as tf
import tensorflow_text as tf_text
from tensorflow_text.core.pybinds import (
    pywrap_fast_wordpiece_tokenizer_model_builder as wordpiece_builder,
)
from tensorflow_text.core.pybinds import pywrap_model_converter
from tensorflow_text.python.ops.fast_sentencepiece_tokenizer import (
    gen_fast_sentencepiece_tokenizer as fast_ops,
)
from tensorflow_text.python.ops.sentencepiece_tokenizer import (
    gen_sentencepiece_tokenizer as ops,
)

from kerasbert.text.piece_rules import TieOrder
from kerasbert.text.ragged import row_numbers
from kerasbert.text.sentencepiece_model import (
    build_word_model,
    check_unigram,
    parse_model,
)
from kerasbert.text.text_repair import unused_characters

_LONG = 64  # characters; sums of float32 scores of longer words lose precision
_CODES = 1 << 21


class Words:
    """Words as strings, with the positions of their characters.

    Args:
        points: The `CodePoints` of all words.
        is_added: Whether each is an added token, which becomes an empty string.
        begins: Whether each starts a word.
    """

    def __init__(self, points, is_added, begins):
        codes = tf.where(is_added, 0x20, points.codes)
        self.starts = tf.cast(tf.where(begins)[:, 0], tf.int32)  # [W]
        size = tf.size(codes)
        stops = tf.concat([self.starts[1:], [size]], axis=0)[: tf.size(self.starts)]
        self.lengths = stops - self.starts  # [W]
        rows = tf.RaggedTensor.from_row_lengths(codes, self.lengths, validate=False)
        self.is_added = tf.gather(is_added, self.starts)
        self.strings = tf.where(
            self.is_added, "", tf.strings.unicode_encode(rows, "UTF-8")
        )
        self._codes = codes

    def characters(self, starts, ends):
        """Maps byte offsets, `[W, None]`, to the first and last characters, `[T]`."""
        sizes = 1 + sum(
            tf.cast(self._codes >= least, tf.int64) for least in (128, 2048, 65536)
        )
        positions = tf.cumsum(sizes, exclusive=True)  # of every character, in bytes
        rows = row_numbers(starts)
        first = tf.gather(tf.gather(positions, self.starts), rows)
        last_of_word = tf.gather(self.starts + self.lengths - 1, rows)

        def character(byte):
            found = tf.searchsorted(positions, first + byte, side="right") - 1
            return tf.minimum(found, last_of_word)

        starts, ends = starts.values, ends.values
        return (
            character(tf.cast(starts, tf.int64)),
            character(tf.cast(ends, tf.int64) - 1),
        )


class WordPieceWords:
    """Tokenizes words with WordPiece."""

    def __init__(self, vocabulary):
        tokens, words = vocabulary.vocabulary, vocabulary.config.words
        self._longest = longest_word = vocabulary.config.longest_word
        self._unspeakable = next(unused_characters(tokens))
        unreachable = (f"{self._unspeakable}{n}" for n in itertools.count())
        # Of duplicate tokens the last one counts; an empty one matches nothing.
        tokens = [
            token
            if token
            and vocabulary.token_to_id(token) == number
            and (words is None or number < words)
            else next(unreachable)
            for number, token in enumerate(tokens)
        ]
        unknown = tokens[vocabulary.unk_token_id]
        most = 4 * max(longest_word, 1)
        pieces = wordpiece_builder.build_fast_wordpiece_model(
            tokens, most, "##", unknown, True, False
        )
        self._op = tf_text.FastWordpieceTokenizer(
            model_buffer=tf.constant(np.frombuffer(pieces, np.uint8)),
            token_out_type=tf.int32,
        )

    def __call__(self, points, is_added, offsets):
        """Tokenizes words; added tokens get no ids.

        Returns ids, int32 `[W, None]`, and the first and last character of each token,
        int32 `[T]`; both are None without `offsets`.
        """
        words = Words(points, is_added, points.begins)
        too_long = (words.lengths > self._longest) & ~words.is_added
        strings = tf.where(too_long, words.strings + self._unspeakable, words.strings)
        if not offsets:
            return self._op.tokenize(strings), None, None
        token_ids, starts, ends = self._op.tokenize_with_offsets(strings)
        return token_ids, *words.characters(starts, ends)


class UnigramWords:
    """Tokenizes words with a Unigram model.

    With `special_tokens_in_text`, pieces of special tokens match in words like any
    other, as in `tokenizers`.
    """

    def __init__(self, vocabulary, special_tokens_in_text):
        message = parse_model(vocabulary.config.model)
        check_unigram(message, "the tokenizer")
        self._unk_id = vocabulary.unk_token_id
        self._count = len(message.pieces)
        hidden = () if special_tokens_in_text else vocabulary.special_tokens.all()
        words = vocabulary.config.words
        if words is not None:
            hidden = {*hidden, *vocabulary.vocabulary[words:]}
        self._model = build_word_model(message, self._unk_id, frozenset(hidden))
        pieces = [piece.piece for piece in message.pieces]
        self._ties = TieOrder([*pieces, pieces[self._unk_id]])
        fast = pywrap_model_converter.convert_sentencepiece_model(self._model)
        self._fast = tf.constant(np.frombuffer(fast, np.uint8))
        pairs = {
            ord(a) * _CODES + ord(b)
            for piece in pieces
            for a, b in itertools.pairwise(piece)
        }
        self._pairs = np.array(sorted(pairs) or [0], np.int64)

    def __call__(self, points, is_added, offsets):
        """See `WordPieceWords.__call__`."""
        begins = points.begins
        words = tf.boolean_mask(tf.range(tf.size(begins)), begins)
        lengths = tf.concat([words[1:], [tf.size(begins)]], axis=0)[: tf.size(words)]
        longest = tf.reduce_max(tf.concat([lengths - words, [0]], axis=0))
        cut = tf.cond(longest > _LONG, lambda: self._cuts(points), lambda: begins)
        segments = Words(points, is_added, cut)
        word_of_segment = tf.gather(
            tf.cumsum(tf.cast(begins, tf.int32)) - 1, segments.starts
        )
        token_ids, first, last = self._segments(segments, offsets)
        rows = tf.gather(word_of_segment, row_numbers(token_ids))
        ids = token_ids.values
        ids = tf.where(ids >= self._count, self._unk_id, ids)
        # Consecutive unknown characters of a word are one token.
        again = (ids[1:] == self._unk_id) & (ids[:-1] == self._unk_id)
        again &= rows[1:] == rows[:-1]
        is_new = tf.concat([tf.ones_like(ids[:1], tf.bool), ~again], axis=0)
        is_last = tf.concat([~again, tf.ones_like(ids[:1], tf.bool)], axis=0)
        counts = tf.math.unsorted_segment_sum(
            tf.cast(is_new, tf.int64), rows, tf.size(words)
        )
        token_ids = tf.RaggedTensor.from_row_lengths(
            tf.boolean_mask(ids, is_new), counts, validate=False
        )
        if not offsets:
            return token_ids, None, None
        return token_ids, tf.boolean_mask(first, is_new), tf.boolean_mask(last, is_last)

    def _cuts(self, points):
        """Splits long words between characters that are adjacent in no piece."""
        codes = tf.cast(points.codes, tf.int64)
        keys = points.previous(codes) * _CODES + codes
        found = tf.minimum(
            tf.searchsorted(tf.constant(self._pairs), keys), len(self._pairs) - 1
        )
        known = tf.gather(tf.constant(self._pairs), found) == keys
        return points.begins | ~known

    def _segments(self, words, offsets):
        if not offsets:
            ids, splits = fast_ops.tf_text_fast_sentencepiece_tokenize(
                self._fast, words.strings, 0, 0, False, False, False
            )
            splits = tf.cast(splits, tf.int64)
            rows = tf.RaggedTensor.from_row_splits(ids, splits, validate=False)
            return self._ties(rows), None, None
        # The model is an attribute of the op: a graph needs no resource for it.
        model = ops.sentencepiece_op(model=self._model)
        ids, splits, starts, ends = ops.sentencepiece_tokenize_with_offsets_op(
            model, words.strings, 0, 1.0, False, False, False, tf.int32
        )
        splits = tf.cast(splits, tf.int64)
        rows = tf.RaggedTensor.from_row_splits(ids, splits, validate=False)
        starts, ends = (
            rows.with_values(tf.cast(values, tf.int64)) for values in (starts, ends)
        )
        token_ids, starts, ends = self._ties(rows, starts, ends)
        return token_ids, *words.characters(starts, ends)
