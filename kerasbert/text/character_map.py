"""Character maps in the format of TF Text's `FastBertNormalize` op.

The op replaces each character by a table's entry in one pass over the bytes, and
returns where each byte came from. The tables that TF Text ships are not those of BERT;
this module writes custom ones.

Reference:
    Darts-clone, the double-array trie that the op reads
    (https://github.com/s-yata/darts-clone).
"""

import flatbuffers
import numpy as np

_DIFFERENT = 1 << 30  # the character does not stay as it is
_LEAF = 1 << 31
_HAS_LEAF = 1 << 8
_LONGEST = 63  # bytes; the op keeps lengths in six bits


def build_character_map(mapping: dict[int, str]) -> np.ndarray:
    """Serializes a character map for `tensorflow_text.FastBertNormalizer`.

    Replacements have at most 63 bytes; characters that are not in the map are
    unchanged.
    """
    pool, values = _pool(mapping)
    codes = np.fromiter(mapping.keys(), np.int64, len(mapping))
    table = np.zeros(0x110000, np.uint32)  # [code point]; 0: stays
    table[codes] = values
    return _serialise(_DoubleArray(table).units, int(table[0]), bytes(pool))


def _pool(mapping: dict[int, str]) -> tuple[bytearray, list[int]]:
    """Concatenates the distinct replacements; returns them and the entries."""
    pool, encoded, values = bytearray(), {}, []
    for code, text in mapping.items():
        value = encoded.get(text)
        if value is None:
            data = text.encode("utf-8")
            if len(data) > _LONGEST:
                raise ValueError(
                    f"Expected at most {_LONGEST} bytes for U+{code:04X}, got "
                    f"{len(data)}."
                )
            value = _DIFFERENT | len(pool) << 6 | len(data)
            encoded[text] = value
            pool += data
        values.append(value)
    return pool, values


class _DoubleArray:
    """The trie of UTF-8 bytes. The child of unit `p` by byte `b` is `p ^ offset ^ b`.

    Units come in groups of 256. Trailing bytes are 0x80-0xBF, so the children of a node
    fill the third or fourth quarter of a group; leaves fill the first two. Equal
    branches are stored once.
    """

    def __init__(self, table: np.ndarray):
        self._table = table.reshape(-1, 64)  # [block of one last byte, 64]
        self._branches: list[np.ndarray] = []  # children of a node, less the offsets
        self._seen: dict[bytes, int] = {}
        distinct = [value for value in np.unique(table) if value]
        root = [(lead, branch) for lead, branch in self._leads() if branch is not None]
        groups = 2 + max((len(self._branches) + 1) // 2, -(-len(distinct) // 128))
        self.units = np.zeros(groups * 256, np.uint32)
        slots = (np.arange(2, groups)[:, None] * 256 + np.arange(128)).ravel()
        self._leaves = dict(zip(distinct, slots.tolist(), strict=False))
        for value, slot in self._leaves.items():
            self.units[slot] = _LEAF | value
        for number, children in enumerate(self._branches):
            self._place(self._base(number), 0x80, children)
        self.units[0] = 256 << 10
        self._place(256, 0, np.where(np.arange(128), table[:128], 0))
        for lead, branch in root:
            position = 256 ^ lead
            self.units[position] = lead | (position ^ self._base(branch)) << 10

    def _leads(self):
        """Yields the lead bytes of multi-byte characters with their branches."""
        for block in range(2, 32):
            yield 0xC0 | block, self._terminal(block)
        for lead in range(16):
            blocks = range(max(lead << 6, 32), (lead + 1) << 6)
            yield 0xE0 | lead, self._inner(blocks, self._terminal)
        for lead in range(5):
            middles = range(max(lead << 6, 16), min((lead + 1) << 6, 272))
            yield 0xF0 | lead, self._inner(middles, self._middle)

    def _middle(self, middle: int) -> int | None:
        return self._inner(range(middle << 6, (middle + 1) << 6), self._terminal)

    def _terminal(self, block: int) -> int | None:
        return self._branch(self._table[block].astype(np.int64))

    def _inner(self, numbers: range, child) -> int | None:
        children = np.zeros(64, np.int64)
        for number in numbers:
            branch = child(number)
            # Negative: a branch; positive: a value; zero: nothing.
            children[number & 63] = 0 if branch is None else -1 - branch
        return self._branch(children)

    def _branch(self, children: np.ndarray) -> int | None:
        if not children.any():
            return None
        key = children.tobytes()
        if key not in self._seen:
            self._seen[key] = len(self._branches)
            self._branches.append(children)
        return self._seen[key]

    @staticmethod
    def _base(branch: int) -> int:
        return (2 + branch // 2) * 256 + 64 * (branch % 2)

    def _place(self, base: int, first: int, children: np.ndarray) -> None:
        for label in np.flatnonzero(children).tolist():
            child, byte = int(children[label]), first | label
            position = base ^ byte
            if child < 0:
                unit = (position ^ self._base(-1 - child)) << 10
            else:
                unit = (position ^ self._leaves[child]) << 10 | _HAS_LEAF
            self.units[position] = unit | byte


def _serialise(units: np.ndarray, zero: int, pool: bytes) -> np.ndarray:
    builder = flatbuffers.Builder(units.nbytes + len(pool) + 128)
    strings = builder.CreateByteVector(pool or b"\0")
    trie = builder.CreateNumpyVector(units)
    builder.StartObject(4)  # lower_case (unused), trie, value of U+0000, strings
    builder.PrependUOffsetTRelativeSlot(1, trie, 0)
    builder.PrependInt32Slot(2, zero, 0)
    builder.PrependUOffsetTRelativeSlot(3, strings, 0)
    builder.Finish(builder.EndObject())
    return np.frombuffer(bytes(builder.Output()), np.uint8)
