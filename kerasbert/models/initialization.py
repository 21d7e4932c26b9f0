"""Initial weights with which a masked language model learns from little text."""

import math
from typing import Any

import keras
import numpy as np

from kerasbert.layers import Embeddings, FactorizedEmbeddings
from kerasbert.models.encoder import Encoder

NEAR_LOGIT = 5.0  # attention logit of the position that a head attends to


def initialize_local(encoder: Encoder, seed: int = 0) -> None:
    """Initializes attention so that heads look at the tokens around.

    The first head attends to the next token, the second to the one before, the others
    to those two places away and farther. To that end position embeddings become sines
    and cosines, as large as the token embeddings, and a head's keys are its queries at
    another position. Heads like these are what training would find first, and with
    little text does not. The architecture is that of BERT; all weights are trained.

    Args:
        encoder: A `BertEncoder` or `AlbertEncoder` with random weights.
        seed: Seed of the frequencies and queries.

    Raises:
        ValueError: If it is another encoder, or has embeddings of an odd width.

    Example:
        >>> config = kerasbert.BertConfig(
        ...     vocab_size=100, hidden_size=256, num_hidden_layers=1,
        ...     num_attention_heads=2, intermediate_size=16, initializer_range=0.1)
        >>> encoder = kerasbert.BertEncoder(config)
        >>> initialize_local(encoder)
        >>> ids = np.arange(5, 15)[None]
        >>> inputs = {"token_ids": ids, "segment_ids": 0 * ids, "padding_mask": ids > 0}
        >>> outputs = encoder.attention_model()(inputs)
        >>> probs = keras.ops.convert_to_numpy(outputs["attention_probs"][0])
        >>> probs[0, 0, :-1].argmax(-1).tolist()  # of the first head
        [1, 2, 3, 4, 5, 6, 7, 8, 9]

    Reference:
        [Clark et al., 2019](https://arxiv.org/abs/1906.04341), section 3.1, for such
        heads in BERT; [Trockman and Kolter, 2023](https://arxiv.org/abs/2305.09828),
        for initial weights like those that training finds.
    """
    embeddings = encoder.embeddings
    if not isinstance(embeddings, Embeddings):
        raise ValueError(
            f"Expected an encoder of BERT or ALBERT, got {type(encoder).__name__}."
        )
    positions, width = embeddings.max_positions, embeddings.embedding_size
    if width % 2:
        raise ValueError(f"Expected an even width of the embeddings, got {width}.")
    random = np.random.default_rng(seed)
    count = width // 2
    # All frequencies occur, so that neighbours differ as much as places far apart.
    frequencies = math.pi * (np.arange(count) + random.random(count)) / count  # [E / 2]
    angles = np.arange(positions)[:, None] * frequencies  # [S, E / 2]
    waves = np.stack([np.sin(angles), np.cos(angles)], axis=-1)  # [S, E / 2, 2]
    scale = math.sqrt(2) * encoder.config.initializer_range
    table = scale * waves.reshape(positions, width)  # [S, E]
    embeddings.position_embedding.embeddings.assign(table)
    projection = np.eye(width)  # [E, D]
    if isinstance(embeddings, FactorizedEmbeddings):
        projection = keras.ops.convert_to_numpy(embeddings.projection.kernel)
    back = np.linalg.pinv(projection)  # [D, E]
    size = projection.shape[1]
    heads = encoder.config.num_attention_heads
    head_size = size // heads
    deviation = math.sqrt(2 * NEAR_LOGIT / (size * math.sqrt(head_size)))
    for block in encoder.blocks:
        query = random.normal(0.0, deviation, (heads, size, head_size))  # [N, D, H]
        shifts = [_shift(frequencies, -_place(head)) for head in range(heads)]
        key = np.stack([back @ shift @ projection for shift in shifts]) @ query
        layers = block.attention.dense_layers
        layers["query"].kernel.assign(np.concatenate(query, axis=1))  # [D, N H]
        layers["key"].kernel.assign(np.concatenate(key, axis=1))  # [D, N H]


def initialize_output_bias(model: keras.Model, counts: Any) -> None:
    """Initializes the logits of hidden tokens to the log frequencies of tokens.

    Training then begins at the loss of a unigram model. Without it, the first steps
    turn all hidden states into one direction, whose logits are these frequencies, and
    many more steps are needed to tell them apart again.

    Args:
        model: A `MaskedLMModel` or `PretrainingModel` with random weights.
        counts: How often each token occurs, `[V]`.

    Raises:
        ValueError: If there are not as many counts as tokens.

    Example:
        >>> config = kerasbert.BertConfig(
        ...     vocab_size=4, hidden_size=8, num_hidden_layers=1,
        ...     num_attention_heads=2, intermediate_size=16)
        >>> model = kerasbert.models.MaskedLMModel(kerasbert.BertEncoder(config))
        >>> initialize_output_bias(model, [1, 3, 3, 1])
        >>> [bias] = [w for w in model.head.weights if w.path.endswith("head/bias")]
        >>> [round(float(bias[token]), 2) for token in range(4)]
        [-0.35, 0.35, 0.35, -0.35]
    """
    bias = model.head.bias
    counts = np.asarray(counts)
    if counts.shape != tuple(bias.shape):
        raise ValueError(
            f"Expected a count for each of {bias.shape[0]} tokens, got an array of "
            f"shape {counts.shape}."
        )
    logits = np.log(counts + 1)  # tokens that do not occur have a finite one
    bias.assign(logits - logits.mean())


def _place(head):
    """Returns how far from a token the one is that a head attends to: 1, -1, 2, -2."""
    return (head // 2 + 1) * (-1) ** head


def _shift(frequencies, places):
    """Returns the matrix that moves sines and cosines by a number of positions."""
    even = 2 * np.arange(len(frequencies))
    cosine, sine = np.cos(places * frequencies), np.sin(places * frequencies)
    matrix = np.zeros((2 * len(even), 2 * len(even)))  # [E, E]
    matrix[even, even] = matrix[even + 1, even + 1] = cosine
    matrix[even + 1, even], matrix[even, even + 1] = sine, -sine
    return matrix
