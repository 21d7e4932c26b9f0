"""Tokenization of words, with windows, and alignment of words and tokens.

Shapes: B texts, N words of all texts, P pieces of all texts, W rows (windows of texts),
T tokens of all rows.
"""

import itertools
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from kerasbert.tasks.preprocessor import Preprocessor
from kerasbert.tasks.token_classification.inputs import are_words, readable
from kerasbert.tasks.token_classification.inputs import joined as joined_words
from kerasbert.text.characters import character_set
from kerasbert.text.ragged import row_numbers
from kerasbert.text.windows import most_context, windows

NOWHERE = -1  # the place of a word of which no piece is left


class Words(NamedTuple):
    """Words of texts, and the rows of tokens that contain them.

    Args:
        token_ids: The rows, special tokens included, ragged int32 `[W, (S)]`.
        texts: The text that each row is of, int64 `[W]`.
        places: For each word the token of all rows, one after another, that speaks
            for it, or `NOWHERE`; ragged int32 `[B, (words)]`.
        starts: The first character of each word, ragged int32 `[B, (words)]`.
        ends: The one after its last.
        token_count: How many tokens each text has with special tokens, int32 `[B]`.
    """

    token_ids: tf.RaggedTensor
    texts: tf.Tensor
    places: tf.RaggedTensor
    starts: tf.RaggedTensor
    ends: tf.RaggedTensor
    token_count: tf.Tensor


class WordPreprocessor(Preprocessor):
    """Tokenizes texts, splits long ones into windows, and aligns words.

    The first piece of a word speaks for it; where windows overlap, in the one where
    it has the most context on the side that has less.

    Args:
        tokenizer: A `kerasbert.Tokenizer`.
        max_length: The longest row in tokens, special tokens included.
        stride: How many tokens neighbouring windows share.

    Reference:
        [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), section 5.3.
    """

    def __init__(self, tokenizer, max_length, stride):
        super().__init__(tokenizer, max_length)
        self.stride = stride
        self._continues, self._sticky = _tables(tokenizer)

    def with_length(self, max_length):
        other = super().with_length(max_length)
        other.stride = min(self.stride, other.room - 1)
        return other

    def encode(self, inputs):
        """Tokenizes texts, or lists of words."""
        of_words = are_words(inputs)
        rows = TaggedRows(of_words)
        for chunk in self.chunks(inputs):
            if of_words:
                strings, starts, ends = zip(*map(joined_words, chunk), strict=True)
                splits = tf.constant(np.cumsum([0, *map(len, starts)]))
                edges = (tf.constant(_chained(x)) for x in (starts, ends))
                rows.add(strings, self.run(self.of_words, strings, *edges, splits))
            else:
                strings = [readable(text) for text in chunk]
                rows.add(strings, self.run(self.__call__, strings))
        return rows

    def __call__(self, texts):
        """Returns the words of texts, as a tokenizer splits them.

        Space, punctuation and Chinese characters divide words; the latter two are words
        themselves.
        """
        token_ids, starts, ends = self.tokenizer.tokenize_with_offsets(texts)
        ids = token_ids.values  # [P]
        rows = row_numbers(token_ids)
        glued = tf.gather(self._continues, ids[1:]) & tf.gather(self._sticky, ids[:-1])
        begins = ~glued | (rows[1:] != rows[:-1])
        begins = tf.concat([tf.ones_like(ids[:1], tf.bool), begins], axis=0)  # [P]
        heads = tf.where(begins)[:, 0]  # [N]
        last = tf.concat([heads[1:], [tf.size(ids, tf.int64)]], axis=0) - 1
        last = last[: tf.size(heads)]  # where there are no words
        word_starts = tf.gather(starts.values, heads)
        word_ends = tf.gather(ends.values, last)
        is_word = word_ends > word_starts
        heads, word_starts, word_ends = (
            tf.boolean_mask(values, is_word)
            for values in (heads, word_starts, word_ends)
        )
        heads = tf.RaggedTensor.from_value_rowids(
            heads, tf.gather(rows, heads), token_ids.nrows(), validate=False
        )
        return self._placed(
            token_ids,
            heads,
            heads.with_values(word_starts),
            heads.with_values(word_ends),
        )

    def of_words(self, texts, starts, ends, splits):
        """Tokenizes words with given spans."""
        starts = tf.RaggedTensor.from_row_splits(starts, splits, validate=False)
        ends = starts.with_values(ends)
        token_ids, piece_starts, piece_ends = self.tokenizer.tokenize_with_offsets(
            texts
        )
        seen = tf.where(piece_ends.values > piece_starts.values)[:, 0]
        rows = tf.gather(row_numbers(token_ids), seen)
        keys = _key(rows, tf.gather(piece_starts.values, seen))
        word_rows = row_numbers(starts)
        found = tf.searchsorted(keys, _key(word_rows, starts.values), out_type=tf.int64)
        keys = tf.concat([keys, [tf.int64.max]], axis=0)
        seen = tf.concat([seen, [NOWHERE]], axis=0)
        inside = tf.gather(keys, found) < _key(word_rows, ends.values)
        heads = tf.where(inside, tf.gather(seen, found), NOWHERE)
        return self._placed(token_ids, starts.with_values(heads), starts, ends)

    def _placed(self, token_ids, heads, starts, ends):
        special = self.tokenizer.num_special_tokens()
        pieces, texts, first = windows(token_ids, self.room, self.stride)
        packed, _ = self.tokenizer.pack(pieces, None, self.max_length)
        window = row_numbers(pieces)  # of every piece of the windows
        within = tf.range(tf.size(pieces.values, tf.int64))
        within -= tf.gather(pieces.row_starts(), window)
        left = tf.gather(pieces.row_lengths(), window) - 1 - within
        context = tf.minimum(within, left)
        piece = tf.gather(token_ids.row_starts(), tf.gather(texts, window))
        piece += tf.gather(first, window) + within
        token = tf.gather(packed.row_starts(), window) + within
        token += self.tokenizer.frame().before
        token = most_context(context, piece, token, tf.size(token_ids.values))  # [P]
        token = tf.concat([token, [NOWHERE]], axis=0)
        places = tf.where(heads.values < 0, tf.size(token, tf.int64) - 1, heads.values)
        places = tf.cast(tf.gather(token, places), tf.int32)  # [N]
        return Words(
            packed,
            texts,
            heads.with_values(places),
            starts,
            ends,
            tf.cast(token_ids.row_lengths(), tf.int32) + special,
        )


