import json

import pytest

from kerasbert.data import read_columns, read_tagged, read_tagged_json


@pytest.fixture
def write(tmp_path):
    def write(text, name="train.conll"):
        file = tmp_path / name
        file.write_bytes(text.encode("utf-8"))
        return file

    return write


def test_columns_are_words_and_tags_between_empty_lines(write):
    file = write("\n\nNew\tB-LOC\nYork\tI-LOC\n\t\n\nis\tO\n")
    assert read_columns(file) == (
        [["New", "York"], ["is"]],
        [["B-LOC", "I-LOC"], ["O"]],
    )


def test_spaces_divide_columns_where_there_are_no_tabs(write):
    file = write("-DOCSTART- -X- O\r\n\r\nU.N. NNP  I-ORG\r\nhere RB O\r\n")
    assert read_columns(file) == ([["U.N.", "here"]], [["I-ORG", "O"]])
    assert read_columns(file, tag=2)[1] == [["NNP", "RB"]]


def test_words_between_tabs_may_hold_spaces(write):
    assert read_columns(write("New York\tB-LOC\n"))[0] == [["New York"]]


def test_columns_may_have_names(write):
    file = write("id,tag,token\n1,O,a\n2,B-X,b\n", "train.csv")
    found = read_columns(file, word="token", tag="tag", separator=",")
    assert found == ([["a", "b"]], [["O", "B-X"]])


def test_a_prefix_is_taken_from_words(write):
    file = write("en:Ada\tB-PER\nen:en:x\tO\n")
    assert read_columns(file, prefix="en:")[0] == [["Ada", "en:x"]]


def test_characters_of_chinese_lose_their_marks(write):
    file = write("科0\tO\n技1\tB-X\n\n中 \tO\n")
    assert read_columns(file, characters=True)[0] == [["科", "技"], ["中"]]
    assert read_columns(write("高 B-NAME\n勇 E-NAME\n"))[0] == [["高", "勇"]]


def test_comments_are_skipped(write):
    file = write("# id 1\n#\tO\na\tO\n")
    assert read_columns(file, comment="# ")[0] == [["#", "a"]]


@pytest.mark.parametrize(
    "text, options, message",
    [
        ("", {}, "Expected tagged texts in .*train.conll, but it holds none"),
        ("\n\n", {}, "Expected tagged texts"),
        ("a\tO\nb\n", {}, "Expected 2 columns in line 2 of .*train.conll.*got 1"),
        ("a O\n\nb X O\n", {}, "Expected 2 columns in line 3 of .*got 3"),
        ("a\n", {}, "a word and a tag, in columns of their own, in line 1"),
        ("a\tO\n", {"tag": 3}, "a column 3, got 2 columns in line 1"),
        ("w\tt\n", {"word": "token"}, "a column 'token', got the columns w, t in"),
        ("a\tO\nb\t\n", {}, "Expected a tag in line 2"),
    ],
)
def test_what_is_wrong_in_columns_is_said_with_file_and_line(
    write, text, options, message
):
    with pytest.raises(ValueError, match=message):
        read_columns(write(text), **options)


def test_bytes_that_are_no_text_are_told_by_line(tmp_path):
    file = tmp_path / "latin.conll"
    file.write_bytes(b"a O\ncaf\xe9 O\n")
    with pytest.raises(ValueError, match=r"line 2 holds the byte\s+0xe9"):
        read_columns(file)
    with pytest.raises(FileNotFoundError, match="Expected a file at"):
        read_columns(tmp_path / "none.conll")


def test_json_lines_hold_tokens_or_texts(write):
    tokens = {"tokens": ["Ada", "slept"], "tags": ["B-PER", "O"], "id": 7}
    file = write(json.dumps(tokens) + "\n\n", "a.jsonl")
    assert read_tagged(file) == ([["Ada", "slept"]], [["B-PER", "O"]])
    entity = {"start": 0, "end": 3, "type": "PER"}
    text = {"text": "Ada slept", "entities": [{**entity, "id": "x"}]}
    file = write(json.dumps(text), "b.jsonl")
    assert read_tagged(file) == (["Ada slept"], [[entity]])


@pytest.mark.parametrize(
    "line, message",
    [
        ('{"tokens": ["a", "b"], "tags": ["O"]}', "got 1 for 2"),
        ('{"tokens": ["a"]}', "Expected tags, a list of strings, in line 1"),
        ('{"tokens": ["a"], "tags": [3]}', "Expected tags, a list of strings"),
        ('{"words": ["a"]}', "Expected tokens and tags, or text and entities.*words"),
        ('{"text": "a"}', "Expected entities, a list, in line 1 of"),
        ('{"text": "a", "entities": [{"start": 0, "end": 2, "type": "X"}]}', "among 1"),
        ('{"text": "a", "entities": [{"start": 0, "end": 1}]}', "and a type, in line"),
        ('{"text": "a", "entities": [7]}', "got 7"),
        ("[1]", "Expected a JSON object in line 1"),
        ("{", "Expected JSON in line 1 of"),
        ("", "Expected tagged texts"),
    ],
)
def test_what_is_wrong_in_json_is_said_with_file_and_line(write, line, message):
    with pytest.raises(ValueError, match=message.replace("among 1", "among the 1")):
        read_tagged_json(write(line, "a.jsonl"))


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("Ada B-PER\n\nslept X\n", "a.txt"),
        ('{"tokens": ["Ada"], "tags": ["O"]}\n\n{"tokens": ["b"], "tags": ["X"]}\n',)
        + ("a.jsonl",),
    ],
)
def test_tags_that_may_not_be_are_refused_by_file_and_line(write, content, name):
    file = write(content, name)
    with pytest.raises(ValueError, match=f"'X' in line 3 of .*{name}"):
        read_tagged(file, tags=["O", "B-PER"])
    assert len(read_tagged(file, tags=["O", "B-PER", "X"])[0]) == 2


def test_what_begins_a_document_has_any_tag(write):
    file = write("-DOCSTART- -X- -X-\n\nAda NNP B-PER\n", "a.txt")
    assert read_tagged(file, tags=["B-PER"]) == ([["Ada"]], [["B-PER"]])


def test_tokens_and_texts_do_not_mix(write):
    lines = '{"tokens": ["a"], "tags": ["O"]}\n{"text": "a", "entities": []}\n'
    with pytest.raises(ValueError, match="as in the lines before it, in line 2"):
        read_tagged_json(write(lines, "a.jsonl"))
