"""Self-contained HTML pages, and figures of matplotlib, imported on first use."""

import html
import importlib.resources
import io
import json
import os

from kerasbert.files import write_atomically

_FRAME = (
    '<iframe srcdoc="{page}" style="width: 100%; height: 760px; border: 0" '
    'sandbox="allow-scripts"></iframe>'
)


class Page(str):
    """An HTML page as a string, which notebooks display."""

    def save(self, path: str | os.PathLike) -> None:
        """Writes the page to a file.

        Args:
            path: The file.
        """
        with write_atomically(path) as partial:
            partial.write_text(self, encoding="utf-8")

    def _repr_html_(self):
        return _FRAME.format(page=html.escape(self))


def make_page(name, title, data):
    """Creates a page from `pages/`, with style, script and data inlined.

    `title` and `data` are escaped, so that they cannot end the element they stand in.
    """
    # Inside a script element, only "<" could start another element.
    payload = json.dumps(data, ensure_ascii=False, allow_nan=False).replace(
        "<", "\\u003c"
    )
    return Page(
        "<!doctype html>\n"
        '<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n"
        f"<style>\n{_read('page.css')}</style>\n</head>\n<body>\n"
        f"{_read(f'{name}.html')}"
        f'<script type="application/json" id="data">{payload}</script>\n'
        f"<script>\n{_read('page.js')}\n{_read(f'{name}.js')}</script>\n"
        "</body>\n</html>\n"
    )


def _read(file):
    pages = importlib.resources.files("kerasbert.visualize") / "pages"
    return (pages / file).read_text(encoding="utf-8")


def new_figure(rows=1, columns=1, size=(6, 4)):
    """Creates a figure outside of pyplot's global state; returns it and its axes."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            "Figures need matplotlib, which is not installed: "
            "pip install 'kerasbert[visualize]'. HTML pages do not need it."
        ) from error

    class DisplayedFigure(Figure):
        """A figure that notebooks display, whether or not pyplot is in use."""

        def _repr_png_(self):
            content = io.BytesIO()
            self.savefig(content, format="png")
            return content.getvalue()

    figure = DisplayedFigure(figsize=size, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    return figure, axes.tolist()
