"""Tokenization of questions and contexts, with windows and offsets."""

import functools
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from kerasbert.inputs import is_dataset, listed, read_inputs
from kerasbert.tasks.preprocessor import (
    Preprocessor,
    in_numpy,
    joined,
    warn_of_truncation,
)
from kerasbert.tasks.question_answering.windows import Windows

_ROWS = tf.RaggedTensorSpec([None, None], tf.int32, row_splits_dtype=tf.int64)


class TokenizedText(NamedTuple):
    """A tokenized text with offsets.

    Args:
        ids: int32 array `[S]`.
        starts: The first character of each token, int32 array `[S]`.
        ends: The character after its last one, int32 array `[S]`.
    """

    ids: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


class QuestionRows(NamedTuple):
    """Tokenized questions with windows of their contexts.

    Args:
        windows: `Windows`, in numpy; `token_ids` and `segment_ids` are lists of rows.
        contexts: The context of each question, a `TokenizedText`.
    """

    windows: Windows
    contexts: list


class LocatedQuestions(NamedTuple):
    """Tokenized questions with character offsets in their contexts.

    Args:
        windows: `Windows`.
        starts: The first character of each token of the contexts, int32 `[B, (T)]`.
        ends: The character after its last one, int32 `[B, (T)]`.
    """

    windows: Windows
    starts: tf.RaggedTensor
    ends: tf.RaggedTensor


class QuestionPreprocessor(Preprocessor):
    """Tokenizes questions and splits contexts into windows.

    Args:
        tokenizer: A `kerasbert.Tokenizer`.
        layout: A `WindowLayout`.
    """

    chunk = 512  # questions, or texts, that are worked on at once

    def __init__(self, tokenizer, layout):
        super().__init__(tokenizer, layout.max_length)
        self.layout = layout

    def __call__(self, question, context):
        ids, starts, ends = self.tokenizer.tokenize_with_offsets(context)
        windows = self.layout.windows(self.tokenizer.tokenize(question), ids)
        return LocatedQuestions(windows, starts, ends)

    def with_length(self, max_length):
        layout = self.layout._replace(max_length=max_length)
        return QuestionPreprocessor(self.tokenizer, layout)

    def encode(self, pairs):
        """Tokenizes questions in chunks, each distinct text once."""
        questions = self._each_once(self.tokens, [question for question, _ in pairs])
        contexts = self._each_once(self.located, [context for _, context in pairs])
        for chunk in self.chunks(pairs):
            texts = [TokenizedText(*contexts[context]) for _, context in chunk]
            asked = [questions[question][0] for question, _ in chunk]
            windows = self._lay(_ragged(asked), _ragged([text.ids for text in texts]))
            yield QuestionRows(Windows(*map(in_numpy, windows)), texts)
        warn_of_truncation(
            [len(ids) for ids, *_ in questions.values()],
            self.layout.query_limit,
            "questions",
            "max_query_length changes the limit, up to half of max_length",
        )

    def tokens(self, texts):
        """Returns the token ids of texts, ragged int32 `[B, (T)]`."""
        return _Tokens(self.tokenizer.tokenize(texts))

    def located(self, texts):
        """Returns the `TokenizedText` of texts, ragged int32 `[B, (T)]`."""
        return TokenizedText(*self.tokenizer.tokenize_with_offsets(texts))

    def _each_once(self, method, texts):
        """Maps distinct texts to their rows of a method's outputs."""
        distinct = list(dict.fromkeys(texts))
        chunks = [self.run(method, chunk) for chunk in self.chunks(distinct)]
        rows = zip(*joined(chunks), strict=True) if chunks else ()
        return dict(zip(distinct, rows, strict=True))

    @functools.cached_property
    def _lay(self):
        return tf.function(
            self.layout.windows, input_signature=[_ROWS, _ROWS], autograph=False
        )


class _Tokens(NamedTuple):
    ids: tf.RaggedTensor


def question_pairs(inputs):
    """Converts questions and contexts to pairs of strings.

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


def _ragged(rows):
    lengths = np.array([len(row) for row in rows], "int64")
    return tf.RaggedTensor.from_row_lengths(np.concatenate(rows), lengths)
