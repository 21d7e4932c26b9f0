"""SentencePiece's precompiled character map, applied like `tokenizers` does.

`tokenizers` looks up grapheme clusters of up to five bytes as a whole: if a cluster
starts with a key of the map, the whole cluster is replaced by the value. Other clusters
are looked up character by character.

Reference:
    Kudo and Richardson, SentencePiece (https://arxiv.org/abs/1808.06226), section 3.2.
    Unicode Standard Annex #29, Unicode Text Segmentation.

Shapes: N code points, G grapheme clusters.
"""

import struct

import numpy as np
import tensorflow as tf

from kerasbert.text.characters import character_set
from kerasbert.text.code_points import (
    CharacterMap,
    CodePoints,
    CodeSet,
    CodeTable,
    Expansion,
)

_LONGEST = 5  # bytes of a cluster that is looked up as a whole
_MOST_NODES = 1 << 20
_CR, _LF = 0x0D, 0x0A


def read_charsmap(data, where="the table of characters"):
    """Parses a `precompiled_charsmap` to a dictionary with keys of up to five bytes.

    Raises a `ValueError` that names `where` if the bytes are not such a map.
    """
    broken = ValueError(
        f"Expected a precompiled_charsmap of SentencePiece in {where}, but its "
        f"{len(data)} bytes are not one. Is the file complete?"
    )
    if len(data) < 4:
        raise broken
    [size] = struct.unpack("<I", data[:4])
    if size % 4 or not size or 4 + size > len(data):
        raise broken
    units = np.frombuffer(data[4 : 4 + size], "<u4").astype(np.int64)
    pool = data[4 + size :]
    entries = {}
    keys, nodes = np.zeros(1, np.int64), _offset(units[:1])
    for length in range(1, _LONGEST + 1):
        keys, nodes, leaves = _children(units, keys, nodes)
        if len(nodes) > _MOST_NODES or (leaves >= len(units)).any():
            raise broken
        for key, leaf in zip(keys.tolist(), leaves.tolist(), strict=True):
            if leaf < 0:
                continue
            start = int(units[leaf] & 0x7FFFFFFF)
            end = pool.find(b"\0", start)
            if end < 0:
                raise broken
            entries[key.to_bytes(length, "big")] = pool[start:end]
    try:
        return {key.decode(): value.decode() for key, value in entries.items()}
    except UnicodeDecodeError:
        raise broken from None


def _children(units, keys, nodes):
    """Returns the children of trie nodes: their keys, nodes, and leaves or -1."""
    found = []
    for start in range(0, len(nodes), 4096):
        chunk = slice(start, start + 4096)
        positions = nodes[chunk, None] ^ np.arange(1, 256)
        inside = np.minimum(positions, len(units) - 1)
        mine = (units[inside] & 0x800000FF) == np.arange(1, 256)
        rows, bytes_ = np.nonzero(mine & (positions < len(units)))
        positions = positions[rows, bytes_]
        unit = units[positions]
        children = positions ^ _offset(unit)
        leaves = np.where(unit >> 8 & 1, children, -1)
        found.append((keys[chunk][rows] << 8 | bytes_ + 1, children, leaves))
    return [np.concatenate(columns) for columns in zip(*found, strict=True)]


def _offset(unit):
    return (unit >> 10) << ((unit & (1 << 9)) >> 6)


class Charsmap:
    """Applies the entries that `read_charsmap` returns."""

    def __init__(self, entries):
        single = {ord(text): value for text, value in entries.items() if len(text) == 1}
        self._single = CharacterMap(single)
        # Of two entries with a common prefix, the shorter one matches.
        several = {
            text: value
            for text, value in entries.items()
            if len(text) > 1
            and not any(text[:n] in entries for n in range(1, len(text)))
        }
        texts = sorted(several, key=_key)
        self._keys = np.array([_key(text) for text in texts] or [0], np.int64)
        self._single_rows = CodeTable({c: i for i, c in enumerate(single, start=1)})
        self._several_rows = 1 + len(single)
        self._expand = Expansion(
            ["\0", *single.values(), *(several[text] for text in texts)]
        )
        self._extends = CodeSet(character_set("extend"))
        self._prepends = CodeSet(character_set("prepend"))
        self._parted = CodeSet(character_set("parted"))

    def __call__(self, points):
        """Returns the mapped `CodePoints`."""
        codes = points.codes
        extends, prepends = self._extends(codes), self._prepends(codes)
        clusters = tf.reduce_any(extends | prepends | (codes == _CR))
        return CodePoints(
            *tf.cond(
                clusters,
                lambda: tuple(self._by_cluster(points, extends, prepends)),
                lambda: tuple(self._single(points)),
            )
        )

    def _by_cluster(self, points, extends, prepends):
        codes = points.codes
        parted = self._parted(codes)
        joined = extends & ~points.previous(parted, True)
        joined |= points.previous(prepends, False) & ~parted
        joined |= (codes == _LF) & (points.previous(codes) == _CR)
        begins = points.begins | ~joined
        numbers = tf.cumsum(tf.cast(begins, tf.int32)) - 1
        count = tf.reduce_sum(tf.cast(begins, tf.int32))  # G
        sizes = 1 + sum(
            tf.cast(codes >= least, tf.int32) for least in (128, 2048, 65536)
        )
        size = tf.math.unsorted_segment_sum(sizes, numbers, count)  # [G]
        length = tf.math.unsorted_segment_sum(tf.ones_like(codes), numbers, count)
        first = tf.cast(tf.where(begins)[:, 0], tf.int32)  # [G]
        rows = self._single_rows(codes)  # [N]
        whole = (length > 1) & (size <= _LONGEST)
        alone = whole & (tf.gather(rows, first) > 0)
        row = tf.where(whole & ~alone, self._several(codes, first, length), 0)
        shortened = alone | (row > 0)
        rows = tf.tensor_scatter_nd_update(
            rows,
            first[:, tf.newaxis],
            tf.where(row > 0, row, tf.gather(rows, first)),
        )
        last = first + tf.where(shortened, length - 1, 0)
        last = tf.tensor_scatter_nd_update(
            points.last, first[:, tf.newaxis], tf.gather(points.last, last)
        )
        kept = tf.where(begins | ~tf.gather(shortened, numbers))[:, 0]
        kept_points = points._replace(last=last).take(kept)
        return self._expand(kept_points, tf.gather(rows, kept))

    def _several(self, codes, first, length):
        """Returns the index of the two- or three-character entry of each cluster.

        int32 `[G]`, 0 if there is none.
        """

        def key(characters):
            total = tf.zeros_like(first, tf.int64)
            for step in range(characters):
                position = tf.minimum(first + step, tf.size(codes) - 1)
                code = tf.cast(tf.gather(codes, position), tf.int64)
                total += tf.where(
                    length > step,
                    tf.bitwise.left_shift(code, tf.constant(21 * step, tf.int64)),
                    0,
                )
            return total

        row = tf.zeros_like(first)
        for characters in (3, 2):  # the shorter one counts
            wanted = key(characters)
            found = tf.searchsorted(tf.constant(self._keys), wanted)
            found = tf.minimum(found, len(self._keys) - 1)
            known = tf.gather(tf.constant(self._keys), found) == wanted
            known &= (wanted > 0) & (length >= characters)
            row = tf.where(known, found + self._several_rows, row)
        return row


def _key(text):
    return sum(
        ord(character) << (21 * position) for position, character in enumerate(text)
    )
