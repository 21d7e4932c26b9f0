"""Rows of tokens of sources and targets, and the text of answers."""

from typing import NamedTuple

import tensorflow as tf

from kerasbert.tasks.preprocessor import Preprocessor, joined, warn_of_truncation

SPACE = "\u2581"  # how SentencePiece writes a space
PUNCTUATION = ((r" ([.,!?;:%)\]}])", r"\1"), (r"([(\[{]) ", r"\1"), (r" ' ", "'"))


class Sources(NamedTuple):
    """Tokenized sources.

    Args:
        token_ids: The rows, special tokens included, int32 `[B, (S)]`.
        token_count: How many tokens each has, those that were cut included, `[B]`.
    """

    token_ids: tf.RaggedTensor
    token_count: tf.Tensor


class Targets(NamedTuple):
    """Tokenized targets.

    Args:
        before: The tokens that the decoder gets, int32 `[B, (T)]`.
        after: The tokens that come after each of these, int32 `[B, (T)]`.
        token_count: As in `Sources`.
    """

    before: tf.RaggedTensor
    after: tf.RaggedTensor
    token_count: tf.Tensor


class WritingPreprocessor(Preprocessor):
    """Tokenizes texts, and writes those of tokens.

    A text begins with the first token of the tokenizer, and its separator ends it.

    Args:
        tokenizer: A `kerasbert.Tokenizer`.
        max_length: The longest row in tokens, special tokens included.

    Raises:
        ValueError: If the vocabulary has no tokens that begin and end a text.
    """

    def __init__(self, tokenizer, max_length):
        super().__init__(tokenizer, max_length)
        for name in ("cls", "sep"):
            token = getattr(tokenizer.special_tokens, name)
            if token not in tokenizer.vocabulary:
                use = {"cls": "begins", "sep": "ends"}[name]
                raise ValueError(
                    f"Expected a token in the vocabulary that {use} a text, got none: "
                    f"{token} is not among its {tokenizer.vocabulary_size} tokens. "
                    f"Name it with special_tokens=SpecialTokens({name}=...)."
                )
        self.start_token_id = tokenizer.cls_token_id
        self.end_token_id = tokenizer.sep_token_id

    def texts_of(self, token_ids, lengths):
        """Joins tokens to texts.

        Shapes:
            token_ids `[..., L]`, lengths `[...]` -> string `[...]`.
        """
        shape = tf.shape(lengths)
        size = tf.shape(token_ids)[-1]
        token_ids = tf.reshape(token_ids, [-1, size])
        within = tf.sequence_mask(tf.reshape(lengths, [-1]), size)
        token_ids = tf.minimum(token_ids, self.tokenizer.vocabulary_size)
        pieces = tf.where(within, tf.gather(self._written, token_ids), "")
        texts = tf.strings.reduce_join(pieces, axis=-1)
        texts = tf.strings.regex_replace(texts, SPACE, " ")
        if self.tokenizer.config.kind == "wordpiece":  # which splits punctuation off
            for pattern, written in PUNCTUATION:
                texts = tf.strings.regex_replace(texts, pattern, written)
        if self.tokenizer.byte_tokens:  # a character may be cut
            texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", "replace")
        return tf.reshape(tf.strings.strip(texts), shape)

    @property
    def _written(self):
        """How each token is written in a text, string `[V + 1]`."""
        special = set(self.tokenizer.special_tokens.all())
        pieces = [
            "" if token in special else self._piece(token)
            for token in self.tokenizer.vocabulary
        ]
        # The rows of a table beyond the vocabulary are written as nothing.
        return tf.constant([*pieces, ""], tf.string)

    def _piece(self, token):
        if self.tokenizer.config.kind == "sentencepiece":
            return self.tokenizer.byte_tokens.get(token, token)
        return token[2:] if token.startswith("##") else SPACE + token


class Seq2SeqPreprocessor(WritingPreprocessor):
    """Tokenizes sources and targets; the end token of a target is its separator.

    Args:
        tokenizer: A `kerasbert.Tokenizer`.
        max_length: The longest source in tokens, special tokens included.
        max_target_length: The longest target, its end token included.

    Raises:
        ValueError: If the vocabulary has no tokens that begin and end a text.
    """

    def __init__(self, tokenizer, max_length, max_target_length):
        super().__init__(tokenizer, max_length)
        self.max_target_length = max_target_length

    def __call__(self, text):
        tokens = self.tokenizer.tokenize(text)
        rows, _ = self.tokenizer.pack(tokens, None, self.max_length)
        count = tokens.row_lengths() + self.tokenizer.num_special_tokens()
        return Sources(rows, tf.cast(count, tf.int32))

    def of_targets(self, text):
        """Tokenizes targets, string `[B]`."""
        tokens = self.tokenizer.tokenize(text)
        count = tokens.row_lengths() + 1
        tokens = tokens[:, : self.max_target_length - 1]
        column = [tf.shape(text)[0], 1]
        start = tf.fill(column, self.start_token_id)
        end = tf.fill(column, self.end_token_id)
        before = tf.concat([start, tokens], axis=1)
        after = tf.concat([tokens, end], axis=1)
        return Targets(before, after, tf.cast(count, tf.int32))

    def sources(self, texts):
        """Tokenizes a list of sources; warns if some are truncated."""
        chunks = [self.run(self.__call__, chunk) for chunk in self.chunks(texts)]
        if not chunks:
            return []
        rows, counts = joined(chunks)
        warn_of_truncation(counts, self.max_length, "sources")
        return rows

    def targets(self, texts):
        """Tokenizes a list of targets; warns if some are truncated."""
        chunks = [self.run(self.of_targets, chunk) for chunk in self.chunks(texts)]
        before, after, counts = joined(chunks)
        remedy = "max_target_length changes the limit"
        warn_of_truncation(counts, self.max_target_length, "targets", remedy)
        return before, after
