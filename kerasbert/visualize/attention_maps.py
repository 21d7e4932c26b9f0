"""What every head of an encoder looks at in a text."""

import dataclasses
import warnings

import numpy as np
from keras import ops

from kerasbert.visualize.parts import encoder_and_tokenizer


@dataclasses.dataclass(frozen=True)
class AttentionMaps:
    """The attention probabilities of an encoder for a text.

    Args:
        tokens: The tokens, special tokens included.
        segments: Which of two texts each token is of: 0 or 1.
        special: Whether each token is a special one, such as `[CLS]`.
        probs: float32 array `[L, N, S, S]`: for each layer and head how much the
            token of a row looks at that of a column. A layer of several inner blocks,
            as ALBERT may have, counts as several.
    """

    tokens: list
    segments: list
    special: list
    probs: np.ndarray


def attention_maps(model, text, pair=None, tokenizer=None, max_length=128):
    """Runs an encoder on a text and keeps what its heads look at.

    Args:
        model: A task, such as a `kerasbert.TextEmbedder`; or an encoder, with
            `tokenizer`.
        text: A string.
        pair: A second text, or None.
        tokenizer: The tokenizer of an encoder.
        max_length: Tokens beyond are cut off, with a warning: the maps have as many
            numbers as tokens squared.

    Returns:
        `AttentionMaps`.

    Example:
        >>> embedder = kerasbert.TextEmbedder.from_pretrained(tiny_bert)
        >>> maps = attention_maps(embedder, "hello world")
        >>> maps.probs.shape[-1] == len(maps.tokens)
        True
        >>> bool(np.allclose(maps.probs.sum(axis=-1), 1, atol=1e-5))
        True

    Reference:
        [Clark et al., 2019](https://arxiv.org/abs/1906.04341), section 3.
    """
    encoder, tokenizer = encoder_and_tokenizer(model, tokenizer)
    for given in (text, *([] if pair is None else [pair])):
        if not isinstance(given, str):
            raise TypeError(f"Expected one string, got {type(given).__name__}.")
    pairs = None if pair is None else [pair]
    length = len(tokenizer.encode([text], pairs)[0])
    limit = min(max_length, encoder.config.max_position_embeddings)
    if length > limit:
        warnings.warn(
            f"The text has {length} tokens; the maps show the first {limit}. "
            "max_length changes the limit, up to the model's positions.",
            stacklevel=2,
        )
    inputs = tokenizer([text], pairs, max_length=limit)
    outputs = encoder.attention_model()(inputs)
    probs = np.stack(
        [ops.convert_to_numpy(probs)[0] for probs in outputs["attention_probs"]]
    )  # [L, N, S, S]
    token_ids = inputs["token_ids"][0].numpy().tolist()
    return AttentionMaps(
        tokens=tokenizer.tokens(token_ids),
        segments=inputs["segment_ids"][0].numpy().tolist(),
        special=[i in tokenizer.special_token_ids for i in token_ids],
        probs=probs,
    )
