"""Words and tags in columns, as in CoNLL."""

import csv
import os
import re
from collections.abc import Sequence
from typing import Any

from kerasbert.account import quoted
from kerasbert.data.data_account import DELIMITERS, DataAccount
from kerasbert.data.delimited import parsed_delimiter
from kerasbert.data.dialect import csv_rows, guess_delimiter, has_quoted_cells
from kerasbert.data.json_rows import JSON_SUFFIXES
from kerasbert.data.lines import open_lines
from kerasbert.data.names import SENTENCE_NAMES, TAG_NAMES, WORD_NAMES, plain_name
from kerasbert.data.packaging import bare_name
from kerasbert.data.tagged_json import Tagged, read_tagged_json, tagged
from kerasbert.data.targets import check_label

__all__ = ["ColumnReader", "LAST", "called", "read_columns", "read_tagged"]

DOCUMENT_START = "-DOCSTART-"
LAST = -1  # the last column
_COMMENT = re.compile(  # of CoNLL-U and MultiCoNER
    r"#\s*(\S+ = |(sent_id|text|newdoc|newpar|global\.columns)\b|id \S+)"
)
_RANGE = re.compile(r"\d+[-.]\d+")  # multiword tokens and empty nodes of CoNLL-U
UNIVERSAL = 10  # columns of CoNLL-U


def read_tagged(file: str | os.PathLike, **columns: Any) -> Tagged:
    """Reads a file of tagged texts: JSON if its suffix says so, else columns.

    Args:
        file: The file; `"-"` is standard input.
        **columns: Arguments of `read_columns`, and `names` of `read_tagged_json`.

    Returns:
        A pair of inputs and targets for `kerasbert.TokenClassifier`, whose `account`
        describes what was read.
    """
    names = columns.pop("names", None)
    if bare_name(file).endswith(JSON_SUFFIXES):
        options = (columns.get("tags"), columns.get("encoding"), names)
        return read_tagged_json(file, *options)
    return read_columns(file, **columns)


def read_columns(
    file: str | os.PathLike,
    word: str | int | None = None,
    tag: str | int | None = None,
    separator: str | None = None,
    prefix: str = "",
    characters: bool = False,
    comment: str | None = None,
    tags: Sequence[str] | None = None,
    sentence: str | int | None = None,
    encoding: str | None = None,
    form: str | None = None,
) -> Tagged:
    r"""Reads words and tags in columns, with an empty line after each text.

    Args:
        file: The file; `"-"` is standard input. A `.csv` file may have quoted cells.
        word: Column of the words, by number from 1 or by name; None takes the column
            with a known name, else the first.
        tag: Column of the tags; None takes the column with a known name, else the last.
        separator: Separator of columns; None is a tab if the first line has one, else
            spaces; in CSV it is inferred.
        prefix: Prefix to remove from every word, such as `"en:"` in WikiANN.
        characters: Whether lines have one character each, followed by a mark, as in
            Weibo's `科0`.
        comment: Prefix of comment lines, such as `"# "`; None recognizes those of
            CoNLL-U.
        tags: The allowed tags; None allows any.
        sentence: Column whose value changes where a sentence starts, or is empty
            elsewhere; None takes the column with a known name, if any.
        encoding: Encoding of the file; None detects it, see `open_lines`.
        form: `"conll"` or `"tsv"` takes quotes as text, whatever the file's suffix;
            anything else infers them from the suffix and the first rows.

    Returns:
        A pair: for each text a list of words and a list of tags. Its `account`
        describes what was read.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is empty, a line has another number of columns or a tag
            that is not allowed, or a column is missing; the message names the line.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "train.conll"
        >>> _ = file.write_text("Ada B-PER\nslept O\n\nParis B-LOC\n")
        >>> read_columns(file)
        ([['Ada', 'slept'], ['Paris']], [['B-PER', 'O'], ['B-LOC']])
    """
    with open_lines(file, encoding) as lines:
        tag = LAST if tag is None else tag
        separator = parsed_delimiter(separator)
        reader = ColumnReader(
            *(lines.name, word, tag, separator, prefix, characters, tags, sentence),
            form,
        )
        texts = list(reader.texts(lines, comment))
    return tagged(
        [[word for word, _ in text] for text in texts],
        [[tag for _, tag in text] for text in texts],
        reader.account,
    )


