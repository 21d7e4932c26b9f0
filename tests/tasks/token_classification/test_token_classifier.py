import json

import numpy as np
import pytest

import kerasbert
from tests.tasks.conftest import FIXTURES

TRAINED = FIXTURES / "bert_token_classification" / "huggingface"
ALBERT = FIXTURES / "albert_token_classification" / "huggingface"
TINY = FIXTURES / "bert_tiny" / "huggingface"
WORDS = "the trading film is reading , bad U.S. 世界 loved".split()
NOTHING = "\u200b"


@pytest.fixture(scope="module")
def published():
    return kerasbert.TokenClassifier.from_pretrained(TRAINED)


@pytest.fixture(scope="module")
def albert():
    return kerasbert.TokenClassifier.from_pretrained(ALBERT)


@pytest.fixture(scope="module")
def tagger():
    return new_tagger()


@pytest.fixture(scope="module")
def of_windows():
    return new_tagger(max_length=8, stride=4, scheme="IOB1")


def new_tagger(**options):
    labels = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
    options = {"scheme": "IOB2", **options}
    return kerasbert.TokenClassifier.from_pretrained(TRAINED, labels=labels, **options)


# What transformers 5 and its pipeline, aggregation_strategy="first", give.
def test_a_published_tagger_gives_the_tags_of_transformers(published):
    assert published.labels == ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
    assert published.scheme.name == "IOB1"
    [tags] = published.predict_tags([WORDS])
    assert tags == ("O B-LOC B-LOC I-PER O B-LOC O I-PER O I-PER".split())


def test_a_published_tagger_gives_the_entities_of_transformers(published):
    [entities] = published.predict(["the trading film is reading"])
    scores = [entity.pop("score") for entity in entities]
    assert entities == [
        {"type": "LOC", "text": "trading", "start": 4, "end": 11},
        {"type": "LOC", "text": "film", "start": 12, "end": 16},
        {"type": "PER", "text": "is", "start": 17, "end": 19},
    ]
    np.testing.assert_allclose(scores, [0.374668, 0.335978, 0.315450], atol=1e-5)


def test_entities_of_words_name_the_words(published):
    [entities] = published.predict([WORDS])
    text = " ".join(WORDS)
    assert [entity["text"] for entity in entities][-2:] == ["U.S.", "loved"]
    for entity in entities:
        words = WORDS[entity["first_word"] : entity["last_word"] + 1]
        assert entity["text"] == " ".join(words)
        assert entity["text"] == text[entity["start"] : entity["end"]]


def test_words_get_the_tokens_that_they_get_alone(published):
    words = [*WORDS, "love,read", "naïve", "[MASK]", "ﬁlm", "a\u0301b"]
    features = published.features([words], [["O"] * len(words)])
    pieces = [row[1:-1] for row in published.tokenizer.encode(words)]
    # The model has 32 positions: two windows that share 7 tokens.
    first, second = (row[1:-1].tolist() for row in features.inputs["token_ids"])
    assert first + second[7:] == sum(pieces, [])
    targets = [row[1:-1].tolist() for row in features.targets["logits"]]
    assert targets[0][-3:] == [-1] * 3 and targets[1][:4] == [-1] * 4
    together = [max(a, b) for a, b in zip(targets[0][-7:], targets[1][:7], strict=True)]
    labelled = targets[0][:-7] + together + targets[1][7:]
    expected = [[0] + [-1] * (len(row) - 1) for row in pieces]
    assert labelled == sum(expected, [])


def test_long_texts_are_read_where_there_is_most_context(of_windows):
    words = list("abcdefghij")  # a token each; windows a-f, c-h, e-j
    rows = of_windows.preprocessor.encode([words, ["a"]])
    assert rows.texts.tolist() == [0, 0, 0, 1]
    # a b c d are best in the first, e f in the second, g to j in the third window.
    assert rows.places.tolist() == [1, 2, 3, 4, 8 + 3, 8 + 4, 16 + 3, 20, 21, 22, 25]


def test_every_word_of_a_long_text_gets_its_tag_from_its_window(of_windows):
    words = list("abcdefghij")
    windows = [" ".join(words[first : first + 6]) for first in (0, 2, 4)]
    inputs = of_windows.tokenizer(windows)
    logits = np.asarray(of_windows.model(inputs)["logits"])
    chosen = [logits[0][1:5], logits[1][3:5], logits[2][3:7]]
    tags = [of_windows.labels[tag] for tag in np.concatenate(chosen).argmax(-1)]
    first = [of_windows.labels[tag] for tag in logits[0][1:7].argmax(-1)]
    assert of_windows.predict_tags([words, words[:6]]) == [tags, first]


@pytest.mark.parametrize("name", ["published", "albert"])
def test_words_of_a_text_are_divided_by_space_punctuation_and_chinese(name, request):
    tagger = request.getfixturevalue(name)
    text = " The  U.S.-film, 你好x naïve\u200b!"
    rows = tagger.preprocessor.encode([text])
    words = [
        text[start:end]
        for start, end in zip(rows.starts.tolist(), rows.ends.tolist(), strict=True)
    ]
    if name == "albert":  # what it does not know is one piece
        assert words[8:] == ["你好x", "naïve", "\u200b", "!"]
    else:
        assert words[8:] == ["你", "好", "x", "naïve", "!"]
    assert words[:8] == ["The", "U", ".", "S", ".", "-", "film", ","]


