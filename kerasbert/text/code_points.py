"""Texts as arrays of code points that know where in the text they came from.

The steps of a `tokenizer.json` replace, remove, insert and divide characters; each is a
few array operations here, and the offsets stay true through all of them.

Shapes: B texts, N code points of all texts.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

LIMIT = 0x110000  # code points; what is above stands for an added token
_BLOCK = 256


class CodePoints(NamedTuple):
    """The characters of texts, in parts.

    A part is what one step hands on to the next: a text at first, a word at last. Parts
    are numbered in the order of the texts; numbers may be missing.

    Args:
        codes: The code points, int32 `[N]`; `LIMIT + i` is the added token `i`.
        parts: The part of each, ascending, int32 `[N]`.
        texts: The text of each, ascending, int32 `[N]`.
        first: The first character of its text that each came from, int32 `[N]`.
        last: The last one, not the one after it, int32 `[N]`.
    """

    codes: tf.Tensor
    parts: tf.Tensor
    texts: tf.Tensor
    first: tf.Tensor
    last: tf.Tensor

    def take(self, places):
        """The characters at some places, `[M]`."""
        return CodePoints(*(tf.gather(values, places) for values in self))

    def keep(self, kept):
        """The characters for which `kept`, bool `[N]`, is true."""

        def some():
            return tuple(self.take(tf.where(kept)[:, 0]))

        return CodePoints(*tf.cond(tf.reduce_all(kept), lambda: tuple(self), some))

    def divide(self, begins):
        """The characters with a part beginning wherever `begins`, bool `[N]`, is."""
        return self._replace(parts=tf.cumsum(tf.cast(begins | self.begins, tf.int32)))

    @property
    def begins(self):
        """Whether each character is the first one of its part, bool `[N]`."""
        return differs(self.parts)

    @property
    def ends(self):
        """Whether each character is the last one of its part, bool `[N]`."""
        return tf.concat([self.begins[1:], tf.ones_like(self.begins[:1])], axis=0)

    def previous(self, values, filler=0):
        """The value of the character before, within the part, `[N]`."""
        shifted = tf.concat([values[:1], values[:-1]], axis=0)
        return tf.where(self.begins, tf.cast(filler, values.dtype), shifted)

    def next(self, values, filler=0):
        """The value of the character after, within the part, `[N]`."""
        shifted = tf.concat([values[1:], values[-1:]], axis=0)
        return tf.where(self.ends, tf.cast(filler, values.dtype), shifted)


def differs(values):
    """Whether each value differs from the one before it; the first one does."""
    changed = values[1:] != values[:-1]
    return tf.concat([tf.ones_like(values[:1], tf.bool), changed], axis=0)


def decode(texts):
    """The code points of texts; bytes that are no UTF-8 become U+FFFD.

    Args:
        texts: string `[B]`.

    Returns:
        `CodePoints`, in which each text is a part.
    """
    rows = tf.strings.unicode_decode(texts, "UTF-8", errors="replace")
    codes = rows.values
    numbers = repeated(tf.cast(rows.row_lengths(), tf.int32))
    starts = tf.cast(rows.row_starts(), tf.int32)
    places = tf.range(tf.size(codes)) - tf.gather(starts, numbers)
    return CodePoints(codes, numbers, numbers, places, places)


def repeated(lengths):
    """The number of each length, as often as it says: `[2, 0, 1]` -> `[0, 0, 2]`.

    `tf.repeat` takes memory for the longest times their number; this takes it for the
    result alone.
    """
    ends = tf.cumsum(lengths)[:-1]
    steps = tf.tensor_scatter_nd_add(
        tf.zeros([tf.reduce_sum(lengths) + 1], tf.int32),
        ends[:, tf.newaxis],
        tf.ones_like(ends, tf.int32),
    )
    return tf.cumsum(steps)[:-1]


class CodeTable:
    """A number for each code point, 0 for most of them and for added tokens.

    Args:
        values: From code point to number.
    """

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
        """The numbers of code points, int32 `[N]`."""
        codes = tf.minimum(codes, LIMIT)
        block = tf.gather(tf.constant(self._numbers), codes // _BLOCK)
        return tf.gather(tf.constant(self._blocks), block + codes % _BLOCK)


class CodeSet(CodeTable):
    """Whether each code point is one of a set.

    Args:
        codes: The code points.
    """

    def __init__(self, codes):
        super().__init__(dict.fromkeys(codes, 1))

    def __call__(self, codes):
        """Whether each is in the set, bool `[N]`."""
        return super().__call__(codes) > 0


class CharacterMap:
    """Replaces single characters by strings.

    Args:
        mapping: Code point -> what it becomes.
    """

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
        """Returns the `CodePoints` with characters replaced."""
        shifted = points._replace(codes=points.codes + self._shift(points.codes))
        if not self._others:
            return shifted
        return self._expand(shifted, self._row(points.codes))

    def then(self, other):
        """The map that does this one's work, and then that of another one."""

        def become(text):
            return "".join(other.mapping.get(ord(c), c) for c in text)

        both = {code: become(chr(code)) for code in other.mapping}
        both |= {code: become(text) for code, text in self.mapping.items()}
        return CharacterMap(both)


