"""Texts as flat arrays of code points that track their original positions.

The steps of a `tokenizer.json` replace, remove, insert and split characters. Each is a
few array operations here, and offsets stay correct through all of them.

Shapes: B texts, N code points of all texts.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

LIMIT = 0x110000  # the end of Unicode; higher codes are added tokens
_BLOCK = 256


class CodePoints(NamedTuple):
    """The characters of texts, divided into parts.

    A part is what a step operates on: at first a text, at last a word. Part numbers are
    ascending, possibly with gaps.

    Args:
        codes: The code points, int32 `[N]`; `LIMIT + i` is added token `i`.
        parts: The part of each, ascending, int32 `[N]`.
        texts: The text of each, ascending, int32 `[N]`.
        first: The first character in the original text of each, int32 `[N]`.
        last: The last character (inclusive), int32 `[N]`.
    """

    codes: tf.Tensor
    parts: tf.Tensor
    texts: tf.Tensor
    first: tf.Tensor
    last: tf.Tensor

    def take(self, positions):
        """Returns the characters at positions `[M]`."""
        return CodePoints(*(tf.gather(values, positions) for values in self))

    def keep(self, kept):
        """Returns the characters where `kept`, bool `[N]`, is true."""

        def some():
            return tuple(self.take(tf.where(kept)[:, 0]))

        return CodePoints(*tf.cond(tf.reduce_all(kept), lambda: tuple(self), some))

    def divide(self, begins):
        """Starts a new part wherever `begins`, bool `[N]`, is true."""
        return self._replace(parts=tf.cumsum(tf.cast(begins | self.begins, tf.int32)))

    @property
    def begins(self):
        """Whether each character starts a part, bool `[N]`."""
        return differs(self.parts)

    @property
    def ends(self):
        """Whether each character ends a part, bool `[N]`."""
        return tf.concat([self.begins[1:], tf.ones_like(self.begins[:1])], axis=0)

    def previous(self, values, filler=0):
        """Returns the value of the character before, within the part, `[N]`."""
        shifted = tf.concat([values[:1], values[:-1]], axis=0)
        return tf.where(self.begins, tf.cast(filler, values.dtype), shifted)

    def next(self, values, filler=0):
        """Returns the value of the character after, within the part, `[N]`."""
        shifted = tf.concat([values[1:], values[-1:]], axis=0)
        return tf.where(self.ends, tf.cast(filler, values.dtype), shifted)


def differs(values):
    """Whether each value differs from the one before it; the first does."""
    changed = values[1:] != values[:-1]
    return tf.concat([tf.ones_like(values[:1], tf.bool), changed], axis=0)


def decode(texts):
    """Decodes texts, string `[B]`, one part each; invalid UTF-8 becomes U+FFFD."""
    rows = tf.strings.unicode_decode(texts, "UTF-8", errors="replace")
    codes = rows.values
    numbers = repeated(tf.cast(rows.row_lengths(), tf.int32))
    starts = tf.cast(rows.row_starts(), tf.int32)
    positions = tf.range(tf.size(codes)) - tf.gather(starts, numbers)
    return CodePoints(codes, numbers, numbers, positions, positions)


def repeated(lengths):
    """Repeats each index by its length: `[2, 0, 1]` -> `[0, 0, 2]`.

    `tf.repeat` allocates the maximum length times the number of lengths; this function
    only the result.
    """
    ends = tf.cumsum(lengths)[:-1]
    steps = tf.tensor_scatter_nd_add(
        tf.zeros([tf.reduce_sum(lengths) + 1], tf.int32),
        ends[:, tf.newaxis],
        tf.ones_like(ends, tf.int32),
    )
    return tf.cumsum(steps)[:-1]


class CodeTable:
    """Maps code points to integers; missing ones and added tokens map to 0."""

    def __init__(self, values):
        table = np.zeros(LIMIT + _BLOCK, np.int32)
        table[np.fromiter(values.keys(), np.int64, len(values))] = np.fromiter(
            values.values(), np.int64, len(values)
        )
        blocks, numbers = {}, []
        for block in table.reshape(-1, _BLOCK):
            numbers.append(blocks.setdefault(block.tobytes(), len(blocks)))
        self._blocks = np.frombuffer(b"".join(blocks), np.int32)
        self._numbers = np.array(numbers, np.int32) * _BLOCK

    def __call__(self, codes):
        """Looks up code points, int32 `[N]`."""
        codes = tf.minimum(codes, LIMIT)
        block = tf.gather(tf.constant(self._numbers), codes // _BLOCK)
        return tf.gather(tf.constant(self._blocks), block + codes % _BLOCK)


class CodeSet(CodeTable):
    """A set of code points."""

    def __init__(self, codes):
        super().__init__(dict.fromkeys(codes, 1))

    def __call__(self, codes):
        """Whether each code point is in the set, bool `[N]`."""
        return super().__call__(codes) > 0


class CharacterMap:
    """Replaces characters by strings."""

    def __init__(self, mapping):
        self.mapping = {c: text for c, text in mapping.items() if text != chr(c)}
        single = {c: text for c, text in self.mapping.items() if len(text) == 1}
        others = {c: text for c, text in self.mapping.items() if len(text) != 1}
        self._shift = CodeTable({c: ord(text) - c for c, text in single.items()})
        texts = list(dict.fromkeys(others.values()))
        numbers = {text: number for number, text in enumerate(texts, start=1)}
        self._others = bool(others)
        self._row = CodeTable({c: numbers[text] for c, text in others.items()})
        self._expand = Expansion(["\0", *texts])  # 0: a character that stays

    def __call__(self, points):
        """Returns the mapped `CodePoints`."""
        shifted = points._replace(codes=points.codes + self._shift(points.codes))
        if not self._others:
            return shifted
        return self._expand(shifted, self._row(points.codes))

    def then(self, other):
        """Returns the composition with another map, which is applied second."""

        def become(text):
            return "".join(other.mapping.get(ord(c), c) for c in text)

        both = {code: become(chr(code)) for code in other.mapping}
        both |= {code: become(text) for code, text in self.mapping.items()}
        return CharacterMap(both)


class Expansion:
    """Replaces characters by strings; index 0 leaves a character unchanged."""

    def __init__(self, texts):
        rows = [[ord(c) for c in text] for text in texts]
        self._lengths = np.array([len(row) for row in rows], np.int32)
        self._starts = (np.cumsum(self._lengths) - self._lengths).astype(np.int32)
        self._codes = np.array([code for row in rows for code in row], np.int32)

    def __call__(self, points, rows):
        """Replaces each character by the string with index `rows`, int32 `[N]`."""

        def expand():
            lengths = tf.gather(tf.constant(self._lengths), rows)
            positions = repeated(lengths)
            taken = points.take(positions)
            within = tf.range(tf.size(positions))
            within -= tf.gather(tf.cumsum(lengths, exclusive=True), positions)
            row = tf.gather(rows, positions)
            written = tf.gather(tf.constant(self._starts), row) + within
            written = tf.gather(tf.constant(self._codes), written)
            codes = tf.where(row == 0, taken.codes, written)
            return tuple(taken._replace(codes=codes))

        none = ~tf.reduce_any(rows > 0)
        return CodePoints(*tf.cond(none, lambda: tuple(points), expand))


def substitute(points, spans, text):
    """Replaces the characters of each of the `Spans` by a string."""
    is_start = spans.marks(tf.size(points.codes))
    covered = spans.cover(tf.size(points.codes))
    if not text:
        return points.keep(~covered)
    last = tf.tensor_scatter_nd_update(
        points.last,
        spans.starts[:, tf.newaxis],
        tf.gather(points.last, spans.stops - 1),
    )
    rows = tf.cast(is_start, tf.int32)
    kept = tf.where(~covered | is_start)[:, 0]
    shorter = points._replace(last=last).take(kept)
    return Expansion(["\0", text])(shorter, tf.gather(rows, kept))


class Spans(NamedTuple):
    """Disjoint, ordered ranges of characters.

    Args:
        starts: First character of each, int32 `[M]`.
        stops: The character after the last, int32 `[M]`.
        numbers: A label of each, int32 `[M]`.
    """

    starts: tf.Tensor
    stops: tf.Tensor
    numbers: tf.Tensor

    def marks(self, size):
        """Whether a span starts at each of `size` positions, bool."""
        return _counted(self.starts, size) > 0

    def cover(self, size):
        """Whether each of `size` positions is inside a span, bool."""
        return tf.cumsum(_counted(self.starts, size) - _counted(self.stops, size)) > 0

    def keep(self, kept):
        """Returns the spans where `kept`, bool `[M]`, is true."""
        return Spans(*(tf.boolean_mask(values, kept) for values in self))


def _counted(positions, size):
    counts = tf.zeros([size + 1], tf.int32)
    ones = tf.ones_like(positions)
    return tf.tensor_scatter_nd_add(counts, positions[:, tf.newaxis], ones)[:-1]


def runs(points, flags, least=1):
    """Returns the maximal runs of at least `least` flagged characters within a part."""
    starts = tf.where(flags & ~points.previous(flags, False))[:, 0]
    stops = tf.where(flags & ~points.next(flags, False))[:, 0] + 1
    starts, stops = tf.cast(starts, tf.int32), tf.cast(stops, tf.int32)
    return Spans(starts, stops, tf.zeros_like(starts)).keep(stops - starts >= least)
