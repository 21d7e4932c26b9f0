"""Tokenizers with the normalizer and pre-tokenizer of a `tokenizer.json`.

XLM-RoBERTa's tokenizer, used by many multilingual BERTs, is one, and so are BERTs
trained from scratch with other components of `tokenizers`. The pipeline is that of
`tokenizers`: match added tokens in the original text, normalize, match added tokens in
the normalized text, pre-tokenize into words, tokenize each word.

All of it runs in the TensorFlow graph, on one flat array of code points for the whole
batch (`CodePoints`). Each step is a function from `CodePoints` to `CodePoints` that
carries along the text, the part (a word, in the end) and the original characters of
every code point: so offsets need no second pass. A matched added token becomes one code
above the range of Unicode, which no later step changes.

Reference:
    Hugging Face `tokenizers`, `TokenizerImpl` and `AddedVocabulary`.

Shapes: B texts, N characters of all words, W words, T tokens of all words.
"""

import base64
import json

import tensorflow as tf

from kerasbert.account import Account
from kerasbert.text.code_points import LIMIT, decode
from kerasbert.text.matching import AddedTokenFinder
from kerasbert.text.sentencepiece_model import parse_model
from kerasbert.text.steps import Reader, merged
from kerasbert.text.tokenizer import Tokenizer
from kerasbert.text.tokenizer_config import TokenizerConfig, all_added_tokens
from kerasbert.text.word_models import UnigramWords, WordPieceWords
from kerasbert.text.wordpiece import join_word_pieces

_SPACE = "\u2581"  # how SentencePiece writes a space
_BERT_PRE_TOKENIZER = '{"type": "BertPreTokenizer"}'
_ALBERT_PRE_TOKENIZER = {
    "type": "Sequence",
    "pretokenizers": [
        {"type": "WhitespaceSplit"},
        {
            "type": "Metaspace",
            "replacement": _SPACE,
            "prepend_scheme": "always",
            "split": True,
        },
    ],
}