class Expansion:
    """Puts strings in the place of characters.

    Args:
        texts: The strings; number 0 stands for a character that stays as it is.
    """

    def __init__(self, texts):
        rows = [[ord(c) for c in text] for text in texts]
        self._lengths = np.array([len(row) for row in rows], np.int32)
        self._starts = (np.cumsum(self._lengths) - self._lengths).astype(np.int32)
        self._codes = np.array([code for row in rows for code in row], np.int32)

    def __call__(self, points, rows):
        """Replaces characters.

        Args:
            points: `CodePoints`.
            rows: The number of the string for each, int32 `[N]`.

        Returns:
            `CodePoints`.
        """

        def expand():
            lengths = tf.gather(tf.constant(self._lengths), rows)
            places = repeated(lengths)
            taken = points.take(places)
            within = tf.range(tf.size(places))
            within -= tf.gather(tf.cumsum(lengths, exclusive=True), places)
            row = tf.gather(rows, places)
            written = tf.gather(tf.constant(self._starts), row) + within
            written = tf.gather(tf.constant(self._codes), written)
            codes = tf.where(row == 0, taken.codes, written)
            return tuple(taken._replace(codes=codes))

        none = ~tf.reduce_any(rows > 0)
        return CodePoints(*tf.cond(none, lambda: tuple(points), expand))


def substitute(points, spans, text):
    """Replaces spans of characters by a string.

    Args:
        points: `CodePoints`.
        spans: `Spans`.
        text: The string.

    Returns:
        `CodePoints`.
    """
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
    """Stretches of characters that do not overlap, in order.

    Args:
        starts: The place of the first character of each, int32 `[M]`.
        stops: The place after the last one, int32 `[M]`.
        numbers: What each is, int32 `[M]`.
    """

    starts: tf.Tensor
    stops: tf.Tensor
    numbers: tf.Tensor

    def marks(self, size):
        """Whether a span begins at each of `size` places, bool."""
        return _counted(self.starts, size) > 0

    def cover(self, size):
        """Whether each of `size` places is within a span, bool."""
        return tf.cumsum(_counted(self.starts, size) - _counted(self.stops, size)) > 0

    def keep(self, kept):
        """The spans for which `kept`, bool `[M]`, is true."""
        return Spans(*(tf.boolean_mask(values, kept) for values in self))


def _counted(places, size):
    counts = tf.zeros([size + 1], tf.int32)
    ones = tf.ones_like(places)
    return tf.tensor_scatter_nd_add(counts, places[:, tf.newaxis], ones)[:-1]


def runs(points, flags, least=1):
    """The longest stretches of at least so many flagged characters within a part.

    Args:
        points: `CodePoints`.
        flags: bool `[N]`.
        least: The fewest characters of one.

    Returns:
        `Spans`.
    """
    starts = tf.where(flags & ~points.previous(flags, False))[:, 0]
    stops = tf.where(flags & ~points.next(flags, False))[:, 0] + 1
    starts, stops = tf.cast(starts, tf.int32), tf.cast(stops, tf.int32)
    return Spans(starts, stops, tf.zeros_like(starts)).keep(stops - starts >= least)
