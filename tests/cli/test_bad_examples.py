"""Files of examples that are none, for every task: a line that says where."""

import json

import pytest

pytest.importorskip("tensorflow")

from tests.cli.conftest import FIXTURES
from tests.cli.test_bad_input import refused

TINY = FIXTURES / "bert_tiny/huggingface"
PARIS = {"text": "Paris", "answer_start": 13}


def squad(*answers, context="She lives in Paris."):
    questions = [
        {"id": str(number), "question": "Where?", "answers": [answer] if answer else []}
        for number, answer in enumerate(answers)
    ]
    return json.dumps(
        {"data": [{"paragraphs": [{"context": context, "qas": questions}]}]}
    )


@pytest.fixture
def learn(kerasbert, tmp_path, monkeypatch):
    """Trains on contents of a file that are wrong."""
    monkeypatch.chdir(tmp_path)

    def run(task, name, content, *words):
        (tmp_path / name).write_text(content, "utf-8")
        return kerasbert(
            *("finetune", task, "--model", TINY, "--train", name, "--output", "run"),
            *("--epochs", 1, *words),
        )

    return run


EMPTY = [
    *[(task, "t.tsv", "") for task in ("classify", "regress", "embed", "fill")],
    ("classify", "t.jsonl", "\n\n"),
    ("tag", "t.txt", "\n"),
    ("tag", "t.jsonl", ""),
    ("answer", "t.json", ""),
    ("answer", "t.json", '{"data": []}'),
]
LINES = [
    ("regress", "t.tsv", "a\tb\t1\nc\td\n", [], "3 columns in line 2"),
    (
        "regress",
        "t.tsv",
        "a\tb\t1\nc\td\tgood\n",
        [],
        "line 2 of t.tsv: expected a num",
    ),
    ("embed", "t.tsv", "a\tb\nc\n", [], "2 columns in line 2"),
    (
        *("embed", "t.tsv", "a\tb\t1\nc\td\tx\n"),
        *(["--label-column", "3"], "line 2 of t.tsv: expected a num"),
    ),
    ("tag", "t.txt", "She B-PER\nlives\n", [], "2 columns in line 2"),
    ("answer", "t.json", '{"data":\n[}', [], "line 2"),
]
COLUMNS = [
    (
        "regress",
        "t.tsv",
        "text\tscore\na\t1\n",
        ["--label-column", "rating"],
        "'rating'",
    ),
    ("embed", "t.tsv", "a\tb\nc\td\n", ["--pair-column", "5"], "column 5"),
    ("fill", "t.tsv", "text\nbook\n", ["--text-column", "body"], "'body'"),
    ("tag", "t.txt", "word tag\nShe B-PER\n", ["--label-column", "ner"], "'ner'"),
]
OTHERS = [
    ("tag", "t.txt", "She B-PER\nlives FOO\n", [], "In t.txt: Expected tags of a"),
    ("tag", "t.txt", "She O\nlives O\n", [], "In t.txt: Expected tags to learn"),
    ("tag", "t.txt", "She B-PER\n", ["--labels", "O,B-LOC,I-LOC"], "'B-PER' in line 1"),
    (
        *("tag", "t.jsonl", '\n{"tokens": ["She"], "tags": ["B-PER"]}\n'),
        *(["--labels", "O,B-LOC,I-LOC"], "'B-PER' in line 2 of t.jsonl"),
    ),
    ("fill", "t.tsv", "\n \n", [], "all of its lines are empty"),
    ("classify", "t.tsv", "a\tx\nb\tx\n", ["--labels", "x"], "'x' alone"),
    ("fill", "t.tsv", "text\nbook\n\u200b\n", ["--text-column", "text"], "position 1"),
]


def ids(value):
    return value if isinstance(value, str) and len(value) < 9 else ""


@pytest.mark.parametrize(("task", "name", "content"), EMPTY, ids=ids)
def test_a_file_of_nothing_is_refused(learn, tmp_path, task, name, content):
    refused(learn(task, name, content), name)
    assert not (tmp_path / "run").exists()


WORDS = ("task", "name", "content", "words", "message")


@pytest.mark.parametrize(WORDS, LINES + COLUMNS, ids=ids)
def test_rows_that_are_none_are_refused_by_file_and_line(
    learn, tmp_path, task, name, content, words, message
):
    refused(learn(task, name, content, *words), message, name)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(WORDS, OTHERS, ids=ids)
def test_examples_that_are_none_of_a_task_are_refused_and_leave_nothing(
    learn, tmp_path, task, name, content, words, message
):
    refused(learn(task, name, content, *words), message)
    assert not (tmp_path / "run").exists()


def test_answers_that_are_not_there_are_counted_and_left_out(learn, tmp_path):
    wrong = {**PARIS, "answer_start": 3}
    done = learn("answer", "t.json", squad(PARIS, wrong, wrong))
    assert (done.code, done.told.count("\n")) == (0, 1)
    assert "warning: 2 of the 3 questions in t.json" in done.err
    done = learn("answer", "t.json", squad(wrong), "--output", "other")
    assert done.code == 2
    warning, error = done.told.splitlines()
    assert "warning: 1 of the 1 questions in t.json" in warning
    assert "Expected answers that stand in their contexts, got 1 question" in error
    assert not (tmp_path / "other").exists()
