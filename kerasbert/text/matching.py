"""Multi-pattern string matching, for added tokens and replacements.

Of patterns that match at one position the longest counts, and of overlapping matches
the first, like the leftmost-longest Aho-Corasick search of `tokenizers`.

Shapes: N code points, M matches.
"""

import numpy as np
import tensorflow as tf

from kerasbert.text.characters import character_set
from kerasbert.text.code_points import LIMIT, CodeSet, CodeTable, Spans

_CODES = 1 << 21  # more than there are code points


class Matcher:
    """Finds strings in texts, with a trie that is walked for all positions at once.

    Of equal strings the last one counts; none may be empty.
    """

    def __init__(self, strings):
        children, ends = {}, [-1]
        for number, string in enumerate(strings):
            node = 0
            for character in string:
                key = node * _CODES + ord(character)
                if key not in children:
                    children[key] = len(ends)
                    ends.append(-1)
                node = children[key]
            ends[node] = number
        self._first = CodeTable({k: v for k, v in children.items() if k < _CODES})
        keys = sorted(children) or [0]
        self._keys = np.array(keys, np.int64)
        self._nodes = np.array([children.get(key, 0) for key in keys], np.int32)
        self._ends = np.array(ends, np.int32)

    def __call__(self, points):
        """Returns the matches in `CodePoints` as `Spans`, labeled by string index."""
        nodes = self._first(points.codes)  # [N]
        positions = tf.cast(tf.where(nodes > 0)[:, 0], tf.int32)

        def search():
            return tuple(_without_overlaps(self._longest(points, nodes, positions)))

        def nothing():
            return positions, positions, positions

        return Spans(*tf.cond(tf.size(positions) > 0, search, nothing))

    def _longest(self, points, nodes, positions):
        """Returns the longest match at each position where there is one."""
        count = tf.size(points.codes)
        ends = tf.constant(self._ends)
        nodes = tf.gather(nodes, positions)
        number = tf.gather(ends, nodes)  # of the longest one so far
        length = tf.cast(number >= 0, tf.int32)
        alive = tf.range(tf.size(positions))

        def step(depth, alive, nodes, number, length):
            here = tf.gather(positions, alive)
            there = here + depth
            inside = there < count
            there = tf.minimum(there, count - 1)
            inside &= tf.gather(points.parts, there) == tf.gather(points.parts, here)
            codes = tf.gather(points.codes, there)
            keys = tf.cast(nodes, tf.int64) * _CODES + tf.cast(codes, tf.int64)
            found = tf.searchsorted(tf.constant(self._keys), keys)
            found = tf.minimum(found, len(self._keys) - 1)
            inside &= tf.gather(tf.constant(self._keys), found) == keys
            alive = tf.boolean_mask(alive, inside)
            nodes = tf.gather(tf.constant(self._nodes), tf.boolean_mask(found, inside))
            ended = tf.gather(ends, nodes)
            longer = tf.boolean_mask(alive, ended >= 0)[:, tf.newaxis]
            ended = tf.boolean_mask(ended, ended >= 0)
            number = tf.tensor_scatter_nd_update(number, longer, ended)
            depth += 1
            length = tf.tensor_scatter_nd_update(
                length, longer, tf.fill(tf.shape(ended), depth)
            )
            return depth, alive, nodes, number, length

        some = tf.TensorShape([None])
        *_, number, length = tf.while_loop(
            lambda depth, alive, *_: tf.size(alive) > 0,
            step,
            (tf.constant(1), alive, nodes, number, length),
            shape_invariants=(tf.TensorShape([]), some, some, some, some),
        )
        return Spans(positions, positions + length, number).keep(length > 0)


def _without_overlaps(spans):
    """Keeps the first match, and each one that starts after the last kept match."""
    count = tf.size(spans.starts)
    following = tf.searchsorted(spans.starts, spans.stops)  # [M], up to M

    def choose():
        # Pointer doubling: matches reachable from the first in 1, 2, 4, ... steps.
        reached = tf.cast(tf.range(count + 1) == 0, tf.int32)
        steps = tf.concat([following, [count]], axis=0)

        def double(reached, steps):
            further = tf.boolean_mask(steps, reached > 0)[:, tf.newaxis]
            updates = tf.ones_like(further[:, 0])
            reached = tf.tensor_scatter_nd_max(reached, further, updates)
            return reached, tf.gather(steps, steps)

        reached, _ = tf.while_loop(
            lambda _, steps: steps[0] < count, double, double(reached, steps)
        )
        reached, _ = double(reached, steps)
        return tuple(spans.keep(reached[:-1] > 0))

    disjoint = tf.reduce_all(spans.stops[:-1] <= spans.starts[1:])
    return Spans(*tf.cond(disjoint, lambda: tuple(spans), choose))


