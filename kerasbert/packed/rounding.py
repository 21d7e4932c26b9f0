"""Rounding of matrices to integers of a few bits, with a scale a row.

A row is `integers * scale` in float32, exactly: integers have at most 8 bits and the
significand of a scale 11. Rows that are such products already are not rounded again.
"""

import numpy as np

from kerasbert.account import listed, quoted

BITS = (4, 5, 6, 7, 8)
GROUP = 8  # integers that are packed together, into as many bytes as each has bits
CLIPS = np.linspace(0.4, 1.0, 25)  # of the largest value of a row
CHUNK = 4096  # rows that are rounded at once
PROBED = 16  # values of a row by which most scales are excluded


def largest(bits):
    """Returns the largest integer of a number of bits; the smallest is its negative.

    Example:
        >>> largest(4)
        7
    """
    return 2 ** (bits - 1) - 1


def scales_of(rows, bits):
    """Returns the scale of each row with the least squared error of rounding.

    Args:
        rows: Finite float32 `[R, C]`.
        bits: Bits of an integer.

    Returns:
        float32 `[R]`, above 0.

    Example:
        >>> scales_of(np.array([[0.5, -3.5, 1.0]], "float32"), 4).tolist()
        [0.5]
    """
    found = [
        _scales(np.ascontiguousarray(rows[start : start + CHUNK], "float32"), bits)
        for start in range(0, len(rows), CHUNK)
    ]
    return np.concatenate([np.empty(0, "float32"), *found])


def integers_of(rows, scales, bits):
    """Returns the nearest integers, int8 `[R, C]`.

    Example:
        >>> integers_of(np.array([[0.6, -9.0]]), np.array([0.5]), 4).tolist()
        [[1, -7]]
    """
    integers = np.rint(rows / scales[:, None])
    return np.clip(integers, -largest(bits), largest(bits)).astype("int8")


def pack(integers, bits):
    """Packs integers to bytes.

    Eight integers of a row share `bits` bytes, the first one in the lowest bits; rows
    are filled up with zeros to a multiple of eight.

    Args:
        integers: int8 `[R, C]`.
        bits: Bits of an integer.

    Returns:
        uint8 `[R, ceil(C / 8) * bits]`.

    Example:
        >>> pack(np.array([[-7, 7, 0, 1]], "int8"), 4).tolist()
        [[224, 135, 119, 119]]
    """
    rows, columns = integers.shape
    groups = -(-columns // GROUP)
    values = np.zeros((rows, groups * GROUP), "uint8")
    values[:, :columns] = integers
    values = (values + np.uint8(largest(bits))).reshape(rows, groups, GROUP)
    packed = np.zeros((rows, groups, bits), "uint8")
    for place in range(GROUP):
        byte, shift = divmod(place * bits, 8)
        wide = values[:, :, place].astype("uint16") << shift
        packed[:, :, byte] |= wide.astype("uint8")
        if shift + bits > 8:
            packed[:, :, byte + 1] |= (wide >> 8).astype("uint8")
    return packed.reshape(rows, groups * bits)


def packed_columns(columns, bits):
    """Returns the number of bytes of a packed row.

    Example:
        >>> packed_columns(4, bits=4), packed_columns(384, bits=6)
        (4, 288)
    """
    return -(-columns // GROUP) * bits


def unpack(packed, bits, columns):
    """Returns the integers that `pack` packed, int8 `[R, columns]`.

    Example:
        >>> unpack(np.array([[224, 135, 119, 119]], "uint8"), 4, 4).tolist()
        [[-7, 7, 0, 1]]
    """
    rows = len(packed)
    packed = packed.reshape(rows, -1, bits)
    values = np.empty((rows, packed.shape[1], GROUP), "uint8")
    mask = np.uint8(2**bits - 1)
    for place in range(GROUP):
        byte, shift = divmod(place * bits, 8)
        found = packed[:, :, byte] >> np.uint8(shift)
        if shift + bits > 8:
            found |= packed[:, :, byte + 1] << np.uint8(8 - shift)
        values[:, :, place] = found & mask
    values -= np.uint8(largest(bits))
    return values.reshape(rows, -1)[:, :columns].view("int8")


def _scales(rows, bits):
    top = np.abs(rows).max(axis=1)  # [R]
    scales = _exact_scales(rows, top, bits)
    left = np.flatnonzero(scales == 0)
    rows, top = rows[left], top[left]
    least = np.full(len(left), np.inf, "float32")
    for clip in CLIPS:
        tried = _short(top * np.float32(clip / largest(bits)))
        error = rows - integers_of(rows, tried, bits) * tried[:, None]
        error = np.einsum("rc,rc->r", error, error)
        better = error < least
        least[better] = error[better]
        scales[left[better]] = tried[better]
    return scales


def _exact_scales(rows, top, bits):
    """Returns the scales of rows that are rounded already, 0 for the others."""
    scales = np.where(top == 0, np.float32(1), np.float32(0))
    for integer in range(largest(bits), 0, -1):
        left = np.flatnonzero(scales == 0)
        tried = _short(top[left] / np.float32(integer))
        for columns in (PROBED, None):
            some = rows[left, :columns]
            same = integers_of(some, tried, bits) * tried[:, None] == some
            fits = same.all(axis=1)
            left, tried = left[fits], tried[fits]
        scales[left] = tried
    return scales


def _short(scales):
    """Rounds scales to a significand of 11 bits, away from 0."""
    tiny = np.finfo("float32").tiny
    bits = np.maximum(scales.astype("float32"), tiny).view("uint32")
    return ((bits + np.uint32(0x1000)) & np.uint32(0xFFFFE000)).view("float32")


def checked_bits(bits):
    """Returns the bits of weights as a dictionary from parts of their paths.

    Raises a `ValueError` if they are no such dictionary, nor a single number.

    Example:
        >>> checked_bits(6)
        {'': 6}
    """
    bits = bits if isinstance(bits, dict) else {"": bits}
    for part, number in bits.items():
        if not isinstance(part, str) or type(number) is not int or number not in BITS:
            raise ValueError(
                "Expected bits to be a number from 4 to 8, or one for parts of the "
                'paths of weights, such as {"token_embedding": 4, "kernel": 6}, got '
                f"{quoted(bits, 80)}."
            )
    return bits


def check_parts(bits, paths):
    """Raises a `ValueError` if the bits are of a part that no path has."""
    for part in bits:
        if not any(part in path and bits_of(path, bits) for path in paths):
            kinds = sorted({"/".join(path.split("/")[-2:]) for path in paths})
            raise ValueError(
                f"Expected bits for parts of the paths of weights, got {part!r}, which "
                f"no kernel or table has in its path. Paths end in {listed(kinds)}."
            )


def bits_of(path, bits):
    """Returns the bits of a weight by its path, or None: it is not rounded.

    Kernels and embedding tables are rounded; the first part that a path has tells.

    Example:
        >>> bits = {"token_embedding": 4, "kernel": 6}
        >>> bits_of("layer_0/attention/query/kernel", bits)
        6
        >>> bits_of("layer_0/attention/query/bias", {"": 6}) is None
        True
    """
    if not path.endswith(("/kernel", "/embeddings")):
        return None
    return next((number for part, number in bits.items() if part in path), None)