class PipelineTokenizer(Tokenizer):
    """A tokenizer with the steps of a `tokenizer.json`."""

    def __init__(self, config: TokenizerConfig, special_tokens_in_text: bool = True):
        super().__init__(config, special_tokens_in_text)
        normalizer, pre_tokenizer = config.normalizer, config.pre_tokenizer
        if normalizer is None:
            normalizer, pre_tokenizer = _of_switches(config)
        reader = Reader("tokenizer.json", Account())
        self._normalize = merged(reader.normalizers(json.loads(normalizer)))
        self._divide = merged(
            reader.pre_tokenizers(json.loads(pre_tokenizer or "null"))
        )
        with tf.init_scope(), tf.device("CPU:0"):
            if config.kind == "wordpiece":
                self._words = WordPieceWords(self)
            else:
                self._words = UnigramWords(self, special_tokens_in_text)
            self._set_finders()

    def __reduce__(self):
        # Steps are closures, which cannot be pickled.
        return PipelineTokenizer, (self.config, self.special_tokens_in_text)

    def _set_finders(self):
        """Creates the matchers of added tokens, for original and normalized text."""
        tokens = [t for t in all_added_tokens(self.config) if t.content in self._ids]
        self._added_ids = tf.constant([self._ids[t.content] for t in tokens], tf.int32)
        ignored = frozenset() if self.special_tokens_in_text else self._special()
        self._finders = []
        for normalized in (False, True):
            numbers = [
                number
                for number, token in enumerate(tokens)
                if token.normalized is normalized
            ]
            patterns = [tokens[number].content for number in numbers]
            if normalized and patterns:
                patterns = self._normalized(patterns)
            found = [
                (tokens[number], pattern, number)
                for number, pattern in zip(numbers, patterns, strict=True)
                if pattern
            ]
            columns = zip(*found, strict=True)
            finder = AddedTokenFinder(*columns, ignored) if found else None
            self._finders.append(finder)

    def _special(self):
        special = {t.content for t in all_added_tokens(self.config) if t.special}
        return frozenset({*special, *self.special_tokens.all()})

    def _normalized(self, texts):
        points = decode(tf.constant(texts, tf.string))
        for step in self._normalize:
            points = step(points)
        found = [""] * len(texts)
        for code, text in zip(points.codes.numpy(), points.texts.numpy(), strict=True):
            found[text] += chr(code)
        return found

    def _points(self, texts):
        """Returns the characters of the words; an added token is one character."""
        points = decode(texts)
        as_written, when_normalized = self._finders
        if as_written:
            points = as_written(points)
        for step in self._normalize:
            points = step(points)
        if when_normalized:
            points = when_normalized(points)
        for step in self._divide:
            points = step(points)
        return points

    def tokenize(self, texts: tf.Tensor) -> tf.RaggedTensor:
        points = self._points(texts)
        token_ids, _, _ = self._of_words(points, offsets=False)
        return self._by_text(points, token_ids, texts).with_values(token_ids.values)

    def tokenize_with_offsets(self, texts: tf.Tensor):
        points = self._points(texts)
        token_ids, first, last = self._of_words(points, offsets=True)
        rows = self._by_text(points, token_ids, texts)
        # Offsets exclude the space before a word.
        blank = points.codes == ord(_SPACE)
        if self.config.kind == "wordpiece":
            blank = tf.zeros_like(blank)
        solid = tf.cast(tf.where(~blank)[:, 0], tf.int32)
        solid = tf.concat([solid, [tf.size(blank)]], axis=0)
        seen = tf.gather(solid, tf.searchsorted(solid[:-1], first))
        empty = seen > last
        seen = tf.where(empty, first, seen)
        starts = tf.gather(points.first, seen)
        ends = tf.where(empty, starts, tf.gather(points.last, last) + 1)
        return tuple(map(rows.with_values, (token_ids.values, starts, ends)))

    def _of_words(self, points, offsets):
        """Tokenizes words.

        Returns ids, int32 `[W, None]`, and the first and last character of each token,
        int32 `[T]`; both are None without `offsets`.
        """
        is_added = points.codes >= LIMIT
        positions = tf.cast(tf.where(points.begins)[:, 0], tf.int32)  # [W]
        word_is_added = tf.gather(is_added, positions)
        found = self._words(points, is_added, offsets)
        token_ids, first, last = found
        numbers = tf.gather(points.codes, positions) - LIMIT
        written = tf.boolean_mask(numbers, word_is_added)
        lengths = tf.cast(word_is_added, tf.int64)
        added_ids = tf.RaggedTensor.from_row_lengths(
            tf.gather(self._added_ids, written), lengths, validate=False
        )
        positions = tf.boolean_mask(positions, word_is_added)
        joined = tf.concat([added_ids, token_ids], axis=1)
        if not offsets:
            return joined, None, None
        columns = (
            tf.concat(
                [added_ids.with_values(positions), token_ids.with_values(of)], axis=1
            )
            for of in (first, last)
        )
        first, last = (column.values for column in columns)
        return joined, first, last

    def _by_text(self, points, token_ids, texts):
        """Returns a ragged tensor `[B, None]` with the tokens of each text as rows."""
        words = tf.boolean_mask(points.texts, points.begins)  # [W]
        counts = tf.math.unsorted_segment_sum(
            token_ids.row_lengths(), words, tf.size(texts)
        )
        return tf.RaggedTensor.from_row_lengths(
            tf.zeros_like(token_ids.values), counts, validate=False
        )

    def _detokenize(self, tokens: list[str]) -> str:
        if self.config.kind == "wordpiece":
            return join_word_pieces(tokens)
        return "".join(tokens).replace(_SPACE, " ").strip(" ")


def _of_switches(config):
    """Returns the normalizer and pre-tokenizer, as JSON, of a config's options."""
    if config.kind == "sentencepiece":
        return json.dumps(_albert_normalizer(config)), json.dumps(_ALBERT_PRE_TOKENIZER)
    normalizer = {
        "type": "BertNormalizer",
        "clean_text": config.clean_text,
        "handle_chinese_chars": config.split_chinese_characters,
        "strip_accents": config.strip_accents,
        "lowercase": config.lower_case,
    }
    return json.dumps(normalizer), _BERT_PRE_TOKENIZER


def _albert_normalizer(config):
    """Returns ALBERT's normalization as the JSON of a `tokenizer.json`."""
    if config.split_digits_from_commas:
        raise ValueError(
            "Expected no split_digits_from_commas beside added tokens with flags: "
            "`tokenizers` has no such step. Load the tokenizer without it."
        )
    steps = [
        {"type": "Replace", "pattern": {"String": quote}, "content": '"'}
        for quote in ("``", "''")
    ]
    if config.strip_accents:
        steps += [{"type": "NFKD"}, {"type": "StripAccents"}]
    if config.lower_case:
        steps.append({"type": "Lowercase"})
    charsmap = parse_model(config.model).normalizer_spec.precompiled_charsmap
    if charsmap:
        text = base64.b64encode(charsmap).decode("ascii")
        steps.append({"type": "Precompiled", "precompiled_charsmap": text})
    return {"type": "Sequence", "normalizers": steps}
