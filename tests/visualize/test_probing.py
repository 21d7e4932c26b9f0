import numpy as np
import pytest

from kerasbert.visualize import ProbeCurve, probe_layers
from kerasbert.visualize.probing import _hidden_states, _spans

WORDS = "the film is good and bad you read a book in world love play to river".split()


def sentences(count, length=6):
    rng = np.random.default_rng(0)
    return [rng.choice(WORDS, length).tolist() for _ in range(count)]


def test_what_a_word_is_stands_in_its_vector(embedder):
    texts = sentences(60)
    labels = [["o" in word for word in words] for words in texts]
    curve = probe_layers(embedder("bert_tiny"), texts, labels)
    layers = embedder("bert_tiny").encoder.config.num_hidden_layers
    assert len(curve.accuracy) == len(curve.training_accuracy) == layers + 1
    assert curve.accuracy[0] == 1.0
    assert curve.labels == [False, True]
    assert curve.counts == (45 * 6, 15 * 6)


def test_labels_that_mean_nothing_are_guessed_no_better_than_the_baseline(embedder):
    rng = np.random.default_rng(1)
    texts = sentences(80, length=5)
    labels = [rng.choice(["a", "b", "c"], 5).tolist() for _ in texts]
    curve = probe_layers(embedder("bert_tiny"), texts, labels)
    assert max(curve.accuracy) < 0.5
    assert 0.2 < curve.baseline < 0.5
    assert min(curve.training_accuracy) > curve.baseline


def test_texts_have_labels_of_their_own(embedder):
    texts = [" ".join(words) for words in sentences(40)]
    labels = ["river" if "river" in text else "none" for text in texts]
    curve = probe_layers(embedder("bert_tiny"), texts, labels, validation=0.5)
    assert curve.counts == (20, 20)
    assert curve.accuracy[0] > curve.baseline


def test_a_word_is_the_mean_of_its_pieces_and_a_text_of_its_tokens(embedder):
    model = embedder("bert_tiny")
    words = [["unbelievably", "good", "世界", "films"], ["a"]]
    strings = [" ".join(text) for text in words]
    found = _hidden_states(
        model.encoder, model.tokenizer, strings, [_spans(text) for text in words]
    )
    texts = _hidden_states(model.encoder, model.tokenizer, strings, None)
    options = {"layers": "all", "combine": "stack"}
    for n, embedding in enumerate(model.encode_tokens(strings, **options)):
        numbers, vectors = found[n]
        assert numbers == list(range(len(words[n])))
        for (start, end), vector in zip(_spans(words[n]), vectors, strict=True):
            inside = [start <= s < end and s < e for s, e in embedding.offsets]
            assert sum(inside) >= 1
            mean = embedding.vectors[inside].mean(axis=0)
            np.testing.assert_allclose(vector, mean, atol=2e-6)
        mean = embedding.vectors.mean(axis=0)
        np.testing.assert_allclose(texts[n][1][0], mean, atol=2e-6)


def test_words_without_a_token_are_left_out_with_a_warning(embedder):
    texts = [["good", "\u200b", "film"]] * 8
    with pytest.warns(UserWarning, match="8 words are ignored: they have no token"):
        curve = probe_layers(embedder("bert_tiny"), texts, [["a", "b", "c"]] * 8)
    assert curve.labels == ["a", "c"]
    assert curve.counts == (12, 4)


def test_a_label_that_was_held_back_alone_counts_as_wrong(embedder):
    texts, labels = sentences(8, length=2), [["a", "b"]] * 8
    model = embedder("bert_tiny")
    held_back = np.random.default_rng(0).permutation(8)[:2]
    labels = [["c", "c"] if n in held_back else ["a", "b"] for n in range(8)]
    curve = probe_layers(model, texts, labels)
    assert set(curve.accuracy) == {0.0}


def test_the_curve_is_drawn():
    curve = ProbeCurve([0.5, 0.9, 0.8], [0.6, 1.0, 1.0], 0.4, ["a", "b"], (30, 10))
    assert curve.best_layer == 1
    [axes] = curve.figure("Parts of speech").axes
    drawn = {line.get_label(): line.get_ydata() for line in axes.lines}
    np.testing.assert_array_equal(drawn["held out"], curve.accuracy)
    np.testing.assert_array_equal(drawn["training"], curve.training_accuracy)
    assert set(drawn["most frequent label"]) == {0.4}
    assert axes.get_title() == "Parts of speech"


@pytest.mark.parametrize(
    ("texts", "labels", "error", "message"),
    [
        (["a", "b"], ["x"], ValueError, "as many labels as texts, got 1 for 2"),
        ([["a", "b"]], [["x"]], ValueError, "for 2 words at position 0"),
        ([["a", "b"]], ["xy"], ValueError, "one label a word"),
        (["a", ["b"]], ["x", ["y"]], TypeError, "got list at position 1"),
        ([["a"], "b"], [["x"], "y"], TypeError, "got str at position 1"),
        (["a"] * 4, ["x"] * 4, ValueError, "with at least two labels"),
        ([], [], ValueError, "with at least two labels"),
    ],
)
def test_labels_that_do_not_fit_are_refused(embedder, texts, labels, error, message):
    with pytest.raises(error, match=message):
        probe_layers(embedder("bert_tiny"), texts, labels)


def test_a_notebook_displays_a_figure():
    pytest.importorskip("matplotlib")
    formatters = pytest.importorskip("IPython.core.formatters")
    curve = ProbeCurve((0.5, 1.0), (0.5, 1.0), 0.5, [False, True], (4, 4))
    figure = curve.figure("a property")
    content, _ = formatters.DisplayFormatter().format(figure)
    assert content["image/png"].startswith(b"\x89PNG")
