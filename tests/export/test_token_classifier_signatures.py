import numpy as np
import pytest

import kerasbert
from tests.export.served import FIXTURES, Served, texts_of

TRAINED = FIXTURES / "bert_token_classification" / "huggingface"
TEXTS = [
    "the trading film is reading",
    "",
    "你好, by U.S. naïve ﬁlm 😀!",
    "\u200b\x00",
    "good film " * 30,  # two windows and more
    b"caf\xc3\xa9 \xff\xfe loved",
]


@pytest.fixture(scope="module")
def task():
    # IOB2, so that what an untrained tagger says is repaired.
    return kerasbert.TokenClassifier.from_pretrained(TRAINED, scheme="IOB2")


@pytest.fixture(scope="module")
def served(task, tmp_path_factory):
    return Served(task.export(tmp_path_factory.mktemp("export") / "ner"))


def text_rows(array, counts):
    return [
        [value.decode() for value in row[:count]]
        for row, count in zip(array, counts, strict=True)
    ]


def test_the_served_entities_are_the_tasks(task, served):
    answer = served(text=texts_of(TEXTS))
    counts = answer["entity_count"]
    expected = task.predict(TEXTS)
    assert counts.tolist() == [len(row) for row in expected]
    assert text_rows(answer["types"], counts) == [
        [e["type"] for e in r] for r in expected
    ]
    assert text_rows(answer["texts"], counts) == [
        [e["text"] for e in r] for r in expected
    ]
    for name, key in (("starts", "start"), ("ends", "end"), ("scores", "score")):
        for row, entities in zip(answer[name], expected, strict=True):
            values = [entity[key] for entity in entities]
            np.testing.assert_allclose(row[: len(values)], values, rtol=1e-5)
            assert not row[len(values) :].any()
    lengths = [len(row) for row in task.tokenizer.encode(TEXTS)]
    assert answer["token_count"].tolist() == lengths
    assert max(lengths) > task.max_length


def test_the_served_tags_say_the_same_entities(task, served):
    answer = served("tags", text=texts_of(TEXTS[:3]))
    counts = answer["word_count"]
    assert counts.tolist() == [5, 0, 12]
    words = text_rows(answer["words"], counts)
    assert words[0] == TEXTS[0].split()
    assert words[2] == [*"你好,", "by", *"U.S.", "naïve", "ﬁlm", "😀", "!"]
    tags = text_rows(answer["tags"], counts)
    assert tags[0] == task.predict_tags([words[0]])[0]
    assert task.scheme.allows(tags[0]) and task.scheme.allows(tags[2])
    assert answer["starts"][0].tolist()[:5] == [0, 4, 12, 17, 20]


@pytest.mark.parametrize("signature", ["serving_default", "tags"])
def test_no_texts_have_no_entities(served, signature):
    answer = served(signature, text=texts_of([]))
    assert {len(output) for output in answer.values()} == {0}


def test_a_text_alone_has_the_entities_that_it_has_among_others(served):
    together = served(text=texts_of(TEXTS))
    alone = served(text=texts_of(TEXTS[2:3]))
    count = alone["entity_count"][0]
    for name in ("types", "texts", "starts", "ends"):
        assert (alone[name][0] == together[name][2][:count]).all()


def test_a_book_is_read_in_parts(task, served):
    book = "the trading film is reading " * 400  # more than a hundred windows
    [expected] = task.predict([book])
    answer = served(text=texts_of(["", book, "loved"]))
    count = answer["entity_count"][1]
    assert count == len(expected) and answer["token_count"][1] > 64 * task.max_length
    assert answer["starts"][1].tolist() == [entity["start"] for entity in expected]
    scores = [entity["score"] for entity in expected]
    np.testing.assert_allclose(answer["scores"][1], scores, rtol=1e-4)
