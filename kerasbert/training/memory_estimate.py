"""What a pretraining needs: bytes of memory, and operations of a step."""

import dataclasses
from typing import Any

from kerasbert.config import AlbertConfig

# Bytes that a block stores for the backward pass for each token: times hidden size,
# times inner width, times heads and length; without dropout, and with it. Measured as
# the residuals of `jax.vjp`, of blocks of several sizes.
STORED = {
    4: ((50, 16, 8), (60, 16, 13)),
    2: ((38, 8, 6), (44, 8, 9)),
}
MASKED = 0.15  # the part of the tokens of which pretraining computes logits


@dataclasses.dataclass(frozen=True)
class TrainingMemory:
    """Bytes that a pretraining holds on one device.

    Args:
        weights: Those of the weights; in mixed precision with their half copies.
        gradients: Those of the gradients, with their sums where they are accumulated.
        optimizer: Those of the two moments of AdamW or LAMB.
        activations: Those that the backward pass needs.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int

    @property
    def total(self) -> int:
        """The sum of all."""
        return self.weights + self.gradients + self.optimizer + self.activations


def training_memory(
    config: Any,
    batch_size: int,
    length: int,
    dtype: str = "float32",
    accumulation: int = 1,
    rematerialized: bool = False,
) -> TrainingMemory:
    """Estimates the memory of a pretraining, of encoder and masked LM head.

    What the framework and its compiler add is not counted, nor what they save.

    Args:
        config: A `kerasbert.BertConfig` or `kerasbert.AlbertConfig`.
        batch_size: Number of sequences of a step on this device.
        length: Number of tokens of a sequence.
        dtype: `"float32"`, or `"mixed_bfloat16"` or `"mixed_float16"`.
        accumulation: Number of batches of an update; above 1 their sum is kept.
        rematerialized: Whether blocks store their inputs alone, as after
            `encoder.rematerialize()`.

    Returns:
        A `TrainingMemory`.

    Example:
        >>> config = kerasbert.BertConfig()
        >>> found = training_memory(config, 32, 128)
        >>> round(found.weights / 1e6), round(found.total / 1e9, 1)
        (440, 7.6)

    Reference:
        [Korthikanti et al., 2022](https://arxiv.org/abs/2205.05198), section 4.
    """
    count = parameter_count(config)
    width = 4 if dtype == "float32" else 2
    tokens = batch_size * length
    drops = config.hidden_dropout_prob or config.attention_probs_dropout_prob
    per_width, per_inner, per_score = STORED[width][bool(drops)]
    block = tokens * (
        per_width * config.hidden_size
        + per_inner * config.intermediate_size
        + per_score * config.num_attention_heads * length
    )
    layers = _blocks_run(config)
    activations = layers * block
    if rematerialized:
        activations = block + layers * tokens * config.hidden_size * width
    logits = 2 * 4 * round(MASKED * tokens) * config.vocab_size  # and their gradient
    return TrainingMemory(
        weights=4 * count if width == 4 else 6 * count,
        gradients=4 * count * (2 if accumulation > 1 else 1),
        optimizer=8 * count,
        activations=activations + logits,
    )


def parameter_count(config):
    """Counts the weights of an encoder with its pooler and a masked LM head."""
    is_albert = isinstance(config, AlbertConfig)
    d, f, v = config.hidden_size, config.intermediate_size, config.vocab_size
    e = config.embedding_size if is_albert else d
    rows = v + config.max_position_embeddings + config.type_vocab_size
    embeddings = rows * e + 2 * e + (e * d + d if is_albert else 0)
    block = 4 * (d * d + d) + 2 * d * f + f + d + 4 * d
    distinct = config.num_hidden_layers
    if is_albert:
        distinct = config.num_hidden_groups * config.inner_group_num
    head = d * e + e + 2 * e + v
    return embeddings + distinct * block + d * d + d + head


def step_flops(config, batch_size, length):
    """Counts the operations of matrices and attention in a step of pretraining.

    The backward pass takes twice the forward one.
    """
    d, f = config.hidden_size, config.intermediate_size
    per_token = 2 * (4 * d * d + 2 * d * f) + 4 * d * length
    tokens = batch_size * length
    width = getattr(config, "embedding_size", d)
    head = round(MASKED * tokens) * 2 * width * (d + config.vocab_size)
    return 3 * (_blocks_run(config) * tokens * per_token + head)


def _blocks_run(config):
    return config.num_hidden_layers * getattr(config, "inner_group_num", 1)
