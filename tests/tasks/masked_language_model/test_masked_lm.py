"""Fill-in against transformers 5, whose numbers are written here."""

import dataclasses
import functools
import pathlib

import numpy as np
import pytest

import kerasbert
from kerasbert.models import MaskedLMModel

FIXTURES = pathlib.Path(__file__).parents[2] / "fixtures"


@functools.cache
def load(name, **options):
    return kerasbert.MaskedLM.from_pretrained(
        FIXTURES / name / "huggingface", **options
    )


@pytest.fixture
def bert():
    return load("bert_masked_lm")


def told(choices):
    return [(choice["token"], round(choice["score"], 6)) for choice in choices]


# === Filling in ===

# What the pipeline fill-mask of transformers says of "the [MASK] is here" and
# "a [MASK] and [MASK] ?".
PIPELINE = {
    "bert_masked_lm": [
        [("[unused13]", 0.041759), ("[MASK]", 0.024709), ("[unused34]", 0.023533)],
        [("[unused13]", 0.045366), ("[unused34]", 0.023707), ("[MASK]", 0.022217)],
        [("[MASK]", 0.033152), ("[unused13]", 0.029424), ("[", 0.024927)],
    ],
    "albert_masked_lm": [
        [("<pad>", 0.041847), ("m", 0.030668), ("3", 0.029053)],
        [("<pad>", 0.037159), ("3", 0.030522), ("m", 0.02709)],
        [("eas", 0.042436), ("m", 0.028242), ("▁m", 0.025859)],
    ],
}


@pytest.mark.parametrize("name", PIPELINE)
def test_masks_are_filled_as_transformers_fills_them(name):
    texts = ["the [MASK] is here", "a [MASK] and [MASK] ?"]
    one, two = load(name).predict(texts, top_k=3)
    found = [told(mask) for mask in [*one["masks"], *two["masks"]]]
    for mask, expected in zip(found, PIPELINE[name], strict=True):
        assert [token for token, _ in mask] == [token for token, _ in expected]
        scores = [score for _, score in expected]
        assert [score for _, score in mask] == pytest.approx(scores, abs=2e-6)


def test_candidates_have_the_probability_that_they_have_among_all_tokens(bert):
    words = ["film", "not", "very"]
    [answer] = bert.predict(["the [MASK] is here"], candidates=words)
    expected = [("not", 0.004707), ("very", 0.002759), ("film", 0.00195)]
    assert told(answer["masks"][0]) == expected
    assert answer["text"] == "the not is here"


def test_a_text_keeps_all_but_its_masks(bert):
    text = "The 界  [MASK]!\nWell:  READ[MASK] it"
    [answer] = bert.predict([text], candidates=["##ing", "good"])
    by_mask = [
        {choice["token"]: choice["text"] for choice in mask} for mask in answer["masks"]
    ]
    assert by_mask[0]["good"] == "The 界  good!\nWell:  READ[MASK] it"
    assert by_mask[1]["##ing"] == "The 界  [MASK]!\nWell:  READing it"
    assert by_mask[0]["##ing"] == "The 界ing!\nWell:  READ[MASK] it"


def test_a_piece_of_albert_that_begins_no_word_joins_the_word_before():
    [answer] = load("albert_masked_lm").predict(["the [MASK] is here"], top_k=3)
    assert [choice["text"] for choice in answer["masks"][0]] == [
        "the <pad> is here",
        "them is here",
        "the3 is here",
    ]


def test_masks_in_both_texts_of_a_pair_are_filled(bert):
    [answer] = bert.predict([("the [MASK]", "is [MASK] .")], candidates=["film"])
    assert answer["text"] == ("the film", "is film .")
    assert answer["masks"][1][0]["text"] == ("the [MASK]", "is film .")


def test_an_answer_is_the_same_alone_and_among_others(bert):
    texts = ["the [MASK]", "a very good film is [MASK] in the world", "[MASK] [MASK]"]
    together = bert.predict(texts, top_k=4)
    for text, answer in zip(texts, together, strict=True):
        [alone] = bert.predict([text], top_k=4)
        for mask, other in zip(answer["masks"], alone["masks"], strict=True):
            assert [c["token"] for c in mask] == [c["token"] for c in other]
            scores = [c["score"] for c in other]
            assert [c["score"] for c in mask] == pytest.approx(scores, rel=1e-5)


