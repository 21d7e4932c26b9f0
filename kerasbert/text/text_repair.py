"""What has to happen to some texts before characters are mapped one by one.

Nearly all text needs none of it, and one regular expression tells: a batch in which
every text is plain goes straight through.
"""

import re

import tensorflow as tf

from kerasbert.text.canonical_order import CanonicalOrder
from kerasbert.text.characters import character_class

_SURROGATES = range(0xD800, 0xE000)
_PRIVATE_USE = range(0x100000, 0x10FFFE)
_REPLACEMENT = 0xFFFD


def unused_characters(vocabulary):
    """Private characters that no token of the vocabulary holds, one after another."""
    used = {ord(character) for token in vocabulary for character in token}
    return (chr(code) for code in _PRIVATE_USE if code not in used)


class TextRepair:
    """Makes text valid UTF-8 with special tokens in private characters.

    Every character stays one character, so that offsets stay true: bytes that are no
    UTF-8 become U+FFFD as Python's `errors="replace"` has it, and a special token of
    six characters becomes six private characters.

    Args:
        special_tokens: special token -> its private characters.
        order: sorts the marks of decomposed text; None where nothing is decomposed.
        stand_in: what private characters in a text become: one that is in no token.
        reserved: further private characters that no text may hold.
    """

    def __init__(
        self,
        special_tokens: dict[str, str],
        order: CanonicalOrder | None,
        stand_in: str,
        reserved: str = "",
    ):
        # The longest first: of two that begin alike, the longer is meant.
        self._special_tokens = sorted(special_tokens.items(), key=lambda t: -len(t[0]))
        self._order = order
        self._stand_in = stand_in
        private = {ord(c) for c in reserved.join(special_tokens.values()) + reserved}
        self._private = f"[{character_class(private)}]" if private else None
        suspicious = {*_SURROGATES, *private}
        if order is not None:
            suspicious |= order.marks
        self._plain = _nothing_of(suspicious, special_tokens)

    def __call__(self, texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Repairs texts.

        Args:
            texts: string [B].

        Returns:
            The texts, string [B], and whether all were in order as they were, bool [].
        """
        plain = tf.strings.regex_full_match(texts, self._plain)

        def repair_others():
            places = tf.where(~plain)  # [texts to repair, 1]
            repaired = self._repair(tf.gather(texts, places[:, 0]))
            return tf.tensor_scatter_nd_update(texts, places, repaired)

        all_plain = tf.reduce_all(plain)
        return tf.cond(all_plain, lambda: texts, repair_others), all_plain

    def _repair(self, texts: tf.Tensor) -> tf.Tensor:
        texts = tf.strings.unicode_transcode(
            texts, "UTF-8", "UTF-8", errors="replace", replacement_char=_REPLACEMENT
        )
        if self._private:
            # Nobody can write a special token by its private characters.
            texts = tf.strings.regex_replace(texts, self._private, self._stand_in)
        for token, private in self._special_tokens:
            texts = tf.strings.regex_replace(texts, re.escape(token), private)
        return texts if self._order is None else self._order(texts)


def _nothing_of(characters: set[int], tokens) -> str:
    """A regular expression of texts without some characters and some tokens.

    It leaves out a few more: those with the first two characters of a token.
    """
    characters = characters | {ord(token) for token in tokens if len(token) == 1}
    first = {ord(token[0]) for token in tokens} - characters
    if not first:
        return f"[^{character_class(characters)}]*"
    second = {ord(token[1]) for token in tokens if len(token) > 1}
    begin = f"[{character_class(first)}]"
    other = f"[^{character_class(characters | first)}]"
    harmless = f"[^{character_class(characters | first | second)}]"
    return f"(?:{other}|{begin}+{harmless})*{begin}*"
