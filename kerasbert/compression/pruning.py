"""Which attention heads and layers a task can do without."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerasbert.account import quoted
from kerasbert.compression.students import student_of


def pruning_costs(
    task: Any, score: Callable[[Any], float], what: str = "heads"
) -> np.ndarray:
    """Measures what a task loses with each attention head, or each layer, removed.

    Args:
        task: A task on an encoder whose layers have weights of their own. Its weights
            are the same afterwards.
        score: A function from a task to how good it is, the higher the better, such as
            `lambda task: task.evaluate(texts, labels)["accuracy"]`.
        what: `"heads"` or `"layers"`.

    Returns:
        The score of the task less that without the part, float64: `[L, N]` of heads,
        `[L]` of layers. A negative cost is a gain.

    Raises:
        ValueError: If there is nothing of the kind to remove.

    Example:
        >>> embedder = kerasbert.TextEmbedder.from_pretrained(tiny_bert)
        >>> costs = pruning_costs(
        ...     embedder, lambda task: float(task.encode(["hello"])[0, 0]))
        >>> costs.shape
        (3, 4)

    Reference:
        [Michel et al., 2019](https://arxiv.org/abs/1905.10650), section 3.
    """
    if what not in ("heads", "layers"):
        raise ValueError(f'Expected "heads" or "layers", got {quoted(what)}.')
    config = task.encoder.config
    whole = float(score(task))
    if what == "layers":
        layers = range(config.num_hidden_layers)
        if len(layers) < 2:
            raise ValueError("Expected two layers or more, to leave one, got 1.")
        without = (
            student_of(task, [n for n in layers if n != layer]) for layer in layers
        )
        return np.array([whole - float(score(one)) for one in without])
    _own_blocks(task.encoder)
    costs = np.empty((config.num_hidden_layers, config.num_attention_heads))
    for layer, head in np.ndindex(*costs.shape):
        kernel = _output_kernel(task.encoder, layer)
        before = np.array(kernel)
        try:
            prune_heads(task, [(layer, head)])
            costs[layer, head] = whole - float(score(task))
        finally:
            kernel.assign(before)
    return costs


def prune_heads(task: Any, heads: Sequence[tuple[int, int]]) -> None:
    """Removes attention heads of a task in place: what they output becomes 0.

    Shapes stay, and with them the time that a step takes: a pruned head is a part that
    further training may do without, or that another implementation may leave out.
    Layers are removed by `student_of(task, layers)`, which saves their time.

    Args:
        task: A task on an encoder whose layers have weights of their own.
        heads: Pairs of a layer and a head, from 0.

    Raises:
        ValueError: If there is no such head, or layers share their weights.

    Example:
        >>> embedder = kerasbert.TextEmbedder.from_pretrained(tiny_bert)
        >>> prune_heads(embedder, [(0, 1)])
    """
    config = task.encoder.config
    _own_blocks(task.encoder)
    for layer, head in heads:
        inside = 0 <= layer < config.num_hidden_layers
        if not inside or not 0 <= head < config.num_attention_heads:
            raise ValueError(
                f"Expected layers from 0 to {config.num_hidden_layers - 1} and heads "
                f"from 0 to {config.num_attention_heads - 1}, got {(layer, head)}."
            )
    for layer, head in heads:
        kernel = _output_kernel(task.encoder, layer)
        size = config.hidden_size // config.num_attention_heads
        values = np.array(kernel)
        values[head * size : (head + 1) * size] = 0  # [H, D] of [D, D]
        kernel.assign(values)


def _own_blocks(encoder):
    if len(encoder.blocks) != len(encoder.layer_blocks):
        raise ValueError(
            "Expected layers with weights of their own, got an encoder whose layers "
            "share them, as in ALBERT: a head of one is a head of all."
        )


def _output_kernel(encoder, layer):
    [block] = encoder.layer_blocks[layer]
    return block.attention.output_dense.kernel
