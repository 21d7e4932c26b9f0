"""Projections of embeddings: an interactive page, and TensorBoard's projector."""

import os
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np

from kerasbert.files import write_atomically
from kerasbert.visualize.output import Page, make_page

CONFIG = """\
embeddings {
  tensor_name: "embeddings"
  tensor_path: "vectors.tsv"
  metadata_path: "metadata.tsv"
}
"""


def principal_components(vectors, count=3):
    """Projects vectors onto their principal components.

    Returns the coordinates, float64 `[n, count]`, and the explained variance ratios;
    fewer where the vectors have fewer components.

    Example:
        >>> points, shares = principal_components([[0, 0], [3, 4], [6, 8]], count=1)
        >>> points.round(6).tolist(), shares.round(6).tolist()
        ([[-5.0], [0.0], [5.0]], [1.0])
    """
    vectors = _checked(vectors)
    centred = vectors - vectors.mean(axis=0)
    left, scales, right = np.linalg.svd(centred, full_matrices=False)
    # Fix the sign of each component: its largest coefficient is positive.
    signs = np.sign(right[np.arange(len(right)), np.abs(right).argmax(axis=1)])
    coordinates = left * scales * signs  # [n, min(n, D)]
    total = max(np.sum(scales**2), np.finfo(float).tiny)
    return coordinates[:, :count], scales[:count] ** 2 / total


def projection_html(
    vectors: np.ndarray | Sequence,
    labels: Sequence | None = None,
    texts: Sequence[str] | None = None,
    title: str = "Vectors",
) -> Page:
    """Creates an interactive 3-D page of vectors on their principal components.

    The page is a single file that needs no network. Points are colored by label; labels
    can be hidden one by one.

    Args:
        vectors: float array `[n, D]`, such as the result of `TextEmbedder.encode`.
        labels: Class of each vector, a string or number; None is a single class.
        texts: Text of each vector, shown on hover; None shows the labels.
        title: Title of the page.

    Returns:
        A `Page`: a string with `save(path)`, which notebooks display.

    Raises:
        ValueError: If there are no vectors, one is not finite, or the numbers of labels
            or texts differ.
    """
    coordinates, shares = principal_components(vectors)
    largest = max(np.abs(coordinates).max(), np.finfo(float).tiny)
    unit = np.zeros((len(coordinates), 3))
    unit[:, : coordinates.shape[1]] = coordinates / largest
    labels = _column("labels", labels, len(unit))
    texts = _column("texts", texts, len(unit))
    names = [] if labels is None else sorted(set(labels), key=labels.index)
    data = {
        "title": title,
        "points": unit.round(4).tolist(),
        "shares": shares.round(4).tolist(),
        "names": names,
        "groups": [0] * len(unit) if labels is None else list(map(names.index, labels)),
        "texts": texts or labels or list(map(str, range(len(unit)))),
    }
    return make_page("projection", title, data)


def write_tensorboard_projector(
    folder: str | os.PathLike,
    vectors: np.ndarray | Sequence,
    labels: Sequence | Mapping | None = None,
) -> None:
    """Writes vectors for TensorBoard's projector: `tensorboard --logdir FOLDER`.

    Args:
        folder: The folder; other files in it are unchanged.
        vectors: float array `[n, D]`.
        labels: Label of each vector, or a dictionary of columns; None is their index.

    Raises:
        ValueError: If there are no vectors, one is not finite, or the numbers of labels
            differ.

    Example:
        >>> import tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> write_tensorboard_projector(folder, [[0.5, 2.0]], ["hello"])
        >>> (folder / "vectors.tsv").read_text().split()
        ['0.5', '2']
    """
    vectors = _checked(vectors)
    if not isinstance(labels, dict):
        rows = [[label] for label in _column("labels", labels, len(vectors)) or ()]
        rows = rows or [[str(number)] for number in range(len(vectors))]
    else:
        columns = [_column(name, c, len(vectors)) for name, c in labels.items()]
        rows = list(zip(*columns, strict=True))
        if len(labels) > 1:  # a single column has no head
            rows.insert(0, list(labels))
    files = {
        "vectors.tsv": [[f"{x:.9g}" for x in row] for row in vectors.tolist()],
        "metadata.tsv": [[" ".join(str(x).split()) for x in row] for row in rows],
    }
    folder = pathlib.Path(folder)
    for name, lines in files.items():
        text = "".join("\t".join(line) + "\n" for line in lines)
        _write(folder / name, text)
    _write(folder / "projector_config.pbtxt", CONFIG)


def _write(path, text):
    with write_atomically(path) as partial:
        partial.write_text(text, encoding="utf-8")


def _checked(vectors):
    vectors = np.asarray(vectors, "float64")
    if vectors.ndim != 2 or not vectors.size:
        raise ValueError(
            f"Expected vectors of shape [n, D], got shape {vectors.shape}."
        )
    if not np.isfinite(vectors).all():
        row = int(np.argwhere(~np.isfinite(vectors))[0, 0])
        raise ValueError(f"Expected finite numbers, got NaN or infinity in row {row}.")
    return vectors


def _column(name, values, count):
    if values is None:
        return None
    values = [str(value) for value in values]
    if len(values) != count:
        raise ValueError(f"Expected {count} {name}, one per vector, got {len(values)}.")
    return values
