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
        ("a\n", {}, "a word and a tag in separate columns in line 1"),
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
    with pytest.raises(ValueError, match=r"line 2 the byte\s+0xe9"):
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
        ('{"tokens": ["a"], "tags": [3]}', "Expected the names of tags in line 1"),
        ('{"tokens": ["a"], "tags": [null]}', "Expected tags, a list of strings"),
        ('{"wordz": ["a"]}', "Expected tokens and tags, or text and entities.*wordz"),
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


KAGGLE = """Sentence #,Word,POS,Tag
Sentence: 1,"1,000",CD,O
,in,IN,O
,London,NNP,B-geo
Sentence: 2,\"\"\"\",``,O
,troops,NNS,O
"""


def test_a_table_of_words_has_a_column_that_tells_sentences_apart(write):
    expected = (
        [["1,000", "in", "London"], ['"', "troops"]],
        [["O", "O", "B-geo"], ["O", "O"]],
    )
    found = read_tagged(write(KAGGLE, "ner.csv"))
    assert found == expected
    assert found.account.columns == {
        **{"word": "Word", "tag": "Tag", "sentence": "Sentence #"},
    }
    filled = KAGGLE.replace("\n,", "\nSentence: 1,", 2).replace("\n,", "\nSentence: 2,")
    assert read_tagged(write(filled, "ner.csv")) == expected
    tabs = KAGGLE.replace("1,000", "1.000").replace(",", "\t")
    assert read_tagged(write(tabs, "ner.tsv"))[0][0] == ["1.000", "in", "London"]
    numbered = "n;w;t\n1;Ada;B-PER\n1;slept;O\n2;x;O\n"
    columns = {"word": "w", "tag": "t", "sentence": "n"}
    found = read_tagged(write(numbered, "a.csv"), **columns)
    assert found == ([["Ada", "slept"], ["x"]], [["B-PER", "O"], ["O"]])


def test_a_line_that_is_a_sentence_is_refused(write):
    rows = (
        "Sentence #,Sentence,POS,Tag\nSentence: 1,a b,\"['X', 'Y']\",\"['O', 'O']\"\n"
    )
    with pytest.raises(ValueError, match="got a list of tags.*or JSON lines"):
        read_tagged(write(rows, "ner.csv"))


def test_columns_of_a_csv_need_no_names(write):
    found = read_tagged(write('Ada,B-PER\n",",O\n\nx,O\n', "a.csv"))
    assert found == ([["Ada", ","], ["x"]], [["B-PER", "O"], ["O"]])
    assert read_columns(write('"\tO\nx\tO\n'))[0] == [['"', "x"]]


def test_comments_and_ranges_of_conll_u_are_left_out_and_counted(write):
    empty = "\t_" * 7
    lines = (
        "# newdoc id = a",
        "# sent_id = 1",
        "# text = Ada isn't",
        f"1\tAda{empty}\tB-PER",
        f"2-3\tisn't{empty}\t_",
        f"2\tis{empty}\tO",
        f"3\tn't{empty}\tO",
        "",
        "# id 7\tdomain=en",
        f"1\t#{empty}\tO",
        "",
    )
    found = read_columns(write("\n".join(lines)), word=2)
    assert found[0] == [["Ada", "is", "n't"], ["#"]]
    assert found.account.skipped == {
        "comments": 4,
        "multiword tokens and empty nodes": 1,
    }
    assert read_columns(write("#\tO\n#tag\tO\n# O\tO\n"))[0] == [["#", "#tag", "# O"]]


def test_what_was_read_of_columns_is_in_the_account(write):
    file = write("-DOCSTART- -X- O\n\nU.N. NNP I-ORG\n\nhere RB O\n", "a.conll")
    account = read_columns(file).account
    how = "words in columns, space, UTF-8, no header"
    columns = "word=column 1, tag=column 3 (2: I-ORG, O)"
    rest = "2 examples; skipped: 1 document separators"
    assert account.line == f"{file}: {how}; {columns}; {rest}"
    assert account.values()["labels"] == {"I-ORG": 1, "O": 1}


@pytest.mark.parametrize(
    ("form", "content"),
    [
        ("conll", '"Ada B-PER\n, O\n\nx O\n'),
        ("conll", '"Ada\tB-PER\n,\tO\n\nx\tO\n'),
        ("tsv", '"Ada\tB-PER\n,\tO\n\nx\tO\n'),
    ],
)
def test_a_form_that_is_given_goes_before_the_suffix(write, form, content):
    separator = "\t" if form == "tsv" else None
    found = read_columns(write(content, "a.csv"), form=form, separator=separator)
    assert found == ([['"Ada', ","], ["x"]], [["B-PER", "O"], ["O"]])
