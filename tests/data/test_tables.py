import io
import sys

import pytest

from kerasbert.data import (
    Columns,
    number,
    one_label,
    read_examples,
    several_labels,
    sorted_labels,
)


@pytest.fixture
def table(tmp_path):
    def write(content, name="train.tsv"):
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    return write


def test_two_columns_are_a_text_and_its_label(table):
    examples = read_examples(table('a "quote\t1\nplain\t0\n'), target=one_label)
    assert examples.inputs == ['a "quote', "plain"]
    assert examples.targets == ["1", "0"]
    assert examples.lines == [1, 2]
    assert examples.weights is None


def test_three_columns_are_a_pair_and_its_label(table):
    examples = read_examples(table("怎么\t如何\t1\r\n谁\t你\t0\r\n"), target=one_label)
    assert examples.inputs == [("怎么", "如何"), ("谁", "你")]
    assert examples.targets == ["1", "0"]


def test_a_header_says_where_the_columns_are(table):
    content = '\ufefflabel,review\n1,"near, but ""line 5"""\n0,\n'
    examples = read_examples(table(content, "x.csv"), target=one_label)
    assert examples.inputs == ['near, but "line 5"', ""]
    assert examples.targets == ["1", "0"]
    named = table("id\tlabel\tsentence1\tsentence2\n7\tyes\ta\tb\n")
    assert read_examples(named, target=one_label).inputs == [("a", "b")]
    assert read_examples(named, pairs=False).inputs == ["a"]
    columns = Columns(text="sentence2", label="id")
    examples = read_examples(named, columns, number)
    assert (examples.inputs, examples.targets) == (["b"], [7.0])


def test_empty_lines_are_texts_in_a_single_column_and_nothing_in_others(table):
    def inputs(content, **options):
        return read_examples(table(content), **options).inputs

    assert inputs("\n\na\n\nb\n") == ["", "", "a", "", "b"]
    assert inputs("\n\n") == ["", ""]
    assert inputs("\n\na\t1\n\nb\t0\n", target=one_label) == ["a", "b"]
    assert inputs("\ntext\n\na\n") == ["", "a"]


def test_columns_have_numbers_from_one_and_others_may_be_missing(table):
    """As in the STS benchmark: a score in column 5, two columns more in some rows."""
    content = 'm\tc\t1\t2\t5.000\tA "plane.\tA jet.\nm\tc\t1\t2\t0\tx\ty\tmore\tmore\n'
    columns = Columns(text=6, pair="7", label=5)
    examples = read_examples(table(content, "sts.csv"), columns, number)
    assert examples.inputs == [('A "plane.', "A jet."), ("x", "y")]
    assert examples.targets == [5.0, 0.0]


def test_a_cell_of_csv_may_have_several_lines(table):
    content = 'text,label\n"one\ntwo",1\nthree,\n'
    with pytest.raises(ValueError, match="line 4 of .*empty cell"):
        read_examples(table(content, "x.csv"), target=one_label)


def test_lines_of_json_have_columns_by_name(table):
    content = (
        '{"text": "a\\u2028b", "labels": ["new", "old"], "weight": 2}\n\n'
        '{"labels": [], "text": "c", "weight": 0.5, "more": 1}\n'
    )
    examples = read_examples(
        table(content, "x.jsonl"), Columns(weight="weight"), several_labels()
    )
    assert examples.inputs == ["a\u2028b", "c"]
    assert examples.targets == [["new", "old"], []]
    assert examples.weights == [2.0, 0.5]
    assert examples.lines == [1, 3]


def test_columns_named_after_classes_are_labels(table):
    content = "text\trude\tloud\na\t0\t1\nb\t\ttrue\nc\t1\t1\n"
    columns = Columns(label=["rude", "loud"])
    examples = read_examples(table(content), columns, several_labels())
    assert examples.targets == [["loud"], ["loud"], ["rude", "loud"]]


def test_a_table_of_one_column_has_empty_texts_too(table):
    assert read_examples(table("a\n\nb\n")).inputs == ["a", "", "b"]
    assert read_examples(table("a\t1\n\nb\t2\n")).inputs == ["a", "b"]


