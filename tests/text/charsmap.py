"""Writes the tables of SentencePiece's normalizer, `precompiled_charsmap`."""

import struct

import numpy as np

from kerasbert.text.character_map import _DoubleArray

_LEAF = np.uint32(1 << 31)


def charsmap(mapping: dict[int, str]) -> bytes:
    """A table that replaces single characters.

    Args:
        mapping: Code point -> what it becomes.
    """
    pool, places = b"", {}
    table = np.zeros(0x110000, np.uint32)  # [code point]; 0: stays
    for code, text in mapping.items():
        if text not in places:
            places[text] = len(pool) + 1
            pool += text.encode() + b"\0"
        table[code] = places[text]
    units = _DoubleArray(table).units
    leaves = (units & _LEAF) != 0
    units[leaves] -= 1
    return struct.pack("<I", units.nbytes) + units.tobytes() + pool