class TaggedRows:
    """Tokenized texts with their words.

    Args:
        of_words: Whether the texts were given as words.

    Attributes:
        strings: The texts.
        token_ids: A list of int32 arrays, one a row.
        texts: int array `[rows]`, the text of each row.
        places: int array `[N]`, for each word of all texts the token of all rows that
            speaks for it, or -1.
        splits: int array `[B + 1]`, the first word of each text, and their number.
        starts: int array `[N]`, the first character of each word in its text.
        ends: int array `[N]`, the one after its last.
    """

    def __init__(self, of_words):
        self.of_words = of_words
        self.strings = []
        self.token_ids = []
        self.texts = np.zeros(0, "int64")
        self.places = np.zeros(0, "int32")
        self.splits = np.zeros(1, "int64")
        self.starts = np.zeros(0, "int32")
        self.ends = np.zeros(0, "int32")

    def add(self, strings, words):
        """Appends texts."""
        before = sum(map(len, self.token_ids))
        places = np.concatenate([*words.places, np.zeros(0, "int32")])
        places = np.where(places < 0, places, places + before)
        splits = self.splits[-1] + np.cumsum([*map(len, words.places)], dtype="int64")
        self.texts = np.concatenate([self.texts, words.texts + len(self.strings)])
        self.places = np.concatenate([self.places, places])
        self.splits = np.concatenate([self.splits, splits])
        self.starts = np.concatenate([self.starts, *words.starts])
        self.ends = np.concatenate([self.ends, *words.ends])
        self.token_ids += words.token_ids
        self.strings += strings

    def characters(self):
        """Returns the character spans of each text's words."""
        starts, ends = self.starts.tolist(), self.ends.tolist()
        for first, last in itertools.pairwise(self.splits):
            yield starts[first:last], ends[first:last]

    def at_tokens(self, values, filler):
        """Distributes values of words to their first sub-tokens."""
        lengths = [len(row) for row in self.token_ids]
        table = np.full(sum(lengths), filler, "int32")  # [T]
        flat = _chained(values)  # [N]
        seen = self.places >= 0
        table[self.places[seen]] = flat[seen]
        return np.split(table, np.cumsum(lengths)[:-1])

    def at_words(self, values, filler):
        """Gathers values of words from their first sub-tokens.

        Shapes:
            values `[T, C]`, filler `[C]` -> `[N, C]`.
        """
        found = values[np.maximum(self.places, 0)]
        return np.where(self.places[:, None] >= 0, found, filler)


def _chained(rows):
    return np.array([*itertools.chain.from_iterable(rows)], "int32")


def _key(rows, characters):
    """Returns a sort key of positions, first by text."""
    return rows * 2**32 + tf.cast(characters, tf.int64)


def _tables(tokenizer):
    """Whether each token may continue a word, and may be continued."""
    vocabulary = tokenizer.vocabulary
    if tokenizer.config.kind == "wordpiece":
        continues = tokenizer.is_continuation
        return continues, np.ones_like(continues)
    alone = character_set("punctuation") | character_set("chinese")
    edges = [(token[:1], token[-1:]) for token in vocabulary]
    continues = [
        first not in ("", "▁") and ord(first) not in alone for first, _ in edges
    ]
    sticky = [last != "" and ord(last) not in alone for _, last in edges]
    return np.array(continues), np.array(sticky)
