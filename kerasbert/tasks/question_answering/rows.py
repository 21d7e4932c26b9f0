"""From questions and contexts to rows of token ids, and where their tokens stand."""

import functools
import itertools
import warnings
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from kerasbert.inputs import is_dataset, listed, read_inputs
from kerasbert.processes import Portable, check_process
from kerasbert.tasks.question_answering.windows import Windows
from kerasbert.text.utf8 import as_utf8

CHUNK = 512  # questions, or texts, that are worked on at once
_STRINGS = tf.TensorSpec([None], tf.string)
_ROWS = tf.RaggedTensorSpec([None, None], tf.int32, row_splits_dtype=tf.int64)


class TokenizedText(NamedTuple):
    """The tokens of a text.

    Args:
        ids: int32 array `[S]`.
        starts: The first character of each token, int32 array `[S]`.
        ends: The character after its last one, int32 array `[S]`.
    """

    ids: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


class QuestionRows(NamedTuple):
    """Questions as rows of a model.

    Args:
        windows: `Windows`, in numpy; `token_ids` and `segment_ids` are lists of rows.
        contexts: The context of each question, a `TokenizedText`.
    """

    windows: Windows
    contexts: list


class QuestionTokenizer(Portable):
    """Tokenizes questions and contexts, each distinct one once.

    Args:
        tokenizer: A `kerasbert.Tokenizer`.
        layout: A `WindowLayout`.
    """

    def __init__(self, tokenizer, layout):
        self.tokenizer = tokenizer
        self.layout = layout

    def chunks(self, pairs):
        """The rows of questions, so many questions at once.

        Args:
            pairs: A list of pairs of a question and its context.

        Yields:
            `QuestionRows` of the next `CHUNK` questions. After the last one, a warning
            if questions were cut.
        """
        check_process()
        questions = _each_once([question for question, _ in pairs], self._tokens)
        contexts = _each_once([context for _, context in pairs], self._located)
        lengths = [len(ids) for ids in questions.values()]
        for start in range(0, len(pairs), CHUNK):
            chunk = pairs[start : start + CHUNK]
            texts = [contexts[context] for _, context in chunk]
            windows = self._lay(
                _ragged([questions[question] for question, _ in chunk]),
                _ragged([text.ids for text in texts]),
            )
            yield QuestionRows(_in_numpy(windows), texts)
        _warn_of_long_questions(lengths, self.layout)

    def _tokens(self, texts):
        ids, splits = (tensor.numpy() for tensor in self._tokenize(texts))
        return [ids[first:last] for first, last in itertools.pairwise(splits)]

    def _located(self, texts):
        *columns, splits = (tensor.numpy() for tensor in self._locate(texts))
        return [
            TokenizedText(*(column[first:last] for column in columns))
            for first, last in itertools.pairwise(splits)
        ]

    @functools.cached_property
    def _tokenize(self):
        def tokenize(texts):
            ids = self.tokenizer.tokenize(texts)
            return ids.values, ids.row_splits

        return tf.function(tokenize, input_signature=[_STRINGS], autograph=False)

    @functools.cached_property
    def _locate(self):
        def locate(texts):
            ids, starts, ends = self.tokenizer.tokenize_with_offsets(texts)
            return ids.values, starts.values, ends.values, ids.row_splits

        return tf.function(locate, input_signature=[_STRINGS], autograph=False)

    @functools.cached_property
    def _lay(self):
        return tf.function(
            self.layout.windows, input_signature=[_ROWS, _ROWS], autograph=False
        )


def question_pairs(inputs):
    """Questions and contexts as pairs of strings.

    Args:
        inputs: A list of pairs, or of dictionaries with `question` and `context`.

    Returns:
        A list of pairs of strings.

    Raises:
        TypeError: If something is neither; the message says which.

    Example:
        >>> question_pairs([{"question": "Where?", "context": "In Paris."}])
        [('Where?', 'In Paris.')]
    """
    if is_dataset(inputs):
        inputs = read_inputs(inputs)
    else:
        inputs = listed(inputs, "pairs of a question and its context")
    return [_pair(value, position) for position, value in enumerate(inputs)]


def _pair(value, position):
    pair = value
    if isinstance(value, dict) and {"question", "context"} <= value.keys():
        pair = value["question"], value["context"]
    if (
        not isinstance(pair, tuple | list)
        or len(pair) != 2
        or not all(isinstance(text, str | bytes) for text in pair)
    ):
        raise TypeError(
            "Expected a pair of strings, a question and its context, or a dictionary "
            f"with 'question' and 'context', got {type(value).__name__} at position "
            f"{position}: {str(value)[:60]!r}."
        )
    return tuple(
        text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        for text in pair
    )


def _each_once(texts, tokenize):
    """From each text to what becomes of it."""
    distinct = list(dict.fromkeys(texts))
    rows = []
    for start in range(0, len(distinct), CHUNK):
        chunk = as_utf8(distinct[start : start + CHUNK])
        rows += tokenize(tf.constant(chunk, tf.string))
    return dict(zip(distinct, rows, strict=True))


def _ragged(rows):
    lengths = np.array([len(row) for row in rows], "int64")
    return tf.RaggedTensor.from_row_lengths(np.concatenate(rows), lengths)


def _in_numpy(windows):
    def rows(ragged):
        values, splits = ragged.values.numpy(), ragged.row_splits.numpy()
        return [values[first:last] for first, last in itertools.pairwise(splits)]

    return Windows(
        rows(windows.token_ids),
        rows(windows.segment_ids),
        *(tensor.numpy() for tensor in windows[2:]),
    )


def _warn_of_long_questions(lengths, layout):
    limit = layout.query_limit
    too_long = [length for length in lengths if length > limit]
    if too_long:
        warnings.warn(
            f"{len(too_long)} of the questions had more than {limit} tokens (up to "
            f"{max(too_long)}) and were truncated. max_query_length changes the limit, "
            "up to half of max_length.",
            stacklevel=5,
        )
