import functools
import html.parser
import json
import pathlib
import re

import pytest

import kerasbert

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures"


@pytest.fixture(scope="session")
def embedder():
    load = functools.cache(kerasbert.TextEmbedder.from_pretrained)
    return lambda name: load(FIXTURES / name / "huggingface")


class _Elements(html.parser.HTMLParser):
    """The elements of a page, with what stands in the scripts among them."""

    def __init__(self, page):
        super().__init__()
        self.names, self.addresses, self.scripts = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data):
        if self.names and self.names[-1] == "script":
            self.scripts.append(data)


@pytest.fixture(scope="session")
def data_of():
    """What the script of a page reads, once it is sure that the page is whole."""

    def read(page):
        elements = _Elements(page)
        assert elements.names.count("script") == 2
        assert not elements.addresses
        assert not re.search(r"(https?:)?//(?!www\.w3\.org/2000/svg)\w+\.\w", page)
        assert "import" not in elements.scripts[1]
        return json.loads(elements.scripts[0])

    return read
