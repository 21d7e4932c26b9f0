"""Encodings, compression, line ends and what is no text."""

import bz2
import codecs
import gzip
import io
import lzma
import sqlite3
import zipfile

import pytest

from kerasbert.data.encodings import plausible_encodings
from kerasbert.data.lines import LONGEST_LINE, Lines, open_lines

TEXTS = ["one", "", "zwei – schön", "三 \U0001f5fc"]


def lines_of(file, encoding=None):
    with open_lines(file, encoding) as lines:
        return list(lines), lines.notes


@pytest.fixture
def write(tmp_path):
    def write(name, content):
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return write


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_says_the_encoding(write, encoding, end):
    file = write("a.txt", end.join(TEXTS).encode(encoding))
    found, notes = lines_of(file)
    assert found == TEXTS
    assert notes == [encoding.removesuffix("-sig").upper()]


@pytest.mark.parametrize("mark", [codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE])
def test_both_orders_of_bytes_are_read(write, mark):
    order = "be" if mark == codecs.BOM_UTF16_BE else "le"
    file = write("a.txt", mark + "\n".join(TEXTS).encode(f"utf-16-{order}"))
    assert lines_of(file)[0] == TEXTS


@pytest.mark.parametrize(
    ("text", "encoding", "named"),
    [
        ("这部电影很好看，演员的表演也非常出色。", "gbk", "gb18030"),
        ("這部電影很好看，演員的表演也非常出色。", "big5", "big5"),
        ("この映画はとても面白かったです。", "shift_jis", "shift_jis"),
        ("この映画はとても面白かったです。", "euc_jp", "euc_jp"),
        ("이 영화는 정말 재미있었습니다.", "euc_kr", "euc_kr"),
        ("Это очень хороший фильм.", "cp1251", "cp1251"),
        ("Das war schön – und gut.", "cp1252", "cp1252"),
        ("plain text without a mark", "utf-16-le", "utf-16-le"),
        ("plain text without a mark", "utf-16-be", "utf-16-be"),
    ],
)
def test_a_text_in_another_encoding_is_refused_with_the_option_that_reads_it(
    write, text, encoding, named
):
    file = write("a.csv", f"ascii alone\n{text}\n".encode(encoding))
    with pytest.raises(ValueError, match=rf"line [12] .*--encoding {named}") as error:
        lines_of(file)
    assert "a.csv" in str(error.value)
    assert "LATIN1" not in str(error.value)
    assert plausible_encodings(text.encode(encoding))[0][0] == named
    found, notes = lines_of(file, named)
    assert found == ["ascii alone", text]
    assert notes == [named]


def test_an_encoding_that_is_none_is_refused(write):
    for name in ("utf-99", "rot13", "base64"):
        with pytest.raises(ValueError, match="such as utf-8, gb18030"):
            lines_of(write("a.txt", b"a"), name)


def test_utf8_that_is_read_as_something_else_is_warned_about(write):
    file = write("a.txt", "schön".encode())
    with pytest.warns(UserWarning, match="is valid UTF-8, but is read as cp1252"):
        assert lines_of(file, "cp1252")[0] == ["schÃ¶n"]
    assert lines_of(file, "UTF8")[0] == ["schön"]


def test_bytes_that_are_not_of_the_encoding_are_told_by_line(write):
    with pytest.raises(ValueError, match="Expected gb18030 text.*line 2 .*0xff"):
        lines_of(write("a.txt", b"a\n\xff\xff\n"), "gb18030")
    with pytest.raises(ValueError, match="after line 1"):
        lines_of(write("a.txt", "a\n".encode("utf-16") + b"\x00"))