def test_ids_beyond_the_vocabulary_stand_for_nothing(bert):
    config = dataclasses.replace(bert.model.config, vocab_size=208)
    model = MaskedLMModel(kerasbert.BertEncoder(config))
    model.head.bias.assign(np.where(np.arange(208) < 200, 0.0, 9.0))
    masked = kerasbert.MaskedLM(model, bert.tokenizer)
    [answer] = masked.predict(["a [MASK]"], top_k=300)
    assert len(answer["masks"][0]) == 200
    assert sum(choice["score"] for choice in answer["masks"][0]) < 0.01
    [ways] = masked.fill(["a [MASK] [MASK]"])
    assert ways[0]["score"] < 0.01


# === Several masks together ===

# By torch, all pairs of tokens tried for "the [MASK] [MASK] here".
PAIRS = {
    "bert_masked_lm": [
        (["[unused13]", "[unused13]"], 0.03811259),
        (["[unused13]", "[unused33]"], 0.03481979),
        (["[unused13]", "[unused14]"], 0.03474141),
        (["[unused13]", "[UNK]"], 0.03076809),
    ],
    "albert_masked_lm": [
        (["<pad>", "re"], 0.03796643),
        (["<pad>", "<pad>"], 0.03527895),
        (["<pad>", "or"], 0.03354838),
        (["<pad>", "es"], 0.03314841),
    ],
}


@pytest.mark.parametrize("name", PAIRS)
def test_a_wide_beam_finds_the_likeliest_pair_of_pieces(name):
    [found] = load(name).fill(["the [MASK] here"], pieces=2, top_k=4, beams=40)
    for answer, (tokens, score) in zip(found, PAIRS[name], strict=True):
        assert answer["tokens"] == [tokens]
        assert answer["score"] == pytest.approx(score, rel=1e-5)


def test_two_masks_side_by_side_are_one_of_two_pieces(bert):
    [one] = bert.fill(["the [MASK] here"], pieces=2)
    [two] = bert.fill(["the [MASK] [MASK] here"])
    assert [sum(a["tokens"], []) for a in one] == [sum(a["tokens"], []) for a in two]
    scores = [answer["score"] for answer in one]
    assert [answer["score"] for answer in two] == pytest.approx(scores)


def test_numbers_of_pieces_compare_by_the_mean_of_their_tokens(bert):
    [found] = bert.fill(["the [MASK] here"], pieces=[1, 2], top_k=3)
    apart = [bert.fill(["the [MASK] here"], pieces=n, top_k=3)[0] for n in (1, 2)]
    expected = sorted([*apart[0], *apart[1]], key=lambda answer: -answer["score"])[:3]
    assert {len(answer["tokens"][0]) for answer in found} == {1, 2}
    assert [answer["text"] for answer in found] == [a["text"] for a in expected]


def test_one_mask_is_filled_as_predict_fills_it(bert):
    [found] = bert.fill(["the [MASK] is here"])
    [answer] = bert.predict(["the [MASK] is here"])
    for ours, choice in zip(found, answer["masks"][0], strict=True):
        assert ours["tokens"] == [[choice["token"]]]
        assert ours["score"] == pytest.approx(choice["score"])
        assert ours["text"] == choice["text"]


# By torch, piece by piece, for "the [MASK]... is good".
WORDS = {
    "bert_masked_lm": {"here": 0.00235948, "film": 0.00230759, "reading": 0.00216748},
    "albert_masked_lm": {"here": 0.01398509, "film": 0.0077921, "reading": 0.00370966},
}


@pytest.mark.parametrize("name", WORDS)
def test_words_of_any_number_of_pieces_are_ranked(name):
    words = ["reading", "film", "here"]
    [ranked] = load(name).rank(["the [MASK] is good"], words)
    assert [answer["candidate"] for answer in ranked] == list(WORDS[name])
    scores = [answer["score"] for answer in ranked]
    assert scores == pytest.approx(list(WORDS[name].values()), rel=1e-5)
    assert ranked[2]["text"] == "the reading is good"


# === How probable texts are ===

