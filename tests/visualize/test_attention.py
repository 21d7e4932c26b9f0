import base64
import pathlib

import numpy as np
import pytest

import kerasbert
from kerasbert.models import load_encoder
from kerasbert.visualize import attention_figure, attention_html, attention_maps

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures"


# By transformers: what the third token of "a good film" and "the world" looks at with
# the second head of the last layer.
ROWS = {
    "bert_masked_lm": [
        *(0.069332, 0.051376, 0.059038, 0.111255),
        *(0.079324, 0.142616, 0.389771, 0.097288),
    ],
    "albert_masked_lm": [
        *(0.053623, 0.076783, 0.080821, 0.05541, 0.049753, 0.119266, 0.053465),
        *(0.082317, 0.079036, 0.056658, 0.050416, 0.089871, 0.07783, 0.074749),
    ],
}


@pytest.mark.parametrize("name", ROWS)
def test_maps_are_those_of_transformers(name):
    folder = FIXTURES / name / "huggingface"
    maps = attention_maps(
        load_encoder(folder),
        "a good film",
        pair="the world",
        tokenizer=kerasbert.Tokenizer.from_pretrained(folder),
    )
    np.testing.assert_allclose(maps.probs[-1, 1, 2], ROWS[name], atol=2e-6)
    np.testing.assert_allclose(maps.probs.sum(axis=-1), 1, atol=1e-6)


def test_a_page_holds_the_maps_of_the_text(embedder, data_of):
    model = embedder("bert_tiny")
    data = data_of(attention_html(model, "hello world", pair="good morning"))
    maps = attention_maps(model, "hello world", pair="good morning")
    assert data["tokens"] == maps.tokens
    first = data["tokens"].index("[SEP]") + 1
    assert data["segments"] == [0] * first + [1] * (len(maps.tokens) - first)
    special = [token in ("[CLS]", "[SEP]") for token in data["tokens"]]
    assert data["special"] == special
    shape = (data["layers"], data["heads"], len(maps.tokens), len(maps.tokens))
    shares = np.frombuffer(base64.b64decode(data["probs"]), "<u2").reshape(shape)
    np.testing.assert_allclose(shares / 65535, maps.probs, atol=1 / 65535)


def test_text_is_text_in_a_page_whatever_it_says(embedder, data_of):
    text = "</script><script>alert(1)</script> <!-- & \u2028 '\"> 世界"
    page = attention_html(embedder("bert_tiny"), text, pair="<img src=x onerror=y>")
    assert "世" in data_of(page)["tokens"]
    assert "<img" not in page
    shown = page._repr_html_()
    assert shown.count("<") == 2 and shown.startswith("<iframe ")


def test_a_page_is_a_file(embedder, tmp_path):
    page = attention_html(embedder("albert_tiny"), "hello")
    page.save(tmp_path / "new" / "maps.html")
    assert (tmp_path / "new" / "maps.html").read_text("utf-8") == page


def test_a_long_text_is_cut_with_a_warning(embedder, data_of):
    with pytest.warns(UserWarning, match="has 42 tokens; the maps show the first 12"):
        page = attention_html(embedder("bert_tiny"), "a " * 40, max_length=12)
    assert len(data_of(page)["tokens"]) == 12


def test_a_figure_shows_all_heads_or_those_of_a_layer(embedder):
    model = embedder("bert_tiny")
    maps = attention_maps(model, "hello world")
    layers, heads = maps.probs.shape[:2]
    every = attention_figure(model, "hello world")
    assert len(every.axes) == layers * heads
    drawn = [np.asarray(axis.images[0].get_array()) for axis in every.axes]
    expected = maps.probs.reshape(-1, *maps.probs.shape[2:])
    np.testing.assert_allclose(drawn, expected**0.6, atol=1e-6)
    last = attention_figure(model, "hello world", layer=-1)
    titles = [axis.get_title() for axis in last.axes if axis.images]
    assert titles == [f"layer {layers}, head {n + 1}" for n in range(heads)]
    labels = [label.get_text() for label in last.axes[0].get_xticklabels()]
    assert labels == maps.tokens


@pytest.mark.parametrize("layer", [0, 99, -99])
def test_a_layer_that_there_is_not(embedder, layer):
    with pytest.raises(ValueError, match="Expected a layer from 1 to"):
        attention_figure(embedder("bert_tiny"), "hello", layer=layer)


def test_what_is_missing_is_named(embedder):
    encoder = embedder("bert_tiny").encoder
    with pytest.raises(TypeError, match="Expected a tokenizer, since BertEncoder"):
        attention_html(encoder, "hello")
    with pytest.raises(TypeError, match="Expected a task .* got str"):
        attention_html("bert_tiny", "hello")
    with pytest.raises(TypeError, match="Expected one string, got list"):
        attention_html(embedder("bert_tiny"), ["hello"])


def test_without_matplotlib_the_extra_is_named(embedder, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install 'kerasbert\[visualize\]'"):
        attention_figure(embedder("bert_tiny"), "hello")
