"""Words and their tags in columns as in CoNLL, and characters a line."""

import re

from kerasbert.data.lines import open_lines
from kerasbert.data.tables import JSON_SUFFIXES
from kerasbert.data.tagged_json import not_empty, read_tagged_json
from kerasbert.data.targets import check_label

DOCUMENT_START = "-DOCSTART-"
LAST = -1  # the column of the tags


def read_tagged(file, **columns):
    """Reads a file of tagged texts: JSON lines by its suffix, else columns.

    Args:
        file: The file; `"-"`: standard input.
        **columns: As in `read_columns`.

    Returns:
        Inputs and targets, as `kerasbert.TokenClassifier` takes them.
    """
    if str(file).lower().endswith(JSON_SUFFIXES):
        return read_tagged_json(file, columns.get("tags"))
    return read_columns(file, **columns)


def read_columns(
    file,
    word=1,
    tag=None,
    separator=None,
    prefix="",
    characters=False,
    comment=None,
    tags=None,
):
    r"""Reads words and tags in columns, with an empty line after every text.

    Args:
        file: The file; `"-"`: standard input.
        word: The column of the words: its number, from 1 as in `cut -f`, or its name,
            where the first line has names.
        tag: That of the tags; None: the last one.
        separator: What stands between columns; None: a tab where the first line has
            one, else spaces.
        prefix: What is taken from the beginning of every word, such as `"en:"` in
            WikiANN.
        characters: Whether a text is written one character a line, so that what
            follows the character is a mark, as in Weibo's `科0`.
        comment: How lines begin that are no words, such as `"# "`.
        tags: The tags that there may be; None: any.

    Returns:
        For each text a list of words, and a list of tags.

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
    with open_lines(file) as (name, lines):
        tag = LAST if tag is None else tag
        reader = ColumnReader(name, word, tag, separator, prefix, characters, tags)
        texts = list(reader.texts(lines, comment))
    return not_empty(
        [[word for word, _ in text] for text in texts],
        [[tag for _, tag in text] for text in texts],
        name,
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
    """

    def __init__(
        self,
        name,
        word=1,
        tag=None,
        separator=None,
        prefix="",
        characters=False,
        tags=None,
    ):
        self.name = name
        self.word = word
        self.tag = tag
        self.separator = separator
        self.prefix = prefix
        self.characters = characters
        self.tags = tags

    def texts(self, lines, comment=None):
        """The texts of lines.

        Args:
            lines: Iterator of strings.
            comment: As in `read_columns`.

        Yields:
            For each text a list of words, each with its tag, or with None.
        """
        columns, text = None, []
        for number, line in enumerate(lines, 1):
            if comment and line.startswith(comment):
                continue
            if not line.strip():
                if text:
                    yield text
                text = []
                continue
            where = f"line {number} of {self.name}"
            if columns is None:
                columns = _Columns(line, self.word, self.tag, self.separator, where)
                if columns.has_header:
                    continue
            word, tag = columns.word_and_tag(line, where)
            word = word.removeprefix(self.prefix)
            if word.startswith(DOCUMENT_START):
                continue
            if self.tags is not None:
                check_label(tag, self.tags, where)
            text.append((word[:1] if self.characters else word, tag))
        if text:
            yield text


class _Columns:
    """Where in a line the word and the tag are."""

    def __init__(self, line, word, tag, separator, where):
        self.separator = separator or ("\t" if "\t" in line.strip() else None)
        cells = self._split(line)
        self.count = len(cells)
        self.has_header = isinstance(word, str) or isinstance(tag, str)
        names = cells if self.has_header else []
        self.word = self._place(word, names, where)
        self.tag = tag
        if tag is not None:
            tag = self.count if tag == LAST else tag
            self.tag = self._place(tag, names, where)
        if self.word == self.tag:
            raise ValueError(
                f"Expected a word and a tag, in columns of their own, in {where}, got "
                f"{line!r}. Name the separator, and the columns."
            )

    def word_and_tag(self, line, where):
        cells = self._split(line)
        if len(cells) != self.count:
            raise ValueError(
                f"Expected {self.count} columns in {where}, as in the lines before it, "
                f"got {len(cells)}: {line!r}."
            )
        if self.tag is None:
            return cells[self.word], None
        if not cells[self.tag]:
            raise ValueError(f"Expected a tag in {where}, got {line!r}.")
        return cells[self.word], cells[self.tag]

    def _split(self, line):
        if self.separator is None:
            return re.split("[ \t]+", line.strip(" \t"))
        return [cell.strip() for cell in line.split(self.separator)]

    def _place(self, column, names, where):
        if column in names:
            return names.index(column)
        if isinstance(column, str) or not 1 <= column <= self.count:
            has = (
                f"the columns {', '.join(names)}" if names else f"{self.count} columns"
            )
            raise ValueError(f"Expected a column {column!r}, got {has} in {where}.")
        return column - 1