class AddedTokenFinder:
    """Matches added tokens and replaces each by one code.

    Args:
        tokens: The `AddedToken`s.
        patterns: The string to match for each.
        numbers: The index of each among all added tokens.
        ignored: Contents of tokens that match, but remain ordinary text.
    """

    def __init__(self, tokens, patterns, numbers, ignored=frozenset()):
        self._matcher = Matcher(patterns)
        self._numbers = np.array(numbers, np.int32)
        self._flags = {
            name: np.array([getattr(token, name) for token in tokens], bool)
            for name in ("single_word", "lstrip", "rstrip")
        }
        self._ignored = np.array([token.content in ignored for token in tokens], bool)
        self._word = CodeSet(character_set("word"))
        self._space = CodeSet(character_set("whitespace"))

    def __call__(self, points):
        """Returns `CodePoints` in which each token is one code and one part."""
        spans = self._matcher(points)

        def put():
            return tuple(self._put(points, self._adjusted(points, spans)))

        found = tf.size(spans.starts) > 0
        return type(points)(*tf.cond(found, put, lambda: tuple(points)))

    def _adjusted(self, points, spans):
        """Drops ignored matches, and extends the others by stripped whitespace."""
        if self._ignored.any():
            spans = spans.keep(~tf.gather(tf.constant(self._ignored), spans.numbers))
        if self._flags["single_word"].any():
            word = self._word(points.codes)
            before = points.previous(word, False)
            after = points.next(word, False)
            inside = tf.gather(before, spans.starts)
            inside |= tf.gather(after, spans.stops - 1)
            spans = spans.keep(~(inside & self._of("single_word", spans)))
        starts, stops = spans.starts, spans.stops
        if not (self._flags["lstrip"].any() or self._flags["rstrip"].any()):
            return spans
        # Where the whitespace around each match ends: at another character, or at the
        # border of the part.
        solid = ~self._space(points.codes)
        left = tf.cast(tf.where(solid | points.begins)[:, 0], tf.int32)
        left = tf.concat([left, left[:1]], axis=0)
        before = tf.maximum(starts - 1, 0)
        at = tf.gather(left, tf.searchsorted(left[:-1], before, side="right") - 1)
        at += tf.cast(tf.gather(solid, at), tf.int32)
        alone = tf.gather(points.begins, starts)
        widened = self._of("rstrip", spans)
        right = tf.cast(tf.where(solid | points.ends)[:, 0], tf.int32)
        right = tf.concat([right, right[-1:]], axis=0)
        until = tf.gather(right, tf.searchsorted(right[:-1], stops))
        until += tf.cast(~tf.gather(solid, until), tf.int32)
        closed = tf.gather(points.ends, stops - 1)
        new_stops = tf.where(widened & ~closed, until, stops)
        previous = tf.concat([[0], new_stops[:-1]], axis=0)[: tf.size(new_stops)]
        new_starts = tf.where(
            self._of("lstrip", spans) & ~alone, tf.maximum(at, previous), starts
        )
        return Spans(new_starts, new_stops, spans.numbers)

    def _of(self, flag, spans):
        return tf.gather(tf.constant(self._flags[flag]), spans.numbers)

    def _put(self, points, spans):
        size = tf.size(points.codes)
        is_start, covered = spans.marks(size), spans.cover(size)
        positions = spans.starts[:, tf.newaxis]
        numbers = tf.gather(tf.constant(self._numbers), spans.numbers)
        codes = tf.tensor_scatter_nd_update(points.codes, positions, LIMIT + numbers)
        last = tf.gather(points.last, spans.stops - 1)
        last = tf.tensor_scatter_nd_update(points.last, positions, last)
        after = Spans(spans.stops, spans.stops, spans.numbers).marks(size)
        points = points._replace(codes=codes, last=last).divide(is_start | after)
        return points.keep(~covered | is_start)
