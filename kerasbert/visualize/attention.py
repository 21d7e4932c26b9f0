"""Attention maps as a page to explore, and as a figure to print."""

import base64

import numpy as np

from kerasbert.visualize.attention_maps import attention_maps
from kerasbert.visualize.figures import new_figure
from kerasbert.visualize.page import make_page
from kerasbert.visualize.parts import encoder_and_tokenizer

SHARES = 65535  # of a 16-bit integer that stands for probability 1


def attention_html(model, text, pair=None, tokenizer=None, max_length=128):
    """A page that shows what every layer and head looks at in a text.

    One file, which needs no network: an overview of all heads, and for the one that
    is chosen lines between tokens, a matrix, and the text itself, coloured by what the
    token under the pointer looks at, or is looked at by.

    Args:
        model: A task, such as a `kerasbert.TextEmbedder`; or an encoder, with
            `tokenizer`.
        text: A string.
        pair: A second text, or None.
        tokenizer: The tokenizer of an encoder.
        max_length: Tokens beyond are cut off, with a warning.

    Returns:
        A `Page`: a string, with `save(path)`; a notebook shows it. The end of its
        address, such as `#layer=2&head=5&token=3`, says what is shown first.

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


def attention_figure(model, text, layer=None, pair=None, tokenizer=None, max_length=64):
    """A figure of attention maps: of all layers and heads, or of those of one layer.

    Args:
        model: A task, such as a `kerasbert.TextEmbedder`; or an encoder, with
            `tokenizer`.
        text: A string.
        layer: Number of a layer, from 1, or from -1 for the last; None: all layers.
        pair: A second text, or None.
        tokenizer: The tokenizer of an encoder.
        max_length: Tokens beyond are cut off, with a warning.

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
    for place in range(rows * columns):
        axis = axes[place // columns][place % columns]
        if place >= heads:
            axis.set_axis_off()
            continue
        _draw(axis, maps.probs[number, place])
        axis.set_title(f"layer {number + 1}, head {place + 1}", fontsize=10)
        ticks = range(len(maps.tokens))
        axis.set_xticks(ticks, maps.tokens, rotation=90, fontsize=7)
        axis.set_yticks(ticks, maps.tokens, fontsize=7)
    return figure


def _draw(axis, probs):
    axis.imshow(probs**0.6, cmap="Purples", vmin=0, vmax=1, interpolation="nearest")
    axis.set_xticks([])
    axis.set_yticks([])
