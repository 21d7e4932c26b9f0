"""Figures of matplotlib, which is loaded when one is drawn."""


def new_figure(rows=1, columns=1, size=(6, 4)):
    """An empty figure, which belongs to no window and to no global state.

    Args:
        rows: Rows of axes.
        columns: Columns of axes.
        size: Width and height in inches.

    Returns:
        A `matplotlib.figure.Figure`, and a table `[rows][columns]` of its axes.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            "Figures are drawn by matplotlib, which is not installed. Install it with "
            "pip install 'kerasbert[visualize]', or make a page of HTML instead."
        ) from error
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    return figure, axes.tolist()
