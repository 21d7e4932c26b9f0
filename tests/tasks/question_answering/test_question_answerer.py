import json
import warnings

import keras
import numpy as np
import pytest

import kerasbert
from tests.tasks.conftest import FIXTURES

BERT, ALBERT = (FIXTURES / f"{kind}_question_answering" for kind in ("bert", "albert"))
LONG = "the film is good, and the river was not very good; i love this book to read. "
CHINESE = "你好世界😀我爱中国。天大人小"


def answerer_of(folder=BERT, **options):
    return kerasbert.QuestionAnswerer.from_pretrained(folder / "huggingface", **options)


@pytest.fixture(scope="module")
def answerer():
    """One whose windows are short: 24 tokens, of which neighbours share 6."""
    return answerer_of(max_length=24, stride=6, max_answer_length=5)


@pytest.mark.parametrize("folder", [BERT, ALBERT], ids=lambda folder: folder.name)
def test_published_models_give_the_logits_of_transformers(folder):
    with np.load(folder / "expected.npz") as expected:
        names = ("token_ids", "segment_ids", "padding_mask")
        outputs = answerer_of(folder).model({name: expected[name] for name in names})
        seen = expected["padding_mask"].astype(bool)
        for name in ("start_logits", "end_logits"):
            np.testing.assert_allclose(
                np.asarray(outputs[name])[seen], expected[name][seen], 0, 3e-6
            )


# What an answer should be, computed step by step from the model's own logits.


def every_answer(answerer, question, context):
    """All answers that could be, by place, with their scores; that of no answer."""
    tokenizer = answerer.tokenizer
    asked = tokenizer.encode([question])[0][1:-1]
    ids, starts, ends = (
        rows.to_list()[0] for rows in tokenizer.tokenize_with_offsets([context])
    )
    room = answerer.max_length - 3 - len(asked)
    windows = [0]
    while windows[-1] + room < len(ids):
        windows.append(windows[-1] + room - answerer.stride)
    sizes = [min(room, len(ids) - start) for start in windows]
    logits = []
    for start, size in zip(windows, sizes, strict=True):
        part = ids[start : start + size]
        row = [tokenizer.cls_token_id, *asked, tokenizer.sep_token_id]
        row += [*part, tokenizer.sep_token_id]
        inputs = {
            "token_ids": np.array([row]),
            "segment_ids": np.array([[0] * (len(asked) + 2) + [1] * (size + 1)]),
            "padding_mask": np.ones((1, len(row)), "int32"),
        }
        outputs = answerer.model(inputs)
        logits.append([np.asarray(outputs[f"{s}_logits"])[0] for s in ("start", "end")])

    def around(window, token):
        start, size = windows[window], sizes[window]
        if not start <= token < start + size:
            return -1
        return min(token - start, start + size - 1 - token) + size / 100

    found = {}
    for first in range(len(ids)):
        window = max(range(len(windows)), key=lambda w: around(w, first))
        stop = min(first + answerer.max_answer_length, windows[window] + sizes[window])
        for last in range(first, stop):
            slot = len(asked) + 2 - windows[window]
            start_logits, end_logits = logits[window]
            found[starts[first], ends[last]] = (
                start_logits[slot + first] + end_logits[slot + last]
            )
    return found, min(start[0] + end[0] for start, end in logits)


@pytest.mark.parametrize(
    "context", [LONG, LONG * 2, CHINESE, "good"], ids=["long", "2", "chinese", "short"]
)
def test_answers_are_the_best_spans_of_all_windows(answerer, context):
    spans, _ = every_answer(answerer, "what is good", context)
    expected = sorted(spans.items(), key=lambda item: -item[1])[:4]
    total = sum(np.exp(score) for score in spans.values())
    [found] = answerer.predict([("what is good", context)], top_k=4)
    for answer, ((start, end), score) in zip(found["answers"], expected, strict=True):
        assert (answer["start"], answer["end"]) == (start, end)
        assert answer["answer"] == context[start:end] != ""
        assert answer["score"] == pytest.approx(np.exp(score) / total, rel=1e-4)
    assert found["answer"] == found["answers"][0]["answer"]


@pytest.mark.parametrize("shift", [-0.01, 0.01])
def test_no_answer_is_given_where_it_scores_more_than_the_best_by_the_threshold(
    answerer, monkeypatch, shift
):
    spans, nothing = every_answer(answerer, "who", LONG)
    threshold = float(nothing - max(spans.values()) + shift)
    monkeypatch.setattr(answerer, "no_answer", True)
    monkeypatch.setattr(answerer, "null_score_diff_threshold", threshold)
    [found] = answerer.predict([("who", LONG)], top_k=2)
    none = np.exp(nothing - threshold)
    total = none + sum(np.exp(score) for score in spans.values())
    score = pytest.approx(none / total, rel=1e-4)
    empty = {"answer": "", "score": score, "start": 0, "end": 0}
    assert found["answers"][0 if shift < 0 else 1] == empty
    assert (found["answer"] == "") == (shift < 0)


