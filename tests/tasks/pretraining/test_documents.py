"""Documents of files."""

import gzip

import pytest

from kerasbert.tasks.pretraining.documents import read_documents


def test_documents_of_text_and_of_json_lines_are_the_same(tmp_path):
    expected = [["One.", "Two."], ["Drei ä."]]
    text, lines = tmp_path / "a.txt", tmp_path / "a.jsonl"
    content = "\ufeff\nOne.\nTwo. \r\n\n\n Drei ä.\n"
    text.write_bytes(content.encode())
    lines.write_text('{"text": "One.\\nTwo."}\n\n{"text": ["Drei ä.", ""]}\n', "utf-8")
    assert read_documents([text]) == expected
    assert read_documents([lines]) == expected
    for file in (text, lines):
        packed = tmp_path / f"{file.name}.gz"
        packed.write_bytes(gzip.compress(file.read_bytes()))
        assert read_documents([packed]) == expected
    text.write_bytes(content.encode("utf-16-le"))
    assert read_documents([text]) == expected


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"\n \n", "Expected documents in .*a.txt, got none"),
        ("a.txt", b"x" * (1 << 20) + b"yz\n", "longer one in line 1"),
        ("a.txt", b"good\nb\xff\xfe\n\xff\n", "2 of 3 lines .* first of them line 2"),
        ("a.txt", "good\nday\n".encode("utf-16-le"), "null character"),
        ("a.jsonl", b"{\n", "Expected a JSON object in line 1"),
        ("a.jsonl", b'{"words": "x"}\n', 'Expected an object with a "text"'),
    ],
)
def test_bad_files_are_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_documents([tmp_path / name])


def test_lines_that_are_not_utf8_are_counted_and_left_out_if_told(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"good\nb\xff\xfe\nday\n")
    with pytest.warns(UserWarning, match="1 of 3 lines .* are left out"):
        found = read_documents([tmp_path / "a.txt"], skip_invalid=True)
    assert found == [["good", "day"]]


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(IsADirectoryError, match="Expected a file, got the folder"):
        read_documents([tmp_path])
