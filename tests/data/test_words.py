import pytest

from kerasbert.data import holds_words, open_words

TAGS = ["O", "B-PER", "I-PER"]


@pytest.fixture
def words(tmp_path):
    """The words of a file with some content."""

    def read(content, *options, name="words"):
        (tmp_path / name).write_text(content, "utf-8")
        with open_words(tmp_path / name, *options) as texts:
            return list(texts)

    return read


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("Ada\nslept\n\n\nhere\n", []),
        ("Ada B-PER\nslept O\n\nhere O", []),
        ("Ada\t\nslept\t\n\nhere\t\n", []),
        ("x Ada\nx slept\n\nx here\n", ["conll", 2]),
        ("en:Ada O\nen:slept O\n\nhere O\n", [None, 1, "en:"]),
        ('{"tokens": ["Ada", "slept"]}\n\n{"tokens": ["here"], "tags": 1}', ["jsonl"]),
    ],
)
def test_words_are_read_without_heed_to_tags(words, content, options):
    assert words(content, *options) == [["Ada", "slept"], ["here"]]


def test_characters_lose_their_marks(words):
    assert words("科0 O\n技1 O\n", None, 1, "", True) == [["科", "技"]]


def test_texts_come_before_the_file_is_read_whole(tmp_path):
    (tmp_path / "words").write_bytes(b"Ada\n\nslept O\n\xff\n")
    with open_words(tmp_path / "words") as texts:
        assert next(texts) == ["Ada"]
        with pytest.raises(ValueError, match="line 3"):
            next(texts)


@pytest.mark.parametrize(
    ("content", "name", "fragments"),
    [
        ("Ada O\nslept\n", "words", ["2 columns", "line 2", "words"]),
        ('{"text": "Ada"}\n', "w.jsonl", ["tokens", "line 1", "w.jsonl", "Ada"]),
        ('{"tokens": ["a"]}\n{"tokens": [1]}\n', "w.jsonl", ["tokens", "line 2"]),
        ("{", "w.jsonl", ["JSON", "line 1"]),
    ],
)
def test_what_is_no_list_of_words_is_refused_with_its_line(
    words, content, name, fragments
):
    with pytest.raises(ValueError) as caught:
        words(content, name=name)
    for fragment in fragments:
        assert fragment in str(caught.value)


@pytest.mark.parametrize(
    ("content", "name", "form", "expected"),
    [
        ("\nAda B-PER\nslept O\n\nhere X\n", "words", None, True),
        ("Ada\tB-PER\n", "words.tsv", None, True),
        ("Ada slept\nblood type O\n", "texts.txt", None, False),
        ("Ada\nO\n", "texts.txt", None, False),
        ("", "texts.txt", None, False),
        ("Ada\n", "words", "conll", True),
        ("Ada\tO\n", "words", "tsv", False),
        ('{"tokens": ["Ada"]}\n', "words.jsonl", None, True),
        ('{"text": "Ada"}\n', "words.jsonl", None, False),
        ('{"tokens": ["Ada"]}\n', "words", "jsonl", True),
    ],
)
def test_words_and_texts_are_told_apart(tmp_path, content, name, form, expected):
    (tmp_path / name).write_text(content)
    assert holds_words(tmp_path / name, TAGS, form) is expected


def test_standard_input_is_words_where_that_is_said():
    assert holds_words("-", TAGS, "conll")
    assert not holds_words("-", TAGS)


def test_a_form_that_is_given_goes_before_the_suffix(tmp_path):
    (tmp_path / "a.csv").write_text('"Ada\nslept,\n\nParis\n', "utf-8")
    with open_words(tmp_path / "a.csv", "conll") as texts:
        assert list(texts) == [['"Ada', "slept,"], ["Paris"]]