def test_texts_of_nothing_have_no_entities(published, albert):
    for tagger in (published, albert):
        assert tagger.predict(["", " \n"]) == [[]] * 2
        assert tagger.predict_tags([[], ["", " "]]) == [[], ["O"] * 2]
        assert tagger.predict([]) == tagger.predict_tags([]) == []
    assert published.predict(["\x07\x07", NOTHING]) == [[]] * 2
    assert published.predict([[NOTHING], ["\x07"]]) == [[]] * 2


def test_unknown_characters_are_words(published, albert):
    for tagger, text in ((published, "😀"), (albert, "\x07"), (albert, "a \x07")):
        for texts in ([text], [text, "the film"], ["the film", text]):
            rows = tagger.preprocessor.encode(texts)
            assert rows.ends.max() <= 8
            spans = [*rows.characters()][texts.index(text)]
            assert spans[0][-1] == len(text) - 1 and spans[1][-1] == len(text)


def test_a_word_of_which_nothing_is_left_is_outside(published):
    [tags] = published.predict_tags([["trading", NOTHING, "film"]])
    assert tags == [
        published.predict_tags([["trading", "film"]])[0][0],
        "O",
        published.predict_tags([["trading", "film"]])[0][1],
    ]


def test_broken_text_keeps_its_characters(published):
    texts = ["\ud800 trading film", b"\xff\xff trading film"]
    for text, entities in zip(texts, published.predict(texts), strict=True):
        shown = text if isinstance(text, str) else text.decode("utf-8", "replace")
        for entity in entities:
            found = shown[entity["start"] : entity["end"]]
            assert entity["text"] == found.replace("\ud800", "\ufffd")
        assert "film" in [entity["text"] for entity in entities]


def test_others_in_a_call_change_nothing(published):
    texts = ["the film", "", " ".join(WORDS * 5), "loved it , good film"]
    together = published.predict(texts)
    for text, entities in zip(texts, together, strict=True):
        [alone] = published.predict([text])
        assert [e["text"] for e in alone] == [e["text"] for e in entities]
        scores = [[e["score"] for e in row] for row in (alone, entities)]
        np.testing.assert_allclose(*scores, atol=1e-6)


def test_metrics_count_whole_entities(published):
    [tags] = published.predict_tags([WORDS])
    found = published.answer_metrics([WORDS], [tags])
    assert found == {"precision": 1.0, "recall": 1.0, "f1": 1.0, "accuracy": 1.0}
    other = ["B-LOC", "I-LOC", *tags[2:]]  # one entity too long, of seven to six
    scores = published.answer_metrics([WORDS], [other])
    count = len(published.predict([WORDS])[0])
    assert scores["recall"] == scores["precision"] == pytest.approx((count - 1) / count)
    assert scores["accuracy"] == 0.8


def test_a_folder_says_what_the_task_is(tmp_path):
    tagger = new_tagger(max_length=20, stride=3)
    tagger.save(tmp_path / "ner")
    description = json.loads((tmp_path / "ner" / "kerasbert.json").read_text())
    assert description["task"] == "tag"
    options = {"max_length": 20, "stride": 3, "scheme": "IOB2"}
    assert description["options"] == options
    assert kerasbert.load(tmp_path / "ner").options() == options


def test_labels_may_be_types_alone():
    tagger = kerasbert.TokenClassifier.from_pretrained(TINY, labels=["NOUN", "VERB"])
    assert tagger.scheme.name == "PLAIN"
    features = tagger.features([["a", "b"]], [["VERB", "NOUN"]])
    assert features.targets["logits"][0].tolist() == [-1, 1, 0, -1]


def test_inputs_that_are_no_texts_are_refused(published):
    with pytest.raises(TypeError, match="a list of texts, got one string: 'abc'"):
        published.predict("abc")
    with pytest.raises(TypeError, match="Expected a string at position 1"):
        published.predict(["a", ["b"]])
    with pytest.raises(TypeError, match="Expected a list of words at position 1"):
        published.predict([["a"], ["b", 3]])
    with pytest.raises(TypeError, match="Expected lists of words, got 'abc'"):
        published.predict_tags(["abc"])


def test_what_a_tagger_cannot_be_is_refused():
    with pytest.raises(ValueError, match="nothing names its classes"):
        kerasbert.TokenClassifier.from_pretrained(TINY)
    with pytest.raises(ValueError, match="got 'PER' beside 'B-LOC'"):
        kerasbert.TokenClassifier.from_pretrained(TINY, labels=["B-LOC", "PER"])
    with pytest.raises(ValueError, match="stride from 0 to 9"):
        new_tagger(max_length=12, stride=10)
    with pytest.raises(ValueError, match="Expected labels of IOBES"):
        new_tagger(scheme="IOBES")
