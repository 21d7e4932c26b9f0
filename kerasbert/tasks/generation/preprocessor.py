"""Rows of tokens of a language model."""

from typing import NamedTuple

import tensorflow as tf

from kerasbert.tasks.preprocessor import joined
from kerasbert.tasks.seq2seq_preprocessor import Sources, WritingPreprocessor


class Blocks(NamedTuple):
    """Texts cut into blocks of a language model.

    Args:
        before: The tokens that it gets, int32 `[N, (S)]`.
        after: The token after each of these, int32 `[N, (S)]`.
        text: Which text each block is of, int64 `[N]`.
    """

    before: tf.RaggedTensor
    after: tf.RaggedTensor
    text: tf.Tensor


class LanguageModelPreprocessor(WritingPreprocessor):
    """Tokenizes prompts, of which it keeps the end, and texts to learn, in blocks."""

    def __call__(self, text):
        tokens = self.tokenizer.tokenize(text)
        count = tokens.row_lengths() + 1
        tokens = tokens[:, -(self.max_length - 1) :]
        start = tf.fill([tf.shape(text)[0], 1], self.start_token_id)
        return Sources(tf.concat([start, tokens], axis=1), tf.cast(count, tf.int32))

    def blocks_of(self, text):
        """Cuts texts, string `[B]`, into `Blocks`; a token between two is in both."""
        tokens = self.tokenizer.tokenize(text)
        column = [tf.shape(text)[0], 1]
        start = tf.fill(column, self.start_token_id)
        end = tf.fill(column, self.end_token_id)
        rows = tf.concat([start, tokens, end], axis=1)
        steps = rows.row_lengths() - 1  # tokens to predict
        counts = (steps + self.max_length - 1) // self.max_length  # blocks of each
        texts = tf.repeat(tf.range(rows.nrows()), counts)  # [N]
        number = tf.ragged.range(counts).values  # of the block in its text
        first = tf.gather(rows.row_starts(), texts) + number * self.max_length
        last = tf.gather(rows.row_starts() + steps, texts)
        places = tf.ragged.range(first, tf.minimum(first + self.max_length, last))
        before = places.with_values(tf.gather(rows.values, places.values))
        after = places.with_values(tf.gather(rows.values, places.values + 1))
        return Blocks(before, after, texts)

    def sources(self, texts):
        """Tokenizes a list of prompts."""
        chunks = [self.run(self.__call__, chunk) for chunk in self.chunks(texts)]
        return joined(chunks).token_ids if chunks else []

    def blocks(self, texts):
        """Cuts a list of texts into `Blocks`."""
        chunks = [self.run(self.blocks_of, chunk) for chunk in self.chunks(texts)]
        shifted = [
            chunk._replace(text=chunk.text + number * self.chunk)
            for number, chunk in enumerate(chunks)
        ]
        return joined(shifted)