class ColumnReader:
    """Reads words in columns, with the arguments of `read_columns`.

    `tag` is `LAST` for the last column, or None to ignore tags.
    """

    def __init__(
        self,
        name,
        word=None,
        tag=None,
        separator=None,
        prefix="",
        characters=False,
        tags=None,
        sentence=None,
        form=None,
    ):
        self.name = name
        self.word = word
        self.tag = tag
        self.separator = separator
        self.prefix = prefix
        self.characters = characters
        self.tags = tags
        self.sentence = sentence
        self.has_plain_quotes = form in ("conll", "tsv")
        self.account = DataAccount(name, "words in columns")

    def texts(self, lines, comment=None):
        """Yields the (word, tag) pairs of each text; ignored tags are None."""
        columns, text, sentence = None, [], None
        for number, cells, line in self._rows(lines, comment):
            if not any(map(str.strip, cells)):
                if text:
                    yield text
                text = []
                continue
            where = f"line {number} of {self.name}"
            if columns is None:
                columns = _Columns(self, cells, where)
                self._book(columns, lines)
                if columns.has_header:
                    continue
            if columns.count == UNIVERSAL and _RANGE.fullmatch(cells[0]):
                self.account.skip("multiword tokens and empty nodes")
                continue
            word, tag = columns.word_and_tag(cells, where, line)
            found = columns.sentence_of(cells)
            if found and found != sentence:
                sentence = found
                if text:
                    yield text
                text = []
            word = word.removeprefix(self.prefix)
            if word.startswith(DOCUMENT_START):
                self.account.skip("document separators")
                continue
            if self.tags is not None:
                check_label(tag, self.tags, where)
            text.append((word[:1] if self.characters else word, tag))
        if text:
            yield text

    def _rows(self, lines, comment):
        """Yields the number, the cells and the text of each line."""
        sample = lines.ahead()
        separator, quotes = self._separator(lines, sample)
        self.separator = separator
        if quotes:
            try:
                for number, _, cells in csv_rows(lines, separator):
                    cells = [" ".join(cell.split()) for cell in cells]
                    yield number, cells, cells
            except csv.Error as error:
                raise ValueError(
                    f"Expected CSV in {self.name}: {error}. Likely causes: a quote "
                    "that is not doubled in a quoted cell, or quotes that are words "
                    "(--format tsv or --format conll)."
                ) from None
            return
        for number, line in enumerate(lines, 1):
            if comment and line.startswith(comment):
                continue
            if comment is None and line.startswith("#") and _COMMENT.match(line):
                self.account.skip("comments")
                continue
            if not line.strip():
                cells = []
            elif separator is None:
                cells = re.split("[ \t]+", line.strip(" \t"))
            else:
                cells = [cell.strip() for cell in line.split(separator)]
            yield number, cells, line

    def _separator(self, lines, sample):
        """Returns the separator of columns, and whether cells may be quoted."""
        separator, plain = self.separator, self.has_plain_quotes
        if separator is None and lines.suffix == ".csv" and not plain:
            separator = (guess_delimiter(sample, lines.is_whole) or [","])[0]
        if separator not in (None, "\t", " "):
            return separator, not plain
        first = next(
            (one for one in sample if one.strip() and not _COMMENT.match(one)), ""
        )
        if separator is None and "\t" in first.strip():
            separator = "\t"
        quotes = separator == "\t" and not plain
        quotes = quotes and has_quoted_cells(sample, lines.is_whole)
        return (None if separator == " " else separator), quotes

    def _book(self, columns, lines):
        account = self.account
        between = DELIMITERS.get(self.separator or " ", self.separator)
        account.notes = [between, *lines.notes]
        account.header = columns.has_header
        account.columns = columns.roles
        if self.prefix:
            account.notes.append(f"without the prefix {self.prefix}")
        if self.characters:
            account.notes.append("first characters alone")


class _Columns:
    """Indices of the columns of words, tags and sentences."""

    def __init__(self, reader, cells, where):
        self.count = len(cells)
        word, tag, sentence = reader.word, reader.tag, reader.sentence
        said = [one for one in (word, tag, sentence) if isinstance(one, str)]
        self.has_header = bool(said) or _is_header(cells)
        names = cells if self.has_header else []
        if word is None:
            word = called(names, WORD_NAMES) or 1
        if tag == LAST:
            tag = called(names, TAG_NAMES) or self.count
        if sentence is None:
            sentence = called(names, SENTENCE_NAMES)
        self.word = self._place(word, names, where)
        self.tag = None if tag is None else self._place(tag, names, where)
        self.sentence = None
        if sentence is not None and sentence != word:
            self.sentence = self._place(sentence, names, where)
        self.roles = {"word": word}
        if tag is not None:
            self.roles["tag"] = tag
        if self.sentence is not None:
            self.roles["sentence"] = sentence
        if self.word == self.tag:
            raise ValueError(
                f"Expected a word and a tag in separate columns in {where}, got "
                f"{quoted(cells, 100)}. Set the separator with --delimiter and the "
                "columns with --text-column and --label-column."
            )

    def word_and_tag(self, cells, where, line):
        if len(cells) != self.count:
            raise ValueError(
                f"Expected {self.count} columns in {where}, as in the lines before it, "
                f"got {len(cells)}: {quoted(line, 100)}."
            )
        if self.tag is None:
            return cells[self.word], None
        if not cells[self.tag]:
            raise ValueError(f"Expected a tag in {where}, got {quoted(line, 100)}.")
        tag = cells[self.tag]
        if tag[0] in "[(" and tag[-1] in "])" and "," in tag:
            raise ValueError(
                f"Expected a word and its tag in {where}, got a list of tags: "
                f"{quoted(tag, 60)}. Use one word per line, or JSON lines."
            )
        return cells[self.word], tag

    def sentence_of(self, cells):
        """Returns the sentence id of a line; empty if it is that of the line before."""
        return "" if self.sentence is None else cells[self.sentence]

    def _place(self, column, names, where):
        if column in names:
            return names.index(column)
        if isinstance(column, str) or not 1 <= column <= self.count:
            has = f"{self.count} columns"
            if names:
                has = f"the columns {', '.join(name[:30] for name in names[:8])}"
            raise ValueError(f"Expected a column {column!r}, got {has} in {where}.")
        return column - 1


def _is_header(cells):
    """Whether a line names a column of words and one of tags."""
    return bool(called(cells, WORD_NAMES) and called(cells, TAG_NAMES))


def called(names, known):
    """Returns the first column with a known name, most likely name first, or None."""
    by_name = {plain_name(name): name for name in reversed(names)}
    return next((by_name[n] for n in map(plain_name, known) if n in by_name), None)
