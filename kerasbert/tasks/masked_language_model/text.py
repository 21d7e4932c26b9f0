"""Parsing of texts with masks, and insertion of predicted tokens."""

from typing import NamedTuple

import numpy as np

from kerasbert.tasks.examples import list_of_texts


class MaskedRow(NamedTuple):
    """A tokenized text with masks.

    Args:
        token_ids: int32 array `[S]`.
        segment_ids: int32 array `[S]`.
        places: int array, where the masks are.
    """

    token_ids: np.ndarray
    segment_ids: np.ndarray
    places: np.ndarray

    def widened(self, pieces):
        """Returns the row with each mask repeated."""
        repeats = np.ones(len(self.token_ids), int)
        repeats[self.places] = pieces
        places = self.places + np.arange(len(self.places)) * (pieces - 1)
        return MaskedRow(
            np.repeat(self.token_ids, repeats),
            np.repeat(self.segment_ids, repeats),
            (places[:, None] + np.arange(pieces)).reshape(-1),
        )


class MaskedTexts:
    """Finds masks in texts, and replaces them by tokens.

    Args:
        tokenizer: A `kerasbert.Tokenizer`.
        preprocessor: A `kerasbert.tasks.preprocessor.TextPreprocessor`.
    """

    def __init__(self, tokenizer, preprocessor):
        self.tokenizer = tokenizer
        self.mask = tokenizer.special_tokens.mask
        self._preprocessor = preprocessor
        self.max_length = preprocessor.max_length

    def rows(self, texts):
        """Tokenizes texts."""
        encoded = self._preprocessor.encode(texts)
        rows = []
        for number, text in enumerate(texts):
            token_ids = encoded.token_ids[number]
            places = np.flatnonzero(token_ids == self.tokenizer.mask_token_id)
            written = sum(part.count(self.mask) for part in _parts(text))
            if not written:
                raise ValueError(
                    f"Expected {self.mask} in each text, got none at position "
                    f"{number}: {str(text)[:60]!r}. Write {self.mask} where a token "
                    "is to be filled in."
                )
            if len(places) != written:
                raise ValueError(
                    f"Expected every {self.mask} of a text to be read as one, but of "
                    f"{written} at position {number} the model sees {len(places)}. The "
                    f"longest sequence is {self.max_length} tokens: shorten the "
                    "text, or raise max_length."
                )
            rows.append(MaskedRow(token_ids, encoded.segment_ids[number], places))
        return rows

    def widened(self, rows, pieces):
        """Returns rows with each mask repeated."""
        wide = [row.widened(count) for row, count in zip(rows, pieces, strict=True)]
        longest = max((len(row.token_ids) for row in wide), default=0)
        if longest > self.max_length:
            raise ValueError(
                f"Expected at most {self.max_length} tokens, got {longest} with "
                "as many masks as there are pieces. Shorten the text, or raise "
                "max_length."
            )
        return wide

    def tokens_of(self, word):
        """Returns the token ids of a word."""
        special = self.tokenizer.num_special_tokens()
        before = self.tokenizer.frame().before
        [row] = self.tokenizer.encode([word])
        token_ids = row[before : len(row) - (special - before)]
        if len(token_ids) != 1 and word in self.tokenizer.vocabulary:
            return [self.tokenizer.token_to_id(word)]
        if not token_ids or self.tokenizer.unk_token_id in token_ids:
            raise ValueError(
                f"Expected a candidate that the vocabulary can spell, got {word!r}."
            )
        return token_ids

    def single_tokens(self, words):
        """Returns the ids of words that are single tokens."""
        if words is None:
            return np.arange(self.tokenizer.vocabulary_size)
        found = {}
        for word in list_of_texts(words):
            found[word] = token_ids = self.tokens_of(word)
            if len(token_ids) > 1:
                raise ValueError(
                    f"Expected candidates of one token each, got {word!r}, which is "
                    f"{' '.join(self.tokenizer.tokens(token_ids))}. rank takes words "
                    "of any number of tokens."
                )
        if not found:
            raise ValueError("Expected candidates to choose from, got none.")
        return np.concatenate(list(found.values()))

    def filled(self, text, fillings):
        """Returns a text with its masks replaced by tokens.

        A piece that continues a word is joined to what stands before it.
        """
        fillings = iter(fillings)
        parts = [self._filled(part, fillings) for part in _parts(text)]
        return parts[0] if isinstance(text, str | bytes) else tuple(parts)

    def _filled(self, text, fillings):
        first, *others = text.split(self.mask)
        filled = first
        for other in others:
            token_ids = next(fillings)
            if token_ids is None:
                filled += self.mask
            else:
                surface = self.tokenizer.decode(token_ids, skip_special_tokens=False)
                if self.continues_word(token_ids[0]):
                    filled = filled.rstrip()
                filled += surface.removeprefix("##")
            filled += other
        return filled

    def answer(self, text, masks):
        """Formats the prediction for a text."""
        best = self.filled(text, [[mask[0][0]] for mask in masks])
        answer = {"text": best, "masks": []}
        for number, mask in enumerate(masks):
            choices = []
            for token_id, score in mask:
                alone = [None] * len(masks)
                alone[number] = [token_id]
                [token] = self.tokenizer.tokens([token_id])
                filled = self.filled(text, alone)
                choices.append({"token": token, "score": float(score), "text": filled})
            answer["masks"].append(choices)
        return answer

    def continues_word(self, token_id):
        """Whether a token continues the word before it."""
        return bool(self.tokenizer.is_continuation[token_id])


def _parts(text):
    """Returns the strings of a text or a pair."""
    parts = [text] if isinstance(text, str | bytes) else text
    return [
        part.decode("utf-8", "replace") if isinstance(part, bytes) else part
        for part in parts
    ]
