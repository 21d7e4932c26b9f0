"""Unicode normalization forms on arrays of code points.

Reference:
    Unicode Standard Annex #15, Unicode Normalization Forms.

Shapes: N code points.
"""

import functools

import numpy as np
import tensorflow as tf

from kerasbert.text.characters import (
    character_set,
    character_table,
    combining_classes,
    decompositions,
)
from kerasbert.text.code_points import CharacterMap, CodePoints, CodeTable

_CODES = 1 << 21
_L, _V, _T = 0x1100, 0x1161, 0x11A7  # the first Hangul consonant, vowel, final less 1
_SYLLABLES = 0xAC00


class Decomposition:
    """NFD, or NFKD if `compatible`."""

    def __init__(self, compatible=False):
        self._map = CharacterMap(decompositions(compatible))
        self._class = CodeTable(combining_classes())

    def __call__(self, points):
        """Returns the decomposed `CodePoints`."""
        points = self._map(points)
        order = self._class(points.codes)
        disordered = tf.reduce_any((order > 0) & (points.previous(order) > order))

        def sort():
            runs = tf.cumsum(tf.cast((order == 0) | points.begins, tf.int32))
            return tuple(points.take(tf.argsort(runs * 256 + order, stable=True)))

        return CodePoints(*tf.cond(disordered, sort, lambda: tuple(points)))


class Composition:
    """NFC, or NFKC if `compatible`."""

    def __init__(self, compatible=False):
        self._decompose = Decomposition(compatible)
        self._class = CodeTable(combining_classes())
        pairs = _composites()
        keys = sorted(pairs)
        self._keys = np.array(keys, np.int64)
        self._composites = np.array([pairs[key] for key in keys], np.int32)

    def __call__(self, points):
        """Returns the composed `CodePoints`."""
        points = self._decompose(points)

        def compose(points, _):
            starters, composites = self._pairs(points)
            positions = tf.cast(tf.where(composites > 0)[:, 0], tf.int32)
            # Of several characters that compose with one starter, the first does.
            owners = tf.gather(starters, positions)
            count = tf.size(points.codes)
            first = tf.math.unsorted_segment_min(positions, owners, count)
            positions = tf.boolean_mask(
                positions, tf.gather(first, owners) == positions
            )
            owners = tf.gather(starters, positions)[:, tf.newaxis]
            codes = tf.tensor_scatter_nd_update(
                points.codes, owners, tf.gather(composites, positions)
            )
            last = tf.gather(points.last, positions)
            last = tf.tensor_scatter_nd_max(points.last, owners, last)
            joined = tf.tensor_scatter_nd_update(
                tf.zeros_like(points.codes, tf.bool),
                positions[:, tf.newaxis],
                tf.ones_like(positions, tf.bool),
            )
            composed = points._replace(codes=codes, last=last).keep(~joined)
            return composed, tf.size(positions) > 0

        some = tf.TensorShape([None])
        points, _ = tf.while_loop(
            lambda _, more: more,
            compose,
            (points, tf.constant(True)),
            shape_invariants=(CodePoints(*[some] * 5), tf.TensorShape([])),
        )
        return points

    def _pairs(self, points):
        """Returns the starter before each character, and their composite or 0."""
        order = self._class(points.codes)
        is_starter = (order == 0) | points.begins
        positions = tf.cast(tf.where(is_starter)[:, 0], tf.int32)
        numbers = tf.cumsum(tf.cast(is_starter, tf.int32)) - 1
        # A starter may compose with the starter directly before it.
        before = numbers - tf.cast(is_starter, tf.int32)
        starters = tf.gather(positions, tf.maximum(before, 0))
        inside = (before >= 0) & ~points.begins
        here = tf.range(tf.size(order))
        adjacent = starters == here - 1
        blocked = ~adjacent & (points.previous(order) >= order)
        starter_codes = tf.gather(points.codes, starters)
        keys = tf.cast(starter_codes, tf.int64) * _CODES + tf.cast(
            points.codes, tf.int64
        )
        found = tf.searchsorted(tf.constant(self._keys), keys)
        found = tf.minimum(found, len(self._keys) - 1)
        known = tf.gather(tf.constant(self._keys), found) == keys
        composites = tf.where(known, tf.gather(tf.constant(self._composites), found), 0)
        composites = tf.where(
            composites > 0, composites, _syllables(starter_codes, points.codes)
        )
        # A part that begins with a mark has no starter before it.
        inside &= tf.gather(order, starters) == 0
        return starters, tf.where(inside & ~blocked, composites, 0)


def _syllables(first, second):
    """Composes two code points to a Hangul syllable, or 0."""
    consonant, vowel = first - _L, second - _V
    open_syllable = _SYLLABLES + (consonant * 21 + vowel) * 28
    is_open = (consonant >= 0) & (consonant < 19) & (vowel >= 0) & (vowel < 21)
    syllable, final = first - _SYLLABLES, second - _T
    is_closed = (syllable >= 0) & (syllable < 19 * 21 * 28) & (syllable % 28 == 0)
    is_closed &= (final > 0) & (final < 28)
    return tf.where(is_open, open_syllable, tf.where(is_closed, first + final, 0))


@functools.cache
def _composites():
    """Returns the composite of each pair of characters, keyed by one integer."""
    table = character_table("canonical")
    left_out = character_set("uncomposed")
    whole = {text: code for code, text in table.items() if code not in left_out}
    pairs = {}
    for text, code in whole.items():
        if len(text) > 1:
            # Composition is pairwise: the composite of all but the last, and the last.
            first = ord(text[0]) if len(text) == 2 else whole.get(text[:-1])
            if first is not None:
                pairs[first * _CODES + ord(text[-1])] = code
    return pairs