# By torch, a token hidden at a time.
LIKELIHOODS = {
    "bert_masked_lm": [-5.665439, -6.204988, -5.952369, -6.126893, -6.189249],
    "albert_masked_lm": [
        *(-5.728469, -4.897265, -5.772098, -5.10323, -3.897092, -4.767994, -4.491272),
        *(-4.898122, -5.497831, -5.798439, -5.215405, -4.384234, -4.866893),
    ],
}


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_pseudo_likelihoods_are_those_of_torch(name):
    texts = ["a bad book", "the film is very good"]
    masked = load(name)
    found = masked.pseudo_log_likelihoods(texts)
    np.testing.assert_allclose(found[1], LIKELIHOODS[name], atol=5e-6)
    expected = [np.exp(-found[0].mean()), np.exp(-np.mean(LIKELIHOODS[name]))]
    np.testing.assert_allclose(masked.pseudo_perplexity(texts), expected, rtol=1e-5)


# === Bad input ===


def test_a_text_without_a_mask_is_told_by_its_position(bert):
    with pytest.raises(ValueError, match=r"Expected \[MASK\] in each text.*position 1"):
        bert.predict(["a [MASK]", "a film"])


def test_a_mask_that_was_cut_off_is_refused():
    masked = load("bert_masked_lm", max_length=6)
    with (
        pytest.warns(UserWarning, match="truncated"),
        pytest.raises(ValueError, match="of 2 at position 0 the model sees 1"),
    ):
        masked.predict(["the [MASK] is very good in the [MASK]"])


def test_pieces_that_do_not_fit_are_refused():
    masked = load("bert_masked_lm", max_length=6)
    with pytest.raises(ValueError, match="at most 6 tokens, got 7"):
        masked.fill(["the [MASK] is"], pieces=3)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["here"], r"'here', which is h ##er ##e\. rank takes"),
        (["\u2603"], "can spell, got '\u2603'"),
        ([""], "can spell, got ''"),
        ([], "Expected candidates to choose from"),
    ],
)
def test_candidates_that_are_no_token_are_refused(bert, words, message):
    with pytest.raises(ValueError, match=message):
        bert.predict(["a [MASK]"], candidates=words)


def test_rank_takes_one_mask(bert):
    with pytest.raises(ValueError, match="one mask in each text, got 2 at position 0"):
        bert.rank(["[MASK] [MASK]"], ["good"])


@pytest.mark.parametrize("call", ["pseudo_perplexity", "features"])
def test_a_text_without_tokens_is_refused(bert, call):
    with pytest.raises(ValueError, match="without at position 1"):
        getattr(bert, call)(["good", " \n"])


def test_one_string_is_no_list(bert):
    for call in (bert.predict, bert.fill, bert.pseudo_perplexity, bert.features):
        with pytest.raises(TypeError, match=r"got one string: 'a \[MASK\]'"):
            call("a [MASK]")
    with pytest.raises(TypeError, match="got one string: 'film'"):
        bert.predict(["a [MASK]"], candidates="film")


def test_counts_are_one_or_more(bert):
    for options in ({"top_k": 0}, {"beams": 0}, {"pieces": 0}, {"pieces": [1, 0.5]}):
        with pytest.raises(ValueError, match="to be 1 or more, got 0"):
            bert.fill(["a [MASK]"], **options)


def test_no_texts_have_no_answers(bert):
    assert bert.predict([]) == bert.fill([]) == bert.rank([], ["good"]) == []
    assert bert.pseudo_log_likelihoods([]) == []
    assert bert.pseudo_perplexity([]).shape == (0,)


def test_a_model_of_sentence_vectors_has_no_such_head():
    with pytest.raises(ValueError, match="with a masked language model head, but"):
        kerasbert.MaskedLM.from_pretrained(
            FIXTURES / "sentence_mean" / "sentence_transformers"
        )


# === In a folder ===


def test_a_saved_task_answers_the_same(bert, tmp_path):
    masked = kerasbert.MaskedLM(
        bert.model, bert.tokenizer, max_length=20, mask_rate=0.2, whole_words=True
    )
    masked.save(tmp_path / "task")
    loaded = kerasbert.load(tmp_path / "task")
    assert type(loaded) is kerasbert.MaskedLM
    assert loaded.options() == masked.options()
    text = ["the [MASK] is here"]
    assert loaded.predict(text) == masked.predict(text)
