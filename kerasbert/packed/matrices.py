"""Packed matrices in safetensors files.

A matrix NAME is stored as `NAME.packed`, uint8, and `NAME.scale`, float32 with a number
a row; the metadata of the file says how many bits and columns it has. `rounding` has
the arithmetic.
"""

import dataclasses
import json
import math

import numpy as np

from kerasbert.account import quoted
from kerasbert.packed.rounding import (
    BITS,
    integers_of,
    largest,
    pack,
    packed_columns,
    scales_of,
    unpack,
)

METADATA = "kerasbert.packed"
PACKED, SCALE = ".packed", ".scale"


@dataclasses.dataclass(frozen=True)
class PackedMatrix:
    """A matrix of a file, before it is read.

    Args:
        name: Its name.
        bits: Bits of an integer.
        rows: Number of rows, each with a scale.
        columns: Number of columns.
        error: Root mean square error of the rounding, relative to the weights that
            were rounded; 0 where these were rounded before.
    """

    name: str
    bits: int
    rows: int
    columns: int
    error: float

    @property
    def shape(self):
        """The shape of the matrix."""
        return self.rows, self.columns

    @property
    def note(self):
        """What the ledger tells."""
        return f"{self.bits} bits, a scale a row, rounding error {self.error:.2%}"

    def unpacked(self, read):
        """Reads the matrix, float32 `[rows, columns]`.

        Args:
            read: From the name of a tensor to its array.

        Raises:
            ValueError: If a scale or an integer is invalid.
        """
        return self.integers(read) * self.scales(read)[:, None]

    def packed(self, read):
        """Reads the packed integers, uint8."""
        return read(self.name + PACKED)

    def scales(self, read):
        """Reads the scales, float32 `[rows]`."""
        scales = read(self.name + SCALE)
        if not np.all(np.isfinite(scales) & (scales > 0)):
            row = int(np.flatnonzero(~(np.isfinite(scales) & (scales > 0)))[0])
            raise ValueError(
                f"{quoted(self.name + SCALE)} is {scales[row]} in row {row}, and a "
                "scale is above 0 and finite"
            )
        return scales

    def integers(self, read):
        """Reads the integers, int8 `[rows, columns]`."""
        integers = unpack(self.packed(read), self.bits, self.columns)
        if integers.size and integers.max() > largest(self.bits):
            raise ValueError(
                f"{quoted(self.name + PACKED)} holds the integer {integers.max()}, and "
                f"those of {self.bits} bits end at {largest(self.bits)}"
            )
        return integers


def packed_matrices(metadata, tensors):
    """Returns the packed matrices of a file, by name.

    Args:
        metadata: The metadata of the file, or None.
        tensors: From the names of its tensors to pairs of dtype and shape.

    Raises:
        ValueError: If the tensors are not those that the metadata describes.
    """
    if METADATA not in (metadata or {}):
        return {}
    try:
        described = json.loads(metadata[METADATA])
        return {
            name: _matrix(name, about, tensors) for name, about in described.items()
        }
    except (json.JSONDecodeError, RecursionError, AttributeError, TypeError, KeyError):
        raise ValueError(
            f"{METADATA} in its metadata does not describe matrices with bits, columns "
            "and error"
        ) from None


def packed(name, matrix, bits):
    """Rounds and packs a matrix.

    Args:
        name: Its name.
        matrix: Finite float32 `[R, C]`.
        bits: Bits of an integer.

    Returns:
        The two tensors by name, and the description for the metadata.
    """
    scales = scales_of(matrix, bits)
    integers = integers_of(matrix, scales, bits)
    error = np.linalg.norm(integers * scales[:, None] - matrix)
    about = {
        "bits": bits,
        "columns": matrix.shape[1],
        "error": float(error / max(np.linalg.norm(matrix), np.finfo("float32").tiny)),
    }
    return {name + PACKED: pack(integers, bits), name + SCALE: scales}, about


def _matrix(name, about, tensors):
    bits, columns, error = about["bits"], about["columns"], about["error"]
    if type(bits) is not int or bits not in BITS:
        raise ValueError(
            f"{quoted(name)} has {quoted(bits)} bits, expected {BITS[0]} to {BITS[-1]}"
        )
    if type(columns) is not int or columns < 1:
        raise ValueError(f"{quoted(name)} has {quoted(columns)} columns")
    if not isinstance(error, int | float) or not 0 <= error < math.inf:
        raise ValueError(f"{quoted(name)} has the rounding error {quoted(error)}")
    if name in tensors:
        raise ValueError(f"it holds {quoted(name)} both packed and not")
    for part in (PACKED, SCALE):
        if name + part not in tensors:
            raise ValueError(f"{quoted(name + part)} is missing")
    _, shape = tensors[name + PACKED]
    rows = shape[0] if len(shape) == 2 else None
    for part, expected in (
        (PACKED, ("U8", (rows, packed_columns(columns, bits)))),
        (SCALE, ("F32", (rows,))),
    ):
        if tensors[name + part] != expected:
            found = " ".join(map(str, tensors[name + part]))
            raise ValueError(
                f"{quoted(name + part)} is {found}, and {columns} columns of {bits} "
                f"bits make it {expected[0]} {expected[1]}"
            )
    return PackedMatrix(name, bits, rows, columns, float(error))