def test_without_labels_a_pair_is_taken_where_pairs_are_wanted(table):
    file = table("a\tb\t1\n")
    assert read_examples(file).inputs == ["a"]
    assert read_examples(file, pairs=True).inputs == [("a", "b")]
    with pytest.raises(ValueError, match="pairs of texts"):
        read_examples(table("a\n"), pairs=True)


def test_standard_input_is_a_table_too(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(b"good\t1\n"))
    monkeypatch.setattr(sys, "stdin", stream)
    assert read_examples("-", target=one_label).targets == ["1"]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    with pytest.raises(ValueError, match="standard input, but it is empty"):
        read_examples("-")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.tsv", "", "rows in .*x.tsv, but it is empty"),
        ("x.jsonl", "\n", "rows in .*x.jsonl, but it is empty"),
        ("x.tsv", "text\tlabel\n", "x.tsv, but it has only a header"),
        ("x.tsv", b"good\t1\nsch\xf6n\t1\n", "in .*x.tsv, but in line 2 .*0xf6"),
        ("x.tsv", "a\t1\n\nb\t1\tc\n", "2 columns in line 3 of .*x.tsv.* got 3"),
        ("x.tsv", "a\t1\nb\n", "2 columns in line 2 of .*x.tsv.* got 1"),
        ("x.tsv", "a\t1\nb\t\n", "In line 2 of .*x.tsv: expected a label"),
        ("x.tsv", "a\nb\n", "a text and a label in each row of .*x.tsv"),
        ("x.tsv", "a\tb\tc\td\n", "columns of .*x.tsv are ambiguous: it has 4"),
        ("x.csv", 'a,"b"c\n', "CSV in .*x.csv, but the row of line 1"),
        (
            "x.jsonl",
            '{"text": "a", "label": 1}\n{"text"\n',
            "JSON in line 2 of .*x.jsonl",
        ),
        ("x.jsonl", "[1]\n", r"JSON in line 1 of .*x.jsonl, got '\[1\]'"),
        ("x.jsonl", '{"text": "a"}\n', "the label in .*x.jsonl, which has .* text"),
        (
            "x.jsonl",
            '{"text": "a", "label": 1}\n{"text": "a"}\n',
            "a field 'label' in line 2 of .*x.jsonl",
        ),
        ("x.jsonl", '{"text": 1, "label": 1}', "a text in line 1 of .*x.jsonl, got 1"),
        (
            "x.jsonl",
            '{"text": "a", "label": ["b", "c"]}',
            "line 1 of .*x.jsonl: expected one label",
        ),
    ],
)
def test_what_is_wrong_is_told_with_file_and_line(table, name, content, message):
    with pytest.raises(ValueError, match=message):
        read_examples(table(content, name), target=one_label)


@pytest.mark.parametrize(
    ("columns", "target", "message"),
    [
        (Columns(text="body"), one_label, "column 'body' in .* text, label, weight"),
        (Columns(text=9), one_label, "column 9 in "),
        (Columns(), number, "line 2 of .*: expected a number, got 'good'"),
        (Columns(weight="weight"), one_label, "line 2 of .* weight of 0 or more"),
        (Columns(label=["label", "weight"]), one_label, "expected 0 or 1, got 'good'"),
    ],
)
def test_columns_that_do_not_fit_are_refused(table, columns, target, message):
    file = table("text\tlabel\tweight\na\tgood\t-1\n")
    with pytest.raises(ValueError, match=message):
        read_examples(file, columns, target)


def test_a_named_column_that_a_row_lacks_is_told_with_its_line(table):
    columns = Columns(text=1, label=3)
    with pytest.raises(ValueError, match="Expected 3 columns in line 2 of .*, got 2"):
        read_examples(table("a\tb\t1\nc\td\n"), columns, one_label)


def test_a_file_that_is_none_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.tsv"):
        read_examples(tmp_path / "nothing.tsv")
    with pytest.raises(IsADirectoryError, match="folder"):
        read_examples(tmp_path)
    with pytest.raises(ValueError, match="among tsv, csv, jsonl, txt, got 'xml'"):
        read_examples(tmp_path, form="xml")


def test_labels_are_sorted_and_numbers_by_their_size():
    assert sorted_labels(["2", "10", "2"]) == ["2", "10"]
    assert sorted_labels(["b", "10", "2", "a"]) == ["10", "2", "a", "b"]
    assert sorted_labels([["x"], [], ["b", "x"]]) == ["b", "x"]
