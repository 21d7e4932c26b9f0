"""From texts, or pairs of texts, to rows of token and segment ids."""

import functools
import itertools

import numpy as np
import tensorflow as tf

from kerasbert.inputs import is_dataset, is_missing, listed, read_inputs
from kerasbert.processes import Portable, check_process
from kerasbert.tasks.token_rows import STRINGS, warn_of_truncation
from kerasbert.text.utf8 import as_utf8

CHUNK = 4096  # texts that are tokenized at once


class TextRows(Portable):
    """Tokenizes texts, or pairs of them, and cuts long ones.

    Args:
        tokenizer: A `kerasbert.Tokenizer`.
        max_length: The longest row in tokens, special tokens included.
    """

    def __init__(self, tokenizer, max_length):
        self.tokenizer = tokenizer
        self.max_length = max_length

    def of(self, texts):
        """The inputs of a model for texts.

        Args:
            texts: A list of strings, or of pairs of strings.

        Returns:
            `{"token_ids", "segment_ids"}`, with a list of int32 arrays each.

        Raises:
            TypeError: If something is neither; the message says which.
        """
        check_process()
        pairs = are_pairs(texts)
        token_ids, segment_ids, lengths = [], [], []
        for start in range(0, len(texts), CHUNK):
            chunk = texts[start : start + CHUNK]
            columns = zip(*chunk, strict=True) if pairs else [chunk]
            strings = [tf.constant(as_utf8(column), tf.string) for column in columns]
            graph = self._pairs if pairs else self._texts
            ids, segments, splits, counts = (t.numpy() for t in graph(*strings))
            for first, last in itertools.pairwise(splits):
                token_ids.append(ids[first:last])
                segment_ids.append(segments[first:last])
            lengths.append(counts)
        if lengths:
            lengths = np.concatenate(lengths)
            too_long = lengths[lengths > self.max_length].tolist()
            warn_of_truncation(too_long, self.max_length, stacklevel=5, besides="")
        return {"token_ids": token_ids, "segment_ids": segment_ids}

    @functools.cached_property
    def _texts(self):
        def rows(texts):
            return self._packed(self.tokenizer.tokenize(texts), None)

        return tf.function(rows, autograph=False).get_concrete_function(STRINGS)

    @functools.cached_property
    def _pairs(self):
        def rows(first, second):
            tokenize = self.tokenizer.tokenize
            return self._packed(tokenize(first), tokenize(second))

        graph = tf.function(rows, autograph=False)
        return graph.get_concrete_function(STRINGS, STRINGS)

    def _packed(self, first, second):
        special = self.tokenizer.num_special_tokens(pair=second is not None)
        ids, segments = self.tokenizer.pack(first, second, self.max_length)
        lengths = first.row_lengths() + special
        if second is not None:
            lengths += second.row_lengths()
        return ids.values, segments.values, ids.row_splits, lengths


def list_of_texts(texts, words=False):
    """The texts of an iterable as a list.

    Args:
        texts: A list of strings, or of pairs of strings; another iterable, such as an
            array, a tensor, a column of a table or a generator; or a
            `tf.data.Dataset`, whose targets are left out.
        words: Whether texts may be lists of words.

    Raises:
        TypeError: If it is something else, such as one string, whose characters are no
            texts, or a table.
        ValueError: If a dataset is infinite.
    """
    if is_dataset(texts):
        return list(read_inputs(texts, words))
    return listed(texts, "texts")


def are_pairs(texts):
    """Whether texts are pairs.

    Args:
        texts: A list of strings, or of pairs of strings.

    Raises:
        TypeError: If it is neither; the message says what is where.
    """
    return are_groups(texts, _is_pair, "a pair of strings")


def are_groups(inputs, is_group, group):
    """Whether inputs are groups of strings, such as pairs, rather than strings.

    Args:
        inputs: A list of strings, or of groups.
        is_group: Function that tells whether a value is a group.
        group: What messages call one.

    Raises:
        TypeError: If it is neither; the message says what is where.
    """
    groups = len(inputs) > 0 and not isinstance(inputs[0], str | bytes)
    for position, value in enumerate(inputs):
        if not (is_group(value) if groups else isinstance(value, str | bytes)):
            wanted = group if groups else "a string"
            like = ", like those before it" if position else " (or a string)"
            remedy = " Leave rows without a text out." if is_missing(value) else ""
            raise TypeError(
                f"Expected {wanted} at position {position}{like}, got "
                f"{type(value).__name__}: {str(value)[:60]!r}.{remedy}"
            )
    return groups


def _is_pair(value):
    return (
        isinstance(value, tuple | list)
        and len(value) == 2
        and all(isinstance(text, str | bytes) for text in value)
    )
