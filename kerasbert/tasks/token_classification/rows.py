"""Texts and words as rows of tokens, in numpy."""

import functools
import itertools

import numpy as np
import tensorflow as tf

from kerasbert.processes import Portable, check_process
from kerasbert.tasks.token_classification.inputs import are_words, joined, readable
from kerasbert.tasks.token_classification.words import WordPieces

CHUNK = 4096  # texts that are tokenized at once


class WordRows(Portable):
    """Makes `TaggedRows` of texts, or of lists of words.

    Args:
        tokenizer: A `kerasbert.Tokenizer`.
        max_length: The longest row in tokens, special tokens included.
        stride: How many tokens neighbouring windows share.
    """

    def __init__(self, tokenizer, max_length, stride):
        self.pieces = WordPieces(tokenizer, max_length, stride)

    def of(self, inputs):
        """The rows of texts.

        Args:
            inputs: A list of strings, or of lists of words.

        Returns:
            `TaggedRows`.

        Raises:
            TypeError: If something is neither; the message says which.
        """
        check_process()
        of_words = are_words(inputs)
        rows = TaggedRows(of_words)
        for start in range(0, len(inputs), CHUNK):
            chunk = inputs[start : start + CHUNK]
            if of_words:
                strings, starts, ends = zip(*map(joined, chunk), strict=True)
                splits = np.cumsum([0, *map(len, starts)])
                starts, ends = _chained(starts), _chained(ends)
                tensors = self._words(tf.constant(strings), starts, ends, splits)
                rows.add(strings, tensors)
            else:
                strings = [readable(text) for text in chunk]
                rows.add(strings, self._texts(tf.constant(strings)))
        return rows

    @functools.cached_property
    def _texts(self):
        return tf.function(
            lambda texts: _flat(self.pieces.of_texts(texts)),
            input_signature=[tf.TensorSpec([None], tf.string)],
            autograph=False,
        )

    @functools.cached_property
    def _words(self):
        def words(texts, starts, ends, splits):
            starts = tf.RaggedTensor.from_row_splits(starts, splits, validate=False)
            return _flat(self.pieces.of_words(texts, starts, starts.with_values(ends)))

        numbers = tf.TensorSpec([None], tf.int32)
        splits = tf.TensorSpec([None], tf.int64)
        strings = tf.TensorSpec([None], tf.string)
        return tf.function(
            words, input_signature=[strings, numbers, numbers, splits], autograph=False
        )


def _flat(words):
    rows, places = words.token_ids, words.places
    return (
        *(rows.values, rows.row_splits, words.texts),
        *(places.values, places.row_splits, words.starts.values, words.ends.values),
    )


def _chained(rows):
    return np.array([*itertools.chain.from_iterable(rows)], "int32")


class TaggedRows:
    """Texts as rows of tokens, and where their words are in them.

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

    def add(self, strings, tensors):
        """Adds texts.

        Args:
            strings: The texts.
            tensors: Those of their `Words`, flat.
        """
        ids, row_splits, texts, places, splits, starts, ends = (
            tensor.numpy() for tensor in tensors
        )
        before = sum(map(len, self.token_ids))
        places = np.where(places < 0, places, places + before)
        self.texts = np.concatenate([self.texts, texts + len(self.strings)])
        self.places = np.concatenate([self.places, places])
        self.splits = np.concatenate([self.splits, self.splits[-1] + splits[1:]])
        self.starts = np.concatenate([self.starts, starts])
        self.ends = np.concatenate([self.ends, ends])
        self.token_ids += [ids[a:b] for a, b in itertools.pairwise(row_splits)]
        self.strings += strings

    def characters(self):
        """For each text where its words begin, and where they end.

        Yields:
            Pairs of lists.
        """
        starts, ends = self.starts.tolist(), self.ends.tolist()
        for first, last in itertools.pairwise(self.splits):
            yield starts[first:last], ends[first:last]

    def at_tokens(self, values, filler):
        """Numbers of words, at the tokens that speak for them.

        Args:
            values: For each text a number for each word.
            filler: The number of all other tokens.

        Returns:
            A list of int32 arrays, as long as the rows.
        """
        lengths = [len(row) for row in self.token_ids]
        table = np.full(sum(lengths), filler, "int32")  # [T]
        flat = _chained(values)  # [N]
        seen = self.places >= 0
        table[self.places[seen]] = flat[seen]
        return np.split(table, np.cumsum(lengths)[:-1])

    def at_words(self, values, filler):
        """Values of tokens, for the words that they speak for.

        Args:
            values: An array for the tokens of all rows, one after another.
            filler: The value of a word without a token.

        Shapes:
            values `[T, C]`, filler `[C]` -> `[N, C]`.
        """
        found = values[np.maximum(self.places, 0)]
        return np.where(self.places[:, None] >= 0, found, filler)
