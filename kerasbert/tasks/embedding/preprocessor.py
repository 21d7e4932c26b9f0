"""Tokenization of texts with prompts, with truncation or windows."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from kerasbert.tasks.preprocessor import Preprocessor
from kerasbert.text.utf8 import to_utf8
from kerasbert.text.windows import windows

LONG_TEXTS = ("truncate", "windows")


class EmbeddingRows(NamedTuple):
    """Tokenized texts.

    Args:
        token_ids: The rows, special tokens included, int32 `[W, (S)]`.
        segment_ids: Their segments, int32 `[W, (S)]`.
        texts: The text that each row belongs to, `[W]`.
        token_count: How many tokens each text has with prompt and special tokens,
            those that were cut included, int32 `[B]`.
    """

    token_ids: tf.RaggedTensor
    segment_ids: tf.RaggedTensor
    texts: tf.Tensor
    token_count: tf.Tensor


class LocatedTokens(NamedTuple):
    """Tokenized texts with character offsets.

    Args:
        token_ids: The rows, special tokens included, int32 `[B, (S)]`.
        segment_ids: Their segments, int32 `[B, (S)]`.
        starts: The first character of each token, int32 `[B, (S)]`.
        ends: The one after its last; special tokens stand at 0 to 0.
        token_count: As in `EmbeddingRows`.
    """

    token_ids: tf.RaggedTensor
    segment_ids: tf.RaggedTensor
    starts: tf.RaggedTensor
    ends: tf.RaggedTensor
    token_count: tf.Tensor


class EmbeddingPreprocessor(Preprocessor):
    """Tokenizes texts, and truncates long ones or splits them into windows."""

    def __call__(self, text, prompt="", in_windows=False):
        text = prompt + text if tf.is_tensor(prompt) or prompt else text
        tokens = self.tokenizer.tokenize(text)  # [B, (S)]
        pieces, texts = tokens, tf.range(tokens.nrows())
        if in_windows:
            pieces, texts, _ = windows(tokens, self.room, stride=self.room // 2)
        rows = self.tokenizer.pack(pieces, None, self.max_length)
        return EmbeddingRows(*rows, texts, self._count(tokens))

    def located(self, text):
        """Returns the `LocatedTokens` of texts `[B]`."""
        tokens, *edges = self.tokenizer.tokenize_with_offsets(text)
        rows = self.tokenizer.pack(tokens, None, self.max_length)
        edges = (self.tokenizer.pack_beside(x, self.max_length) for x in edges)
        return LocatedTokens(*rows, *edges, self._count(tokens))

    def encode(self, texts, prompt="", long_texts="truncate"):
        """Tokenizes a list of strings."""
        prompt = tf.constant(to_utf8(prompt))
        in_windows = long_texts == "windows"
        return self.run(self.__call__, texts, prompt, in_windows=in_windows)

    def _count(self, tokens):
        special = self.tokenizer.num_special_tokens()
        return tf.cast(tokens.row_lengths(), tf.int32) + special  # [B]


def check_long_texts(long_texts, left_out):
    """Raises a `ValueError` unless a mode is in `LONG_TEXTS` and fits the prompt."""
    if long_texts not in LONG_TEXTS:
        raise ValueError(
            f"Expected long_texts to be one of {', '.join(LONG_TEXTS)}, got "
            f"{long_texts!r}."
        )
    if left_out and long_texts == "windows":
        raise ValueError(
            'Expected long_texts="truncate": this model does not pool the tokens '
            "of a prompt (include_prompt=false), and windows of a text do not tell "
            "which these are. Encode without a prompt, or cut the texts before."
        )


def mean_of_windows(vectors, row_texts, normalize):
    """Averages the vectors of each text's windows."""
    sums = np.zeros((row_texts[-1] + 1, vectors.shape[1]), "float32")
    np.add.at(sums, row_texts, vectors)
    means = sums / np.bincount(row_texts)[:, None].astype("float32")
    if normalize:
        means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    return means
