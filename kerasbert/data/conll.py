"""Words and their tags in columns as in CoNLL, and characters a line."""

import csv
import re

from kerasbert.account import quoted
from kerasbert.data.data_account import DELIMITERS, DataAccount
from kerasbert.data.delimited import parsed_delimiter
from kerasbert.data.dialect import csv_rows, guess_delimiter, has_quoted_cells
from kerasbert.data.json_rows import JSON_SUFFIXES
from kerasbert.data.lines import open_lines
from kerasbert.data.names import SENTENCE_NAMES, TAG_NAMES, WORD_NAMES, plain_name
from kerasbert.data.packaging import bare_name
from kerasbert.data.tagged_json import read_tagged_json, tagged
from kerasbert.data.targets import check_label

__all__ = ["ColumnReader", "LAST", "called", "read_columns", "read_tagged"]

DOCUMENT_START = "-DOCSTART-"
LAST = -1  # the column of the tags
_COMMENT = re.compile(  # of CoNLL-U and MultiCoNER
    r"#\s*(\S+ = |(sent_id|text|newdoc|newpar|global\.columns)\b|id \S+)"
)
_RANGE = re.compile(r"\d+[-.]\d+")  # of words that CoNLL-U gives again, one by one
UNIVERSAL = 10  # columns of CoNLL-U


def read_tagged(file, **columns):
    """Reads a file of tagged texts: JSON by its suffix, else columns.

    Args:
        file: The file; `"-"`: standard input.
        **columns: As in `read_columns`; and `names`, as in `read_tagged_json`.

    Returns:
        Inputs and targets, as `kerasbert.TokenClassifier` takes them: a pair, whose
        `account` says what was read.
    """
    names = columns.pop("names", None)
    if bare_name(file).endswith(JSON_SUFFIXES):
        options = (columns.get("tags"), columns.get("encoding"), names)
        return read_tagged_json(file, *options)
    return read_columns(file, **columns)


def read_columns(
    file,
    word=None,
    tag=None,
    separator=None,
    prefix="",
    characters=False,
    comment=None,
    tags=None,
    sentence=None,
    encoding=None,
):
    r"""Reads words and tags in columns, with an empty line after every text.

    Args:
        file: The file; `"-"`: standard input. One that ends in `.csv` is read as CSV,
            with quoted cells.
        word: The column of the words: its number, from 1 as in `cut -f`, or its name,
            where the first line has names; None: the one that is called so, else the
            first.
        tag: That of the tags; None: the one that is called so, else the last.
        separator: What stands between columns; None: a tab where the first line has
            one, else spaces; in CSV what its first rows show.
        prefix: What is taken from the beginning of every word, such as `"en:"` in
            WikiANN.
        characters: Whether a text is written one character a line, so that what
            follows the character is a mark, as in Weibo's `科0`.
        comment: How lines begin that are no words, such as `"# "`; None: those of
            CoNLL-U are known.
        tags: The tags that there may be; None: any.
        sentence: The column whose value changes where another text begins, or is empty
            but there; None: the one that is called so, if any.
        encoding: As in `kerasbert.data.lines.open_lines`.

    Returns:
        For each text a list of words, and a list of tags: a pair, whose `account` says
        what was read.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is empty, a line has other columns than those before it
            or a tag that may not be, or a column is not there; the message names the
            file and the line.

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
            *(lines.name, word, tag, separator, prefix, characters, tags, sentence)
        )
        texts = list(reader.texts(lines, comment))
    return tagged(
        [[word for word, _ in text] for text in texts],
        [[tag for _, tag in text] for text in texts],
        reader.account,
    )


class ColumnReader:
    """Reads words in columns, with an empty line after every text.

    Args:
        name: What messages call the file.
        word: As in `read_columns`.
        tag: As there; `LAST`: the last column; None: tags are not read.
        separator: As there.
        prefix: As there.
        characters: As there.
        tags: As there.
        sentence: As there.
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
    ):
        self.name = name
        self.word = word
        self.tag = tag
        self.separator = separator
        self.prefix = prefix
        self.characters = characters
        self.tags = tags
        self.sentence = sentence
        self.account = DataAccount(name, "words in columns")

    def texts(self, lines, comment=None):
        """The texts of lines.

        Args:
            lines: The `Lines`.
            comment: As in `read_columns`.

        Yields:
            For each text a list of words, each with its tag, or with None.
        """
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
                self.account.skip("lines of several words or of none")
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
                self.account.skip("beginnings of documents")
                continue
            if self.tags is not None:
                check_label(tag, self.tags, where)
            text.append((word[:1] if self.characters else word, tag))
        if text:
            yield text

    def _rows(self, lines, comment):
        """The number of every line, its cells, and the line itself."""
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
        """What stands between columns, and whether cells may be quoted."""
        separator = self.separator
        if separator is None and lines.suffix == ".csv":
            separator = (guess_delimiter(sample, lines.is_whole) or [","])[0]
        if separator not in (None, "\t", " "):
            return separator, True
        first = next(
            (one for one in sample if one.strip() and not _COMMENT.match(one)), ""
        )
        if separator is None and "\t" in first.strip():
            separator = "\t"
        quotes = separator == "\t" and has_quoted_cells(sample, lines.is_whole)
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
    """Where in a line the word, the tag and the sentence are."""

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
                f"Expected a word and a tag, in columns of their own, in {where}, got "
                f"{quoted(cells, 100)}. Name what is between columns with --delimiter, "
                "and the columns with --text-column and --label-column."
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
                f"{quoted(tag, 60)}. A line is a word; JSON lines have lists."
            )
        return cells[self.word], tag

    def sentence_of(self, cells):
        """What says which sentence a line is of; empty: that of the line before it."""
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
    """Whether a line has names of columns: one of words and one of tags."""
    return bool(called(cells, WORD_NAMES) and called(cells, TAG_NAMES))


def called(names, known):
    """The first column that has a known name, or None.

    Args:
        names: The names of columns.
        known: The names to look for, the likeliest first.
    """
    by_name = {plain_name(name): name for name in reversed(names)}
    return next((by_name[n] for n in map(plain_name, known) if n in by_name), None)
