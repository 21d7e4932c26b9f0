"""From texts to the rows of token ids that an encoder takes."""

import functools
import itertools
import warnings
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from kerasbert.account import quoted
from kerasbert.inputs import is_dataset, is_missing, read_inputs, stream
from kerasbert.processes import Portable, check_process
from kerasbert.text.utf8 import as_utf8, to_utf8
from kerasbert.text.windows import windows

LONG_TEXTS = ("truncate", "windows")
STRINGS = tf.TensorSpec([None], tf.string)


class Rows(NamedTuple):
    """Texts as rows of token ids.

    Args:
        ids: One int32 array a row.
        texts: int array `[rows]`, the number of the text that each row belongs to.
        lengths: int array `[texts]`, how many tokens each text has, uncut.
    """

    ids: list[np.ndarray]
    texts: np.ndarray
    lengths: np.ndarray


class TokenRows(Portable):
    """Tokenizes texts, and cuts long ones or lays windows over them.

    Args:
        tokenizer: A `kerasbert.Tokenizer`.
        max_length: The longest row in tokens, special tokens included.
    """

    def __init__(self, tokenizer, max_length):
        self.tokenizer = tokenizer
        self.max_length = max_length

    def of(self, texts, prompt="", long_texts="truncate"):
        """The rows of texts.

        Args:
            texts: A list of strings.
            prompt: A string to put before every text.
            long_texts: `"truncate"`: one row a text. `"windows"`: where a text is too
                long, windows that overlap by half.

        Returns:
            `Rows`.
        """
        check_process()
        graph = self._windows if long_texts == "windows" else self._truncate
        strings = tf.constant(as_utf8(texts), tf.string, shape=[len(texts)])
        values, splits, row_texts, lengths = (
            tensor.numpy() for tensor in graph(strings, tf.constant(to_utf8(prompt)))
        )
        ids = [values[start:end] for start, end in itertools.pairwise(splits)]
        return Rows(ids, row_texts, lengths)

    def offsets(self, texts):
        """Where each token of a text's row stands in it; special tokens at `(0, 0)`.

        Args:
            texts: A list of strings.

        Yields:
            A list of pairs a text: the first character, and the one after the last.
        """
        strings = tf.constant(as_utf8(texts), tf.string, shape=[len(texts)])
        starts, ends, splits = (t.numpy().tolist() for t in self._locate(strings))
        pairs = list(zip(starts, ends, strict=True))
        for first, last in itertools.pairwise(splits):
            yield pairs[first:last]

    @functools.cached_property
    def _truncate(self):
        def cut(token_ids):
            return token_ids, tf.range(token_ids.nrows())

        return self._graph(cut)

    @functools.cached_property
    def _windows(self):
        room = self.max_length - self.tokenizer.num_special_tokens()

        def cut(token_ids):
            return windows(token_ids, room, stride=room // 2)[:2]

        return self._graph(cut)

    def _graph(self, cut):
        def rows(texts, prompt):
            token_ids = self.tokenizer.tokenize(prompt + texts)  # [B, None]
            pieces, row_texts = cut(token_ids)
            packed, _ = self.tokenizer.pack(pieces, None, self.max_length)
            lengths = token_ids.row_lengths() + self.tokenizer.num_special_tokens()
            return packed.values, packed.row_splits, row_texts, lengths

        return _traced(rows, STRINGS, tf.TensorSpec([], tf.string))

    @functools.cached_property
    def _locate(self):
        def locate(texts):
            _, *places = self.tokenizer.tokenize_with_offsets(texts)
            starts, ends = (
                self.tokenizer.pack_beside(values, self.max_length) for values in places
            )
            return starts.values, ends.values, starts.row_splits

        return _traced(locate, STRINGS)


def _traced(function, *specs):
    return tf.function(function, autograph=False).get_concrete_function(*specs)


def check_long_texts(long_texts):
    """Refuses ways with long texts that there are not.

    Args:
        long_texts: One of `LONG_TEXTS`.

    Raises:
        ValueError: If it is not.
    """
    if long_texts not in LONG_TEXTS:
        raise ValueError(
            f"Expected long_texts to be one of {', '.join(LONG_TEXTS)}, got "
            f"{long_texts!r}."
        )


def chunks_of_strings(texts, size):
    """Lists of so many strings, from an iterable of strings.

    Args:
        texts: An iterable of strings.
        size: The most strings of a list.

    Yields:
        Lists of strings.
    """
    texts = iter(texts)
    while chunk := list(itertools.islice(texts, size)):
        yield chunk


def stream_of_strings(texts):
    """The strings of an iterable, checked: a list at once, others as they come.

    Args:
        texts: A list of strings, another iterable of them, or a `tf.data.Dataset`; one
            string is taken as a list of one.

    Returns:
        An iterable, a list unless the strings come one after the other.

    Raises:
        TypeError: If it is something else, or something in it is no string.
    """
    if isinstance(texts, str | bytes):
        return [texts]
    if is_dataset(texts):
        return _checked_strings(read_inputs(texts))
    texts = stream(texts, "texts")
    checked = _checked_strings(texts)
    return list(checked) if isinstance(texts, list) else checked


def _checked_strings(texts):
    for position, text in enumerate(texts):
        if not isinstance(text, str | bytes):
            remedy = " Leave rows without a text out." if is_missing(text) else ""
            raise TypeError(
                f"Expected strings, got {type(text).__name__} at position "
                f"{position}: {quoted(text, 60)}.{remedy}"
            )
        yield text


def mean_of_windows(vectors, row_texts, normalize):
    """The vector of each text, the mean of those of its windows.

    Args:
        vectors: float32 array `[rows, D]`, those of the windows.
        row_texts: int array `[rows]`, the text that each window belongs to.
        normalize: Whether the mean is given length 1 again.

    Returns:
        float32 array `[texts, D]`.
    """
    sums = np.zeros((row_texts[-1] + 1, vectors.shape[1]), "float32")
    np.add.at(sums, row_texts, vectors)
    means = sums / np.bincount(row_texts)[:, None].astype("float32")
    if normalize:
        means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    return means


def warn_of_truncation(
    lengths,
    max_length,
    stacklevel,
    besides="; encode(..., long_texts='windows') embeds texts whole",
):
    """Warns if texts were truncated.

    Args:
        lengths: Numbers of tokens of the texts that were.
        max_length: The number that was left of them.
        stacklevel: How far the user's code is from here.
        besides: What else can be done about it.
    """
    if lengths:
        warnings.warn(
            f"{len(lengths)} of the texts had more than {max_length} tokens (up to "
            f"{max(lengths)}) and were truncated. max_length changes the limit, up to "
            f"the model's positions{besides}.",
            stacklevel=stacklevel,
        )
