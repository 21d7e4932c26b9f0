"""Pages of HTML that need nothing but themselves."""

import html
import importlib.resources
import json

from kerasbert.files import write_atomically

_FRAME = (
    '<iframe srcdoc="{page}" style="width: 100%; height: 760px; border: 0" '
    'sandbox="allow-scripts"></iframe>'
)


class Page(str):
    """An HTML page as a string, which a notebook shows."""

    def save(self, path):
        """Writes the page.

        Args:
            path: The file.
        """
        with write_atomically(path) as partial:
            partial.write_text(self, encoding="utf-8")

    def _repr_html_(self):
        return _FRAME.format(page=html.escape(self))


def make_page(name, title, data):
    """A page of `pages/`, with its style, its script and its data in it.

    Args:
        name: The name of the page.
        title: The title of the page.
        data: What the script of the page reads: anything that is JSON.

    Returns:
        A `Page`. It opens without a network, and nothing in `title` and `data` can
        end the element in which it stands.
    """
    # Within a script element, only "<" could begin something else.
    told = json.dumps(data, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
    return Page(
        "<!doctype html>\n"
        '<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n"
        f"<style>\n{_read('page.css')}</style>\n</head>\n<body>\n"
        f"{_read(f'{name}.html')}"
        f'<script type="application/json" id="data">{told}</script>\n'
        f"<script>\n{_read('page.js')}\n{_read(f'{name}.js')}</script>\n"
        "</body>\n</html>\n"
    )


def _read(file):
    pages = importlib.resources.files("kerasbert.visualize") / "pages"
    return (pages / file).read_text(encoding="utf-8")
