"""Attention maps, as arrays, as an interactive page and as a figure."""

import base64
import dataclasses
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops

from kerasbert.visualize.output import Page, make_page, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHARES = 65535  # the 16-bit integer of probability 1


@dataclasses.dataclass(frozen=True)
class AttentionMaps:
    """Attention probabilities of an encoder for a text.

    Args:
        tokens: The tokens, including special tokens.
        segments: Segment of each token: 0 or 1.
        special: Whether each token is a special token.
        probs: float32 array `[L, N, S, S]`: attention from the token of a row to the
            token of a column. A layer with several inner blocks, as in ALBERT, counts
            as several.
    """

    tokens: list
    segments: list
    special: list
    probs: np.ndarray


def attention_maps(
    model: Any,
    text: str,
    pair: str | None = None,
    tokenizer: Any = None,
    max_length: int = 128,
) -> AttentionMaps:
    """Runs an encoder on a text and returns its attention probabilities.

    Args:
        model: A task, such as a `kerasbert.TextEmbedder`; or an encoder, with
            `tokenizer`.
        text: A string.
        pair: A second text, or None.
        tokenizer: The tokenizer of an encoder.
        max_length: Maximum number of tokens; longer texts are truncated, with a
            warning.

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
            "Raise max_length to show more, up to the model's positions.",
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


def encoder_and_tokenizer(model, tokenizer=None):
    """Returns encoder and tokenizer of a task, or of an encoder with `tokenizer`."""
    encoder = getattr(model, "encoder", model)
    tokenizer = tokenizer or getattr(model, "tokenizer", None)
    if not hasattr(encoder, "attention_model"):
        raise TypeError(
            "Expected a task such as kerasbert.TextEmbedder, or an encoder, got "
            f"{type(model).__name__}."
        )
    if tokenizer is None:
        raise TypeError(
            f"Expected a tokenizer, since {type(model).__name__} has none. Pass "
            "tokenizer=kerasbert.Tokenizer.from_pretrained(source)."
        )
    return encoder, tokenizer


def attention_html(
    model: Any,
    text: str,
    pair: str | None = None,
    tokenizer: Any = None,
    max_length: int = 128,
) -> Page:
    """Creates an interactive page of the attention of all layers and heads.

    The page is a single file that needs no network: an overview of all heads, and for
    the selected head lines between tokens, a matrix, and the text colored by attention
    from or to the token under the pointer.

    Args:
        model: A task, such as a `kerasbert.TextEmbedder`; or an encoder, with
            `tokenizer`.
        text: A string.
        pair: A second text, or None.
        tokenizer: The tokenizer of an encoder.
        max_length: Maximum number of tokens; longer texts are truncated, with a
            warning.

    Returns:
        A `Page`: a string with `save(path)`, which notebooks display. A fragment such
        as `#layer=2&head=5&token=3` of its address selects what is shown first.

    Example:
        >>> embedder = kerasbert.TextEmbedder.from_pretrained(tiny_bert)
        >>> page = attention_html(embedder, "hello world")
        >>> page[:15]
        '<!doctype html>'
    """
    maps = attention_maps(model, text, pair, tokenizer, max_length)
    layers, heads = maps.probs.shape[:2]
    shares = np.rint(maps.probs * SHARES).astype("<u2")
    encoder, _ = encoder_and_tokenizer(model, tokenizer)
    data = {
        "model": type(encoder).__name__.removesuffix("Encoder").upper(),
        "tokens": maps.tokens,
        "segments": maps.segments,
        "special": maps.special,
        "layers": layers,
        "heads": heads,
        "probs": base64.b64encode(shares.tobytes()).decode("ascii"),
    }
    return make_page("attention", f"Attention: {text[:60]}", data)


def attention_figure(
    model: Any,
    text: str,
    layer: int | None = None,
    pair: str | None = None,
    tokenizer: Any = None,
    max_length: int = 64,
) -> "Figure":
    """Draws the attention maps of all layers and heads, or of one layer.

    Args:
        model: A task, such as a `kerasbert.TextEmbedder`; or an encoder, with
            `tokenizer`.
        text: A string.
        layer: Number of a layer, from 1, or from -1 for the last; None draws all
            layers.
        pair: A second text, or None.
        tokenizer: The tokenizer of an encoder.
        max_length: Maximum number of tokens; longer texts are truncated, with a
            warning.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ImportError: If matplotlib is not installed.
        ValueError: If there is no such layer.
    """
    maps = attention_maps(model, text, pair, tokenizer, max_length)
    layers, heads = maps.probs.shape[:2]
    if layer is None:
        figure, axes = new_figure(layers, heads, size=(0.9 * heads, 0.9 * layers))
        for row in range(layers):
            axes[row][0].set_ylabel(f"{row + 1}", rotation=0, ha="right", va="center")
            for head in range(heads):
                _draw(axes[row][head], maps.probs[row, head])
        for head in range(heads):
            axes[0][head].set_title(f"{head + 1}", fontsize=9)
        figure.supxlabel("head", fontsize=10)
        figure.supylabel("layer", fontsize=10)
        return figure
    if layer == 0 or not -layers <= layer <= layers:
        raise ValueError(
            f"Expected a layer from 1 to {layers}, or from -1 to -{layers} counted "
            f"from the last, got {layer}."
        )
    number = layer - 1 if layer > 0 else layers + layer
    columns = min(heads, 4)
    rows = -(-heads // columns)
    side = 1.2 + 0.16 * len(maps.tokens)
    figure, axes = new_figure(rows, columns, size=(side * columns, side * rows))
    for index in range(rows * columns):
        axis = axes[index // columns][index % columns]
        if index >= heads:
            axis.set_axis_off()
            continue
        _draw(axis, maps.probs[number, index])
        axis.set_title(f"layer {number + 1}, head {index + 1}", fontsize=10)
        ticks = range(len(maps.tokens))
        axis.set_xticks(ticks, maps.tokens, rotation=90, fontsize=7)
        axis.set_yticks(ticks, maps.tokens, fontsize=7)
    return figure


def _draw(axis, probs):
    axis.imshow(probs**0.6, cmap="Purples", vmin=0, vmax=1, interpolation="nearest")
    axis.set_xticks([])
    axis.set_yticks([])
