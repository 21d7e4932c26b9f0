"""Preprocessing of strings to token ids, the same in eager mode and in exports."""

import abc
import copy
import functools
import itertools
import warnings
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from kerasbert.processes import Portable, check_process
from kerasbert.tasks.examples import are_pairs, callers_stacklevel
from kerasbert.text.utf8 import as_utf8


class Preprocessor(Portable, abc.ABC):
    """Converts strings to rows of token ids, in the TensorFlow graph.

    A subclass defines `__call__`, from string tensors to a `NamedTuple` of tensors,
    ragged or not: exports and `tf.data` call it, and `run` runs it, or any other method
    of tensors, for Python strings.

    Args:
        tokenizer: A `kerasbert.Tokenizer`.
        max_length: The longest row in tokens, special tokens included.
    """

    chunk = 4096  # examples that are tokenized at once

    def __init__(self, tokenizer, max_length):
        self.tokenizer = tokenizer
        self.max_length = max_length

    @abc.abstractmethod
    def __call__(self, text):
        """Tokenizes string tensors `[B]`."""

    def with_length(self, max_length):
        """Returns the same preprocessor with another `max_length`."""
        other = copy.copy(self)
        other.max_length = max_length
        return other

    @property
    def room(self):
        """Maximum number of tokens of a single text in a row."""
        return self.max_length - self.tokenizer.num_special_tokens()

    def chunks(self, examples):
        """Yields lists of up to `chunk` examples."""
        for start in range(0, len(examples), self.chunk):
            yield examples[start : start + self.chunk]

    def run(self, method, *columns, **options):
        """Runs a method on tensors as a graph that is traced once.

        Args:
            method: A method of this object.
            *columns: Lists of strings, or tensors.
            **options: Python values, for each of which there is a graph of its own.

        Returns:
            Its `NamedTuple`, with numpy arrays for tensors and lists of arrays for
            ragged ones.
        """
        check_process()
        tensors = [
            column
            if tf.is_tensor(column)
            else tf.constant(as_utf8(column), tf.string, shape=[len(column)])
            for column in columns
        ]
        key = (method.__name__, len(tensors), *options.items())
        if key not in self._graphs:
            specs = [tf.TensorSpec([None] * len(x.shape), x.dtype) for x in tensors]
            function = functools.partial(method, **options)
            self._graphs[key] = tf.function(
                function, autograph=False
            ).get_concrete_function(*specs)
        found = self._graphs[key](*tensors)
        return type(found)(*map(in_numpy, found))

    @functools.cached_property
    def _graphs(self):
        return {}


class Encoded(NamedTuple):
    """Tokenized texts or pairs.

    Args:
        token_ids: The rows, special tokens included, int32 `[B, (S)]`.
        segment_ids: Their segments, int32 `[B, (S)]`.
        token_count: How many tokens each text has with special tokens, those that were
            cut included, int32 `[B]`.
    """

    token_ids: tf.RaggedTensor
    segment_ids: tf.RaggedTensor
    token_count: tf.Tensor


class TextPreprocessor(Preprocessor):
    """Tokenizes texts or pairs, and truncates long ones."""

    def __call__(self, text, pair=None):
        first = self.tokenizer.tokenize(text)
        second = None if pair is None else self.tokenizer.tokenize(pair)
        rows = self.tokenizer.pack(first, second, self.max_length)
        count = first.row_lengths() if pair is None else _both(first, second)
        count += self.tokenizer.num_special_tokens(pair=pair is not None)
        return Encoded(*rows, tf.cast(count, tf.int32))

    def encode(self, examples):
        """Tokenizes texts; warns if some are truncated."""
        pairs = are_pairs(examples)
        chunks = [
            self.run(self.__call__, *(zip(*chunk, strict=True) if pairs else [chunk]))
            for chunk in self.chunks(examples)
        ]
        encoded = joined(chunks) if chunks else Encoded([], [], np.zeros(0, "int32"))
        warn_of_truncation(encoded.token_count, self.max_length)
        return encoded


def _both(first, second):
    return first.row_lengths() + second.row_lengths()


def in_numpy(tensor):
    """Converts a tensor to an array, and a ragged tensor to B arrays."""
    if not isinstance(tensor, tf.RaggedTensor):
        return tensor.numpy()
    values, splits = tensor.values.numpy(), tensor.row_splits.numpy()
    return [values[start:end] for start, end in itertools.pairwise(splits)]


def joined(chunks):
    """Concatenates `NamedTuple`s of lists and arrays."""
    return type(chunks[0])(
        *(
            [*itertools.chain.from_iterable(parts)]
            if isinstance(parts[0], list)
            else np.concatenate(parts)
            for parts in zip(*chunks, strict=True)
        )
    )


def warn_of_truncation(
    token_count,
    max_length,
    what="texts",
    remedy="max_length changes the limit, up to the model's positions",
):
    """Warns if texts were truncated."""
    too_long = np.asarray(token_count)
    too_long = too_long[too_long > max_length]
    if len(too_long):
        warnings.warn(
            f"{len(too_long)} of the {what} had more than {max_length} tokens (up to "
            f"{too_long.max()}) and were truncated. {remedy}.",
            stacklevel=callers_stacklevel(),
        )


def check_one_segment(tokenizer):
    """Rejects a template that gives a single text another segment than 0."""
    segments = {segment for _, segment in tokenizer.template.single}
    if segments != {0}:
        raise ValueError(
            "Expected segment 0 for all tokens of a single text, got "
            f"{sorted(segments)} in the template of the tokenizer. Set type_id to 0 in "
            "the post_processor of tokenizer.json if the model was trained so."
        )
