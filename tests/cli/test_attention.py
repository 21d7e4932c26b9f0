import json
import re

import pytest

pytest.importorskip("tensorflow")

TEXT = "good <b>morning"


def test_a_page_is_written_and_named(kerasbert, tmp_path):
    file = tmp_path / "maps.html"
    done = kerasbert(
        *("attention", "minilm", TEXT, "--pair", "hello world", "--output", file)
    )
    assert (done.code, done.out, done.err) == (0, f"{file}\n", "")
    page = file.read_text("utf-8")
    data = json.loads(re.search(r'id="data">(.*?)</script>', page)[1])
    assert data["tokens"].count("[SEP]") == 2
    assert data["segments"][-1] == 1
    assert "<b>" not in page.partition("<body>")[0]


def test_long_texts_are_cut_with_a_line(kerasbert, tmp_path):
    done = kerasbert(
        *("attention", "minilm", "a " * 40, "--max-length", 9),
        *("--output", tmp_path / "maps.html"),
    )
    assert done.code == 0
    assert done.err.startswith("kerasbert: warning: The text has 42 tokens")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["attention", "minilm", TEXT], "--output"),
        (["attention", "no/such/folder", TEXT, "-o", "{}/a.html"], "no/such/folder"),
        (["attention", "minilm", TEXT, "-o", "{}"], "Expected a file to write"),
        (
            ["attention", "minilm", TEXT, "-o", "{}/a", "--max-length", "2"],
            "max-length",
        ),
    ],
)
def test_bad_input_is_one_line_and_code_two(kerasbert, tmp_path, words, message):
    done = kerasbert(*(word.replace("{}", str(tmp_path)) for word in words))
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert "Traceback" not in done.err
    assert not list(tmp_path.glob("a*"))
