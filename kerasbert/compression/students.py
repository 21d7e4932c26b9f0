"""Students: smaller models whose weights are taken from a teacher."""

import dataclasses
import pathlib
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasbert.account import quoted
from kerasbert.checkpoints import huggingface, read_checkpoint
from kerasbert.config import AlbertConfig, BertConfig
from kerasbert.tasks.task_files import load

EMBEDDINGS = "embeddings/"
TOKENS = "embeddings/token_embedding/embeddings"


def student_of(
    teacher: Any,
    layers: Sequence[int] | None = None,
    embedding_size: int | None = None,
    repeats: int = 1,
    dtype: str | None = None,
) -> Any:
    """Makes a task with fewer weights, which are some of a teacher's.

    Its head, labels, vocabulary and options are the teacher's.

    Args:
        teacher: A task, such as a `kerasbert.TextEmbedder`.
        layers: The layers of the teacher that the student begins with, from 0, in
            order; None: all. Negative numbers count from the last.
        embedding_size: Width of factorized embeddings: the student is an ALBERT, whose
            tables and projection are the best of that width for the teacher's tokens,
            by singular values. The teacher is a BERT. None: the embeddings are the
            teacher's.
        repeats: With `embedding_size`, the number of layers that share the weights of
            each of `layers`.
        dtype: Dtype policy of the student's encoder, such as `"mixed_bfloat16"`.

    Returns:
        A task of the teacher's class.

    Raises:
        ValueError: If the teacher has no such layer, or is no BERT where its embeddings
            are factorized.

    Example:
        >>> teacher = kerasbert.TextEmbedder.from_pretrained(tiny_bert)
        >>> student = student_of(teacher, layers=[-1])
        >>> student.encoder.config.num_hidden_layers
        1

    Reference:
        [Sanh et al., 2019](https://arxiv.org/abs/1910.01108), section 3, for layers;
        [Lan et al., 2019](https://arxiv.org/abs/1909.11942), section 3.1, for the
        embeddings.
    """
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder) / "task"
        teacher.save(folder)
        checkpoint = read_checkpoint(folder)
        config = checkpoint.config
        layers = checked_layers(layers, config.num_hidden_layers)
        weights = {path: read() for path, read in checkpoint.weights.items()}
        if embedding_size is not None:
            config, weights = _factorized(
                config, weights, layers, embedding_size, repeats
            )
        elif repeats != 1:
            raise ValueError(
                f"Expected repeats=1 without embedding_size, got {repeats}: the layers "
                "of a BERT do not share weights."
            )
        elif isinstance(config, AlbertConfig):
            raise ValueError(
                "Expected a BERT or DistilBERT as the teacher, whose layers have "
                "weights of their own, got an ALBERT."
            )
        else:
            config, weights = _with_layers(config, weights, layers)
        changed = dataclasses.replace(
            checkpoint,
            config=config,
            weights={path: _reader(array) for path, array in weights.items()},
        )
        huggingface.write(changed, folder)
        student = load(folder, dtype)
    for model in (student.model, student.encoder):
        model.source_folder = None  # which is gone
    return student


def checked_layers(layers, count):
    """Returns chosen layers as numbers from 0, in order.

    Example:
        >>> checked_layers([0, -1], 6)
        [0, 5]
    """
    layers = range(count) if layers is None else list(layers)
    valid = all(isinstance(n, int) and -count <= n < count for n in layers)
    numbers = [n % count for n in layers] if valid else []
    if not numbers or numbers != sorted(set(numbers)):
        raise ValueError(
            f"Expected layers from 0 to {count - 1} (the teacher's), in order and each "
            f"once, got {quoted(list(layers), 80)}."
        )
    return numbers


def _reader(array):
    return lambda: array


def _with_layers(config, weights, layers):
    """Returns a config and weights with chosen layers, which are numbered anew."""
    kept = {}
    for path, array in weights.items():
        first, _, rest = path.partition("/")
        if first.startswith("layer_"):
            layer = int(first.removeprefix("layer_"))
            if layer not in layers:
                continue
            path = f"layer_{layers.index(layer)}/{rest}"
        kept[path] = array
    return dataclasses.replace(config, num_hidden_layers=len(layers)), kept


def _factorized(config, weights, layers, size, repeats):
    """Returns the config and weights of an ALBERT."""
    if type(config) is not BertConfig:
        raise ValueError(
            f"Expected a BERT as the teacher of factorized embeddings, got a "
            f"{type(config).__name__.removesuffix('Config')}."
        )
    if not 1 <= size < config.hidden_size or repeats < 1:
        raise ValueError(
            f"Expected an embedding_size from 1 to {config.hidden_size - 1} (below the "
            f"teacher's hidden size) and repeats of 1 or more, got {size} and "
            f"{repeats}."
        )
    config, weights = _with_layers(config, weights, layers)
    fields = {**dataclasses.asdict(config), "num_hidden_layers": len(layers) * repeats}
    albert = AlbertConfig(**fields, embedding_size=size, num_hidden_groups=len(layers))
    found = {}
    for path, array in weights.items():
        first, _, rest = path.partition("/")
        if first.startswith("layer_"):
            first = f"group_{first.removeprefix('layer_')}_inner_0"
        if not path.startswith(EMBEDDINGS):
            found[f"{first}/{rest}"] = array
    return albert, found | _tables(weights, size, config.layer_norm_eps)


def _tables(weights, size, epsilon):
    """Returns narrow embedding tables, and a projection to the teacher's embeddings.

    The tables are those of the largest singular values of the token table; positions
    and segments are projected into the same space. The projection is the linear map
    with the least squared error from the normalized narrow embeddings of all tokens, at
    the mean position, to the teacher's.
    """
    tables = {
        name: weights[f"{EMBEDDINGS}{name}_embedding/embeddings"]
        for name in ("token", "position", "segment")
    }
    _, vectors = np.linalg.eigh(tables["token"].T @ tables["token"])
    basis = vectors[:, ::-1][:, :size]  # [D, E]
    narrow = {name: table @ basis for name, table in tables.items()}

    def of_tokens(tables):
        return tables["token"] + tables["position"].mean(axis=0) + tables["segment"][0]

    wide = _normalized(of_tokens(tables), epsilon)  # [V, D]
    wide = wide * weights["embeddings/norm/gamma"] + weights["embeddings/norm/beta"]
    inputs = _normalized(of_tokens(narrow), epsilon)  # [V, E]
    inputs = np.concatenate([inputs, np.ones((len(inputs), 1), "float32")], axis=1)
    kernel, *_ = np.linalg.lstsq(inputs, wide, rcond=None)  # [E + 1, D]
    return {
        **{
            f"{EMBEDDINGS}{name}_embedding/embeddings": table.astype("float32")
            for name, table in narrow.items()
        },
        "embeddings/norm/gamma": np.ones(size, "float32"),
        "embeddings/norm/beta": np.zeros(size, "float32"),
        "embeddings/projection/kernel": kernel[:-1].astype("float32"),
        "embeddings/projection/bias": kernel[-1].astype("float32"),
    }


def _normalized(rows, epsilon):
    rows = rows - rows.mean(axis=1, keepdims=True)
    return rows / np.sqrt(np.mean(rows**2, axis=1, keepdims=True) + epsilon)