@pytest.mark.parametrize(
    ("name", "compress"),
    [("a.gz", gzip.compress), ("a.bz2", bz2.compress), ("a.xz", lzma.compress)],
)
def test_a_compressed_file_is_read_as_what_it_holds(write, name, compress):
    content = "\n".join(TEXTS * 20000).encode()
    file = write(name, compress(content))
    found, notes = lines_of(file)
    assert found == TEXTS * 20000
    assert len(notes) == 2
    packed = compress(content)
    with pytest.raises(ValueError, match=f"compressed file .*{name} is corrupt"):
        lines_of(write(name, packed[: len(packed) // 2]))


def zipped(*names):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, "a\nb\n")
    return stream.getvalue()


def test_a_zip_of_one_file_is_read_and_others_are_named(write):
    assert lines_of(write("a.zip", zipped("a.txt")))[0] == ["a", "b"]
    with pytest.raises(ValueError, match="got 2: a.txt, b.txt"):
        lines_of(write("a.zip", zipped("a.txt", "b.txt")))
    with pytest.raises(ValueError, match="Excel workbook.*read_excel"):
        lines_of(write("a.xlsx", zipped("xl/workbook.xml", "docProps/app.xml")))
    with pytest.raises(ValueError, match="zip file .* is corrupt"):
        lines_of(write("a.zip", zipped("a.txt")[:30]))


def test_files_of_other_programs_are_refused_by_name_with_a_way_out(write, tmp_path):
    for content, message in (
        (b"PAR1\x15\x04", "Parquet file.*read_parquet"),
        (b"ARROW1\0\0", "Arrow file"),
        (b"\xd0\xcf\x11\xe0\xa1", "Excel"),
        (b"%PDF-1.4", "PDF.*pdftotext"),
        (b"(\xb5/\xfd\x00", "zstd.*unzstd"),
        (b"\x80\x04\x95\x00", "pickle"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"\n<!DOCTYPE html><html>", "an HTML page"),
    ):
        with pytest.raises(ValueError, match=message):
            lines_of(write("a.csv", content))
    base = sqlite3.connect(tmp_path / "a.db")
    base.execute("create table t (x)")
    base.close()
    with pytest.raises(ValueError, match="SQLite"):
        lines_of(tmp_path / "a.db")


def test_carriage_returns_alone_end_lines_where_there_are_no_line_feeds(write):
    found, notes = lines_of(write("mac.csv", b"a,1\rb,2\r"))
    assert found == ["a,1", "b,2"]
    assert "lines end at carriage returns" in notes
    assert lines_of(write("a.csv", b"a\rb\nc\n"))[0] == ["a\rb", "c"]
    assert lines_of(write("a.csv", b"a\r"))[0] == ["a"]


def test_null_characters_are_refused_with_their_line(write):
    with pytest.raises(ValueError, match="line 2 has a null character.*binary"):
        lines_of(write("a.txt", b"a\nb\0c\n"))


@pytest.mark.parametrize(
    ("content", "more"),
    [(b"a\nx", b"xx"), (b"a\rx", b"xx"), ("a\nx".encode("utf-16"), b"x\0")],
)
def test_a_line_without_an_end_is_not_held_in_memory(content, more):
    class Endless(io.RawIOBase):
        sent = 0

        def readable(self):
            return True

        def read(self, size=-1):
            if not self.sent:
                self.sent = len(content)
                return content
            self.sent += size
            assert self.sent < 4 * LONGEST_LINE
            return more * (size // 2)

    lines = Lines("endless", ".txt", Endless())
    assert next(lines) == "a"
    with pytest.raises(ValueError, match="at most 16,777,216 bytes in endless.*line 2"):
        next(lines)


def test_what_is_looked_at_ahead_is_read_again_and_errors_come_in_their_turn(write):
    file = write("a.txt", b"a\nb\n\xff\nc\n")
    with open_lines(file) as lines:
        assert lines.ahead() == ["a", "b"]
        assert lines.ahead(1) == ["a"]
        assert [next(lines), next(lines)] == ["a", "b"]
        with pytest.raises(ValueError, match="line 3"):
            next(lines)
    with open_lines(write("a.txt", b"a\nb\n")) as lines:
        assert lines.ahead(1) == ["a"]
        assert not lines.is_whole
        assert lines.ahead() == ["a", "b"]
        assert lines.is_whole
        assert list(lines) == ["a", "b"]
