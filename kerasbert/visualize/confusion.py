"""The confusion matrix of a classifier as a picture."""

import numpy as np

from kerasbert.visualize.figures import new_figure

MOST_NUMBERS = 30  # classes of which every count is written


def confusion_figure(matrix, labels):
    """Draws a confusion matrix: rows are right classes, columns those that were given.

    Colours are shares of a row, so that a rare class is seen as well as a common one. A
    name in a script that the font does not have is given as the number of its class.

    Args:
        matrix: The counts, `[C, C]`, as of `kerasbert.metrics.confusion_matrix`.
        labels: The names of the classes.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ImportError: If matplotlib is not installed.

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
    places = range(len(labels))
    names = [_drawable(name, place) for place, name in enumerate(labels)]
    axes.set_xticks(places, names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(places, names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("expected")
    if len(labels) <= MOST_NUMBERS:
        for row in places:
            for column in places:
                colour = "white" if shares[row, column] > 0.5 else "black"
                text = f"{counts[row, column]}"
                axes.text(column, row, text, ha="center", va="center", color=colour)
    return figure


def _drawable(name, place):
    """A name as an axis can show it."""
    from matplotlib import font_manager

    font = font_manager.get_font(font_manager.findfont("DejaVu Sans"))
    if not set(map(ord, name)) <= font.get_charmap().keys():
        return f"class {place}"
    name = name if len(name) <= 24 else name[:21] + "..."
    return name.replace("$", r"\$")  # no mathematics
