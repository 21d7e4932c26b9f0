"""Confusion matrices as figures."""

import numpy as np

from kerasbert.visualize.output import new_figure

MOST_NUMBERS = 30  # maximum number of classes for which counts are drawn


def confusion_figure(matrix, labels):
    """Draws a confusion matrix, as a `matplotlib.figure.Figure`.

    Rows are true classes, columns predicted ones; colors are normalized by row. A label
    in a script that the font lacks is replaced by the number of its class.

    Example:
        >>> figure = confusion_figure([[3, 1], [0, 2]], ["no", "yes"])
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['3', '1', '0', '2']
    """
    counts = np.asarray(matrix)
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    side = min(24, 3 + 0.5 * len(labels))
    figure, [[axes]] = new_figure(size=(side + 1, side))
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, label="share of the class")
    indices = range(len(labels))
    names = [_drawable(name, index) for index, name in enumerate(labels)]
    axes.set_xticks(indices, names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(indices, names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("expected")
    if len(labels) <= MOST_NUMBERS:
        for row in indices:
            for column in indices:
                colour = "white" if shares[row, column] > 0.5 else "black"
                text = f"{counts[row, column]}"
                axes.text(column, row, text, ha="center", va="center", color=colour)
    return figure


def _drawable(name, index):
    """Returns a label that the font can draw."""
    from matplotlib import font_manager

    font = font_manager.get_font(font_manager.findfont("DejaVu Sans"))
    if not set(map(ord, name)) <= font.get_charmap().keys():
        return f"class {index}"
    name = name if len(name) <= 24 else name[:21] + "..."
    return name.replace("$", r"\$")  # no math mode
