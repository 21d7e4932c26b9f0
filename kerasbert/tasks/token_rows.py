"""From texts to the rows of token ids that an encoder takes."""

import functools
import itertools
import warnings

import numpy as np
import tensorflow as tf

LONG_TEXTS = ("truncate", "windows")


class TokenRows:
    """Tokenizes texts, and cuts long ones or lays windows over them.

    Args:
        tokenizer: A `kerasbert.Tokenizer`.
        max_length: The longest row in tokens, `[CLS]` and `[SEP]` included.
    """

    def __init__(self, tokenizer, max_length):
        self.tokenizer = tokenizer
        self.max_length = max_length
        self._too_long = []

    def of(self, texts, long_texts="truncate"):
        """The rows of texts.

        Args:
            texts: A list of strings.
            long_texts: `"truncate"`: one row a text. `"windows"`: where a text is too
                long, windows that overlap by half; the last one ends with the text.

        Returns:
            A list of int32 arrays, and an array with the number of the text that each
            row belongs to.

        Raises:
            TypeError: If a text is no string.
            ValueError: If there is no such way with long texts.
        """
        if long_texts not in LONG_TEXTS:
            raise ValueError(
                f"Expected long_texts to be one of {', '.join(LONG_TEXTS)}, got "
                f"{long_texts!r}."
            )
        ragged = self._tokenize(_strings(texts))
        ids, splits = ragged.values.numpy(), ragged.row_splits.numpy()
        room = self.max_length - 2
        cls, sep = [self.tokenizer.cls_token_id], [self.tokenizer.sep_token_id]
        rows, row_texts = [], []
        for text, (start, end) in enumerate(itertools.pairwise(splits)):
            starts = [start]
            if end - start > room and long_texts == "windows":
                starts = [*range(start, end - room, max(room // 2, 1)), end - room]
            elif end - start > room:
                self._too_long.append(end - start + 2)
            for first in starts:
                window = ids[first : min(first + room, end)]
                rows.append(np.concatenate([cls, window, sep]).astype("int32"))
                row_texts.append(text)
        return rows, np.array(row_texts)

    def offsets(self, texts):
        """Where each token of a text's row stands in it; special tokens at `(0, 0)`.

        Args:
            texts: A list of strings.

        Yields:
            A list of pairs a text: the first character, and the one after the last.
        """
        room = self.max_length - 2
        _, starts, ends = self.tokenizer.tokenize_with_offsets(_strings(texts))
        for first, last in zip(starts.to_list(), ends.to_list(), strict=True):
            yield [(0, 0), *zip(first[:room], last[:room], strict=True), (0, 0)]

    def warn_of_truncation(self):
        """Warns, once, if texts have been truncated since it was last called."""
        count, self._too_long = self._too_long, []
        if count:
            warnings.warn(
                f"{len(count)} of the texts had more than {self.max_length} tokens (up "
                f"to {max(count)}) and were truncated. long_texts='windows' embeds "
                "them whole; max_length changes the limit.",
                stacklevel=4,
            )

    @functools.cached_property
    def _tokenize(self):
        strings = tf.TensorSpec([None], tf.string)
        return tf.function(
            self.tokenizer.tokenize, input_signature=[strings], autograph=False
        )


def _strings(texts):
    for index, text in enumerate(texts):
        if not isinstance(text, str | bytes):
            raise TypeError(
                f"Expected strings, got {type(text).__name__} at position {index}: "
                f"{text!r}."
            )
    return tf.constant(texts, tf.string, shape=[len(texts)])
