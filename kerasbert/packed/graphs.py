"""LiteRT models without their weights, which are filled in from packed matrices.

The bytes of a model hold every matrix in one piece, row by row in float32. `cut` takes
them out and keeps where they were; `filled` puts them back, so that the model is the
same to the byte.
"""

import dataclasses
import math

import numpy as np

from kerasbert.packed.matrices import packed_matrices
from kerasbert.packed.rounding import unpack

FLOAT_BYTES = 4


@dataclasses.dataclass(frozen=True)
class Hole:
    """A place where the bytes of a matrix belong.

    Args:
        offset: The first byte.
        name: The name of the matrix.
        factor: The name of a vector by which its columns are multiplied, or None.
    """

    offset: int
    name: str
    factor: str | None


def cut(content, matrices, vectors):
    """Cuts matrices out of the bytes of a model.

    Args:
        content: The bytes.
        matrices: From names to float32 `[R, C]`.
        vectors: From names to float32 `[C]`; the converter multiplies a kernel by the
            scale of the layer normalization before it.

    Returns:
        The bytes that are left, and the `Hole`s in order.

    Raises:
        ValueError: If a matrix is not there.
    """
    holes = []
    for name, matrix in matrices.items():
        factors = [n for n, v in vectors.items() if len(v) == matrix.shape[1]]
        for factor in (None, *factors):
            found = matrix if factor is None else matrix * vectors[factor]
            found = np.ascontiguousarray(found).tobytes()
            if offsets := _places(content, found):
                break
        if not offsets:
            raise ValueError(
                f"Expected the weights {name} in the LiteRT model, where the converter "
                "has changed them. Export it without bits."
            )
        holes += [(each, len(found), Hole(each, name, factor)) for each in offsets]
    holes.sort(key=lambda hole: hole[0])
    left, end = [], 0
    for offset, size, _ in holes:
        left.append(content[end:offset])
        end = offset + size
    left.append(content[end:])
    return b"".join(left), [hole for *_, hole in holes]


def _places(content, part):
    """Returns the offsets at which bytes stand in others, aligned, without overlap."""
    offsets, start = [], 0
    while (offset := content.find(part, start)) >= 0:
        aligned = offset % FLOAT_BYTES == 0
        offsets += [offset] if aligned else []
        start = offset + (len(part) if aligned else 1)
    return offsets


def filled(left, holes, weights):
    """Returns the bytes of a model.

    Args:
        left: What `cut` left.
        holes: The `Hole`s, in order.
        weights: `PackedWeights`.

    Returns:
        A `bytearray`.

    Raises:
        ValueError: If the holes are not those of these bytes.
    """
    sizes = [FLOAT_BYTES * math.prod(weights.matrices[h.name].shape) for h in holes]
    content = bytearray(len(left) + sum(sizes))
    view, at, end = np.frombuffer(content, "uint8"), 0, 0
    source = np.frombuffer(left, "uint8")
    for hole, size in zip(holes, sizes, strict=True):
        gap = hole.offset - end
        if gap < 0 or at + gap > len(left) or hole.offset % FLOAT_BYTES:
            raise ValueError(f"a hole at {hole.offset} bytes does not fit")
        view[end : hole.offset] = source[at : at + gap]
        at, end = at + gap, hole.offset + size
        shape = weights.matrices[hole.name].shape
        target = view[hole.offset : end].view("float32").reshape(shape)
        weights.unpack_into(target, hole.name)
        if hole.factor is not None:
            target *= weights.vector(hole.factor, shape[1])
    view[end:] = source[at:]
    return content


class PackedWeights:
    """The packed matrices of a safetensors file.

    Args:
        file: The file.

    Raises:
        ValueError: If its tensors are not those that its metadata describes.
    """

    def __init__(self, file):
        import safetensors

        self._tensors = safetensors.safe_open(file, framework="numpy")
        names = self._tensors.keys()
        found = {
            name: (part.get_dtype(), tuple(part.get_shape()))
            for name in names
            for part in [self._tensors.get_slice(name)]
        }
        self._shapes = {name: shape for name, (_, shape) in found.items()}
        self.matrices = packed_matrices(self._tensors.metadata(), found)

    def unpack_into(self, target, name):
        """Unpacks a matrix into an array of its shape."""
        matrix = self.matrices[name]
        np.multiply(
            matrix.integers(self._tensors.get_tensor),
            matrix.scales(self._tensors.get_tensor)[:, None],
            out=target,
        )

    def vector(self, name, size):
        """Returns a vector that is not packed, float32 `[size]`."""
        if self._shapes.get(name) != (size,):
            raise ValueError(f"it holds no vector {name} of {size} numbers")
        return self._tensors.get_tensor(name)

    def table(self, name):
        """Returns a `PackedTable`."""
        return PackedTable(self.matrices[name], self._tensors.get_tensor)


class PackedTable:
    """An embedding table of which single rows are unpacked.

    Args:
        matrix: The `PackedMatrix`.
        read: From the name of a tensor to its array.
    """

    def __init__(self, matrix, read):
        self._matrix = matrix
        self._packed = matrix.packed(read)
        self._scales = matrix.scales(read)

    def rows(self, numbers):
        """Returns rows by their numbers, float32 `[n, C]`."""
        integers = unpack(
            self._packed[numbers], self._matrix.bits, self._matrix.columns
        )
        return integers * self._scales[numbers][:, None]
