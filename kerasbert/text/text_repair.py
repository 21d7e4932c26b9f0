"""Pre-normalization: invalid UTF-8, literal special tokens, order of combining marks.

These need more than one character at a time, so the character map cannot do them. One
regular expression detects the few texts that need repair: if all texts of a batch are
plain, nothing is done.

Reference:
    The Unicode Standard, section 3.11, canonical ordering algorithm.
"""

import re

import tensorflow as tf

from kerasbert.text.characters import (
    character_class,
    combining_classes,
    decompositions,
)

_SURROGATES = range(0xD800, 0xE000)
_PRIVATE_USE = range(0x100000, 0x10FFFE)
_REPLACEMENT = 0xFFFD


def unused_characters(vocabulary):
    """Yields private-use characters that occur in no token of a vocabulary."""
    used = {ord(character) for token in vocabulary for character in token}
    return (chr(code) for code in _PRIVATE_USE if code not in used)


class CanonicalOrder:
    """Sorts combining marks by combining class, where that is visible.

    Decomposition (NFD) sorts the marks after a letter by combining class, which a
    character map cannot do. Nearly all marks are removed as accents; the order is
    visible only where two remaining marks meet.

    Args:
        accents: Code points that are removed after decomposition.
        removed: Code points that are removed before decomposition.
    """

    def __init__(
        self,
        accents: frozenset[int],
        removed: frozenset[int] = frozenset(),
    ):
        classes = combining_classes()
        vanishing = (accents & classes.keys()) | removed
        self._classes = {c: k for c, k in classes.items() if c not in vanishing}
        self._between = f"[{character_class(vanishing)}]*"
        # Characters whose decomposition ends in a mark that stays.
        self._endings = {
            chr(code): text
            for code, text in decompositions().items()
            if ord(text[-1]) in self._classes and code not in removed
        }

    @property
    def marks(self) -> frozenset[int]:
        """The remaining marks: a text without them is in canonical order."""
        return frozenset(self._classes)

    def __call__(self, texts: tf.Tensor) -> tf.Tensor:
        """Returns the texts, string `[B]`, with their marks sorted."""
        for character, text in self._endings.items():
            last = self._classes[ord(text[-1])]
            lower = self._of(lambda k, last=last: k < last)
            if lower:
                pattern = f"{character}({self._between}{lower})"
                texts = tf.strings.regex_replace(texts, pattern, rf"{text}\1")
        orders = sorted(set(self._classes.values()))

        def swap_once(_, texts):
            swapped = texts
            for order in orders[:-1]:
                higher = self._of(lambda k, order=order: k > order)
                same = self._of(lambda k, order=order: k == order)
                pattern = f"({higher})({self._between})({same})"
                swapped = tf.strings.regex_replace(swapped, pattern, r"\3\2\1")
            return texts, swapped

        _, texts = tf.while_loop(
            lambda before, after: tf.reduce_any(tf.not_equal(before, after)),
            swap_once,
            swap_once(None, texts),
        )
        return texts

    def _of(self, condition) -> str:
        members = [c for c, k in self._classes.items() if condition(k)]
        return f"[{character_class(members)}]" if members else ""


class TextRepair:
    """Makes texts valid UTF-8, with special tokens spelled in private-use characters.

    Each character stays one character, so that offsets are unchanged: invalid bytes
    become U+FFFD as with Python's `errors="replace"`, and a special token of six
    characters becomes six private-use characters.

    Args:
        special_tokens: Maps special tokens to private-use characters.
        order: Sorts combining marks; None without decomposition.
        stand_in: Replacement of private-use characters in a text: one that is in no
            token.
        reserved: Further private-use characters that no text may contain.
    """

    def __init__(
        self,
        special_tokens: dict[str, str],
        order: CanonicalOrder | None,
        stand_in: str,
        reserved: str = "",
    ):
        # Longest first: of two tokens with a common prefix, the longer one matches.
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
        """Returns the repaired texts, and whether none needed repair, bool `[]`."""
        plain = tf.strings.regex_full_match(texts, self._plain)

        def repair_others():
            positions = tf.where(~plain)  # [texts to repair, 1]
            repaired = self._repair(tf.gather(texts, positions[:, 0]))
            return tf.tensor_scatter_nd_update(texts, positions, repaired)

        all_plain = tf.reduce_all(plain)
        return tf.cond(all_plain, lambda: texts, repair_others), all_plain

    def _repair(self, texts: tf.Tensor) -> tf.Tensor:
        texts = tf.strings.unicode_transcode(
            texts, "UTF-8", "UTF-8", errors="replace", replacement_char=_REPLACEMENT
        )
        if self._private:
            # A text must not spell a special token in private-use characters.
            texts = tf.strings.regex_replace(texts, self._private, self._stand_in)
        for token, private in self._special_tokens:
            texts = tf.strings.regex_replace(texts, re.escape(token), private)
        return texts if self._order is None else self._order(texts)


def _nothing_of(characters: set[int], tokens) -> str:
    """Returns a regular expression for texts without the given characters and tokens.

    It also rejects some others: texts with the first two characters of a token.
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