def test_a_question_has_the_same_answer_among_others(answerer):
    inputs = [
        ("what", LONG),
        {"question": "who", "context": CHINESE},
        ("what is this", LONG * 3),
        ("who", LONG),
    ]
    together = answerer.predict(inputs)
    for one, found in zip(inputs, together, strict=True):
        [alone] = answerer.predict([one])
        assert alone.pop("score") == pytest.approx(found.pop("score"), rel=1e-5)
        assert alone == found
    assert answerer.predict([]) == []


def test_offsets_count_characters_whatever_they_are(answerer):
    # Half a surrogate pair, as broken JSON has it, is one character, too.
    for context in ("😀 é good\u3000book", "\ud83d good", "a\u0301b 你好", "ﬁlm\tße"):
        [found] = answerer.predict([("what", context)], top_k=20)
        for answer in found["answers"]:
            assert answer["answer"] == context[answer["start"] : answer["end"]] != ""
        places = [(answer["start"], answer["end"]) for answer in found["answers"]]
        assert len(set(places)) == len(places)


def test_a_context_without_words_has_no_answer(answerer):
    found = answerer.predict([("what", ""), ("", " \n"), ("", "")])
    assert found == [{"answer": "", "score": 1.0, "start": 0, "end": 0}] * 3


def test_albert_answers_with_parts_of_the_context():
    answerer = answerer_of(ALBERT, max_length=24, stride=6, max_answer_length=5)
    [found] = answerer.predict([("what is good", LONG * 2)], top_k=5)
    for answer in found["answers"]:
        assert answer["answer"] == (LONG * 2)[answer["start"] : answer["end"]] != ""
        assert answer["answer"] == answer["answer"].strip()


# Training.


def test_a_saved_answerer_is_the_same_after_loading(tmp_path):
    options = {
        "max_length": 20,
        "stride": 4,
        "max_query_length": 6,
        "max_answer_length": 3,
        "no_answer": True,
        "null_score_diff_threshold": -0.5,
    }
    answerer = answerer_of(**options)
    answerer.save(tmp_path / "answerer")
    loaded = kerasbert.load(tmp_path / "answerer")
    assert type(loaded) is kerasbert.QuestionAnswerer
    assert loaded.options() == options
    inputs = [("what is good", LONG), ("who", CHINESE)]
    assert loaded.predict(inputs, top_k=3) == answerer.predict(inputs, top_k=3)
    description = json.loads((tmp_path / "answerer" / "kerasbert.json").read_text())
    assert description["task"] == "answer"


def test_an_encoder_gets_a_new_head():
    folder = FIXTURES / "bert_tiny"
    keras.utils.set_random_seed(1)
    answerer = answerer_of(folder)
    encoder = kerasbert.load_encoder(folder / "huggingface", add_pooler=False)
    for ours, theirs in zip(answerer.encoder.weights, encoder.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert answerer.max_length == encoder.config.max_position_embeddings


# Bad input.


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ("who", "a list of pairs .* one str"),
        (
            {"question": "a", "context": "b"},
            "a list of pairs .* a dictionary",
        ),
        ([("a", "b"), "who"], "got str at position 1"),
        ([("a", "b", "c")], "got tuple at position 0"),
        ([("a", None)], "got tuple at position 0"),
        ([{"question": "a"}], "got dict at position 0"),
    ],
)
def test_what_is_no_question_is_refused_by_its_position(answerer, inputs, message):
    with pytest.raises(TypeError, match=message):
        answerer.predict(inputs)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_length": 7}, "max_length to be 8 or more, got 7"),
        ({"max_length": 33}, "max_length from 3 to 32"),
        ({"stride": -1}, "stride to be 0 or more"),
        ({"max_query_length": 0}, "max_query_length to be 1 or more"),
        ({"max_answer_length": 0}, "max_answer_length to be 1 or more"),
    ],
)
def test_lengths_that_cannot_be_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        answerer_of(**options)


def test_fewer_answers_than_one_are_refused(answerer):
    with pytest.raises(ValueError, match="top_k to be 1 or more, got 0"):
        answerer.predict([("who", "good")], top_k=0)


def test_questions_that_are_cut_are_reported(answerer):
    inputs = [("what is the good book that i love to read", "good"), ("who", "good")]
    with pytest.warns(UserWarning, match=r"1 of the questions had more than 10 tokens"):
        answerer.predict(inputs)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answerer.predict(inputs[1:])
