"""Puts combining marks in Unicode's canonical order, where that can be seen.

Decomposition (NFD) sorts the marks after a letter by their combining class. A map from
characters to strings cannot do that. But nearly all marks are removed as accents, and
the order matters only where two meet that stay. That is rare, and is done here.

Reference:
    The Unicode Standard, section 3.11, canonical ordering algorithm.
"""

import tensorflow as tf

from kerasbert.text.characters import (
    character_class,
    combining_classes,
    decompositions,
)


class CanonicalOrder:
    """Sorts the marks that stay, wherever they meet.

    Args:
        accents: code points that are removed after decomposition.
        removed: code points that are removed before it.
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
        """The marks that stay. A text in which none of them occurs is in order."""
        return frozenset(self._classes)

    def __call__(self, texts: tf.Tensor) -> tf.Tensor:
        """Returns the texts with their marks in order, string [B]."""
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
