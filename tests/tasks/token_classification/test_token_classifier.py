import json

import keras
import numpy as np
import pytest

import kerasbert
from kerasbert.tasks import labels_of
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
    rows = of_windows._rows.of([words, ["a"]])
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
    rows = tagger._rows.of([text])
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
            rows = tagger._rows.of(texts)
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


def test_targets_stand_at_the_first_pieces(tagger):
    inputs = [["loved", "New", NOTHING], []]
    targets = [["B-PER", "B-LOC", "I-LOC"], []]
    features = tagger.features(inputs, targets, weights=[1, 2])
    first, second = features.targets["logits"]
    assert tagger.tokenizer.tokens(features.inputs["token_ids"][0]) == (
        "[CLS] love ##d n ##e ##w [SEP]".split()
    )
    assert first.tolist() == [-1, 3, -1, 1, -1, -1, -1]
    assert second.tolist() == [-1, -1]
    assert features.weights.tolist() == [1, 2]


def test_entities_of_texts_become_tags_of_their_words(tagger):
    text = "in New York, loved"
    loc, per = {"start": 3, "end": 11, "type": "LOC"}, {"start": 14, "end": 15}
    features = tagger.features([text], [[{**per, "type": "PER"}, loc]])
    [targets] = features.targets["logits"]
    words = [number for number in targets.tolist() if number != -1]
    assert words == [0, 1, 2, 0, 3]


def test_tags_that_the_scheme_does_not_allow_are_learnt_as_it_writes_them(tagger):
    features = tagger.features([["a", "b", "c"]], [["I-LOC", "I-LOC", "I-PER"]])
    assert features.targets["logits"][0].tolist() == [-1, 1, 2, 3, -1]


def test_loss_is_the_mean_over_the_words(tagger):
    inputs, targets = [["loved", "a"], ["New"], []], [["B-PER", "O"], ["B-LOC"], []]
    logits = np.asarray(tagger.model(tagger.tokenizer(["loved a", "New"]))["logits"])
    places = [(0, 1, 3), (0, 3, 0), (1, 1, 1)]  # text, token, label
    losses = [
        np.log(np.exp(logits[row, token]).sum()) - logits[row, token, label]
        for row, token, label in places
    ]
    found = tagger.evaluate(inputs, targets)
    assert found["loss"] == pytest.approx(np.mean(losses), rel=1e-5)
    assert np.isfinite(tagger.evaluate([[], [NOTHING]], [[], ["O"]])["loss"])


def test_a_text_counts_as_much_as_its_weight_says():
    inputs = [["loved", "a", "film"], ["New"]]
    targets = [["B-PER", "O", "O"], ["B-LOC"]]
    tagger = new_tagger()

    def loss(*weights):
        tagger.compile(keras.optimizers.SGD(1e-12))  # it learns nothing
        report = tagger.fit(inputs, targets, weights=weights, epochs=1, verbose=0)
        return report.history["loss"][0]

    first, second = loss(1, 0), loss(0, 1)
    assert min(first, second) > 0.1
    assert loss(1, 1) == pytest.approx(first + second, rel=1e-5)
    assert loss(0.5, 2) == pytest.approx(0.5 * first + 2 * second, rel=1e-5)


def test_it_learns_what_it_is_shown(tmp_path):
    inputs = ["I love York , not the film".split(), "the river is in York".split()] * 2
    targets = ["B-PER O B-LOC O O O O".split(), "O O O O B-LOC".split()] * 2
    tagger = kerasbert.TokenClassifier.from_pretrained(TINY, labels=labels_of(targets))
    tagger.compile(kerasbert.Recipe(learning_rate=1e-2))
    history = tagger.fit(
        inputs,
        targets,
        validation_data=(inputs, targets),
        epochs=12,
        batch_size=4,
        verbose=0,
    )
    assert history.history["val_f1"][-1] == 1.0
    assert {"val_precision", "val_recall", "val_loss"} <= set(history.history)
    assert tagger.predict_tags(inputs[:2]) == targets[:2]
    text = "The river, in York."
    [[entity]] = tagger.predict([text])
    assert (entity["type"], entity["text"], entity["start"]) == ("LOC", "York", 14)
    york = [{"start": 14, "end": 18, "type": "LOC"}]
    assert tagger.evaluate([text], [york])["f1"] == 1.0
    wrong = [{"start": 11, "end": 18, "type": "LOC"}]
    assert tagger.answer_metrics([text], [wrong]) == {
        "precision": 0.0,
        "recall": 0.0,
        "f1": 0.0,
        "accuracy": 4 / 6,
    }

    tagger.save(tmp_path / "ner")
    loaded = kerasbert.load(tmp_path / "ner")
    assert loaded.labels == tagger.labels
    assert loaded.options() == tagger.options()
    assert loaded.predict([text]) == tagger.predict([text])


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


@pytest.mark.parametrize(
    "inputs, targets, message",
    [
        ([["a"]], [["B-FOO"]], r"got 'B-FOO' \(1\), the first at position 0"),
        (
            [["a", "b"], ["a"]],
            [["O", "O"], ["X"]],
            r"'X' \(1\), the first at posit.* 1",
        ),
        ([["a", "b"]], [["O"]], "each of the 2 words at position 0, got 1"),
        ([["a"]], [], "a target for each of 1 examples, got 0"),
        (["ab"], [[{"start": 0, "end": 3, "type": "LOC"}]], "within the 2 characters"),
        (["ab"], [[{"start": 1, "end": 1, "type": "LOC"}]], "got 1 to 1"),
        (["ab"], [[{"start": 0, "end": 1, "type": "X"}]], r"among LOC, PER; got 'X'"),
        (["ab"], [["O"]], "Expected entities with start, end and type at position 0"),
        (
            ["abc"],
            [[{"start": s, "end": s + 2, "type": "LOC"} for s in (1, 0)]],
            "do not overlap at position 0",
        ),
    ],
)
def test_targets_that_do_not_fit_are_refused(tagger, inputs, targets, message):
    with pytest.raises(ValueError, match=message):
        tagger.features(inputs, targets)


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
