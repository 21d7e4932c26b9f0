"""Tokens of sentences, without special tokens."""

from typing import NamedTuple

import tensorflow as tf

from kerasbert.tasks.preprocessor import Preprocessor


class Pieces(NamedTuple):
    """The tokens of sentences, int32 `[B, (S)]`."""

    rows: tf.RaggedTensor


class SentencePreprocessor(Preprocessor):
    """Tokenizes sentences, which documents are made of."""

    def __call__(self, text):
        return Pieces(tf.cast(self.tokenizer.tokenize(text), tf.int32))

    def encode(self, sentences):
        """Returns a row of token ids for each sentence."""
        found = []
        for chunk in self.chunks(sentences):
            found += self.run(self.__call__, chunk).rows
        return found
