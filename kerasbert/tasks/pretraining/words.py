"""Words of whole-word masking."""

import functools

import numpy as np
import tensorflow as tf

WORDS = (None, "spaces", "jieba")


def word_splitter(words):
    """Returns a function from texts to token ids and whether each continues a word.

    `words` is as in `Corpus.write`.
    """
    if words not in WORDS:
        raise ValueError(f"Expected words to be spaces, jieba or None, got {words!r}.")
    if words is None:
        return _marked
    if words == "spaces":
        return functools.partial(_by_words, _at_spaces)
    try:
        import jieba
    except ModuleNotFoundError:
        raise ImportError(
            "Expected the package jieba, which finds Chinese words. Install: pip "
            "install 'kerasbert[pretraining]'"
        ) from None
    jieba.setLogLevel(60)  # it tells of its cache

    def segment(text):
        return [end for _, _, end in jieba.tokenize(text)], text

    return functools.partial(_by_words, segment)


def _marked(texts, tokenizer, marks):
    """Words as the vocabulary marks them."""
    for row in tokenizer.tokenize(tf.constant(texts)).to_list():
        token_ids = np.array(row, "int64")
        continues = marks[token_ids]
        continues[:1] = False
        yield token_ids, continues


def _by_words(segment, texts, tokenizer, marks):
    """Words that a function finds; a Chinese text may lose its spaces."""
    segmented = [segment(text) for text in texts]
    texts = [text for _, text in segmented]
    rows = tokenizer.tokenize_with_offsets(tf.constant(texts))
    for (ends, _), row, starts in zip(
        segmented, *(part.to_list() for part in rows[:2]), strict=True
    ):
        word = np.searchsorted(np.array(ends), np.array(starts, "int64"), side="right")
        continues = np.diff(word, prepend=-1) == 0
        yield np.array(row, "int64"), continues


def _at_spaces(text):
    """The ends of words, each with the spaces after it."""
    ends, end = [], 0
    for word in text.split():
        end = text.index(word, end) + len(word)
        ends.append(end)
    return ends, text
