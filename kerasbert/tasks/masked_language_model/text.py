"""Texts with masks in them: as rows of ids, and with tokens in the place of masks."""

from typing import NamedTuple

import numpy as np

from kerasbert.tasks.examples import list_of_texts


class MaskedRow(NamedTuple):
    """A text with masks as numbers.

    Args:
        token_ids: int32 array `[S]`.
        segment_ids: int32 array `[S]`.
        places: int array, where the masks are.
    """

    token_ids: np.ndarray
    segment_ids: np.ndarray
    places: np.ndarray

    def widened(self, pieces):
        """The row with so many masks in the place of each.

        Args:
            pieces: How many.
        """
        repeats = np.ones(len(self.token_ids), int)
        repeats[self.places] = pieces
        places = self.places + np.arange(len(self.places)) * (pieces - 1)
        return MaskedRow(
            np.repeat(self.token_ids, repeats),
            np.repeat(self.segment_ids, repeats),
            (places[:, None] + np.arange(pieces)).reshape(-1),
        )


class MaskedTexts:
    """Finds the masks in texts, and puts tokens there.

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
        """The rows of texts.

        Args:
            texts: A list of strings, or of pairs of strings.

        Returns:
            A list of `MaskedRow`.

        Raises:
            ValueError: If a text has no mask, or one beyond the longest sequence; the
                message says which.
        """
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
        """Rows with several masks in the place of each.

        Args:
            rows: A list of `MaskedRow`.
            pieces: How many, of each row.

        Raises:
            ValueError: If a row becomes too long.
        """
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
        """The token ids of a word.

        Args:
            word: A string: a word or phrase, or a token of the vocabulary as it
                stands there, such as `##ing`.

        Raises:
            ValueError: If the vocabulary cannot spell it.
        """
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
        """The ids of words that are one token each.

        Args:
            words: As in `tokens_of`; None: all tokens of the vocabulary.

        Returns:
            int array `[n]`.

        Raises:
            ValueError: If a word is several tokens, or there is no word.
        """
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
        """A text with tokens in the place of its masks, the rest as it was.

        A piece that continues a word is joined to what stands before it.

        Args:
            text: A string, or a pair of strings.
            fillings: For each mask a list of token ids; None: it stays.
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
        """What `MaskedLM.predict` says of a text.

        Args:
            text: A string, or a pair of strings.
            masks: For each of its masks a list of token ids and scores.
        """
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
        """Whether a token goes on with the word before it.

        Args:
            token_id: Its id.
        """
        return bool(self.tokenizer.is_continuation[token_id])


def _parts(text):
    """The strings of a text or a pair of texts."""
    parts = [text] if isinstance(text, str | bytes) else text
    return [
        part.decode("utf-8", "replace") if isinstance(part, bytes) else part
        for part in parts
    ]
