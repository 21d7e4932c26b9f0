"""Streams untagged, pre-tokenized texts from CoNLL columns or JSON lines."""

import contextlib
import itertools
import os
from collections.abc import Collection, Iterator

from kerasbert.account import quoted
from kerasbert.data.annotations import text_of_record
from kerasbert.data.conll import ColumnReader, called
from kerasbert.data.data_account import DataAccount
from kerasbert.data.dialect import guess_delimiter, parsed
from kerasbert.data.json_rows import JSON_SUFFIXES, open_json_rows
from kerasbert.data.lines import open_lines
from kerasbert.data.names import SENTENCE_NAMES, TAG_NAMES, WORD_NAMES
from kerasbert.data.packaging import bare_name

__all__ = ["WordTexts", "holds_words", "open_words"]


class WordTexts:
    """An iterator over lists of words, with a `DataAccount` as `account`."""

    def __init__(self, texts, account):
        self.account = account
        self._texts = texts

    def __iter__(self):
        return self

    def __next__(self):
        return next(self._texts)


@contextlib.contextmanager
def open_words(
    file: str | os.PathLike,
    form: str | None = None,
    word: str | int | None = None,
    prefix: str = "",
    characters: bool = False,
    separator: str | None = None,
    sentence: str | int | None = None,
    encoding: str | None = None,
) -> Iterator[WordTexts]:
    r"""Opens a file of words as a stream of texts, ignoring tags.

    Args:
        file: The file; `"-"` is standard input.
        form: `"conll"` (columns, with an empty line after each text) or `"jsonl"`
            (`{"tokens": [...]}` per line); None infers it from the suffix, which
            is otherwise ignored.
        word: Column of the words, see `read_columns`.
        prefix: Prefix to remove from every word.
        characters: Whether lines have one character each, followed by a mark.
        separator: Separator of columns; None infers it.
        sentence: Column that identifies sentences; None infers it.
        encoding: Encoding of the file; None detects it, see `open_lines`.

    Yields:
        An iterator over lists of words, whose `account` describes what is read.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is invalid, raised while iterating; the message names
            the line.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "words.conll"
        >>> _ = file.write_text("Ada\nslept\n\nParis\n")
        >>> with open_words(file) as texts:
        ...     list(texts)
        [['Ada', 'slept'], ['Paris']]
    """
    with open_lines(file, encoding) as lines:
        if _form(file, form) == "jsonl":
            account = DataAccount(lines.name, "JSON", lines.notes)
            account.columns = {"tokens": "tokens"}
            rows = open_json_rows(lines, account, of_lists=True)
            found = (_tokens(row, line, lines.name) for line, row in rows)
        else:
            reader = ColumnReader(
                *(lines.name, word, None, separator, prefix, characters),
                sentence=sentence,
                form=form,
            )
            account = reader.account
            found = ([word for word, _ in text] for text in reader.texts(lines))
            first = list(itertools.islice(found, 1))  # after which columns are known
            found = itertools.chain(first, found)
        yield WordTexts(found, account)


def holds_words(
    file: str | os.PathLike,
    tags: Collection[str],
    form: str | None = None,
    encoding: str | None = None,
) -> bool:
    """Whether a file contains words, in columns or JSON, rather than texts.

    Args:
        file: The file; standard input is not inspected.
        tags: Known tags. Columns are recognized if the last column of the first text
            contains only these.
        form: Format of the file, see `open_words`; None infers it.
        encoding: Encoding of the file; None detects it, see `open_lines`.
    """
    if form not in (None, "jsonl") or str(file) == "-":
        return form == "conll"
    with open_lines(file, encoding) as lines:
        if _form(file, form) == "jsonl":
            account = DataAccount(lines.name, "JSON")
            _, row = next(open_json_rows(lines, account, of_lists=True), (None, {}))
            return isinstance(row, dict) and isinstance(text_of_record(row), list)
        if lines.suffix == ".csv":
            return _is_table_of_words(lines)
        sample = itertools.dropwhile(lambda line: not line.strip(), lines.ahead())
        first = [line.split() for line in itertools.takewhile(str.strip, sample)]
    return bool(first) and all(len(cells) > 1 and cells[-1] in tags for cells in first)


def _is_table_of_words(lines):
    """Whether a CSV header names a column of words and one of tags or sentences."""
    sample = lines.ahead()
    separator = (guess_delimiter(sample, lines.is_whole) or [","])[0]
    names = next(iter(parsed(sample[:1], separator, True) or []), [])
    others = called(names, TAG_NAMES) or called(names, SENTENCE_NAMES)
    return bool(called(names, WORD_NAMES[:4]) and others)


def _form(file, form):
    return form or ("jsonl" if bare_name(file).endswith(JSON_SUFFIXES) else "conll")


def _tokens(row, line, name):
    tokens = text_of_record(row) if isinstance(row, dict) else None
    if not isinstance(tokens, list):
        raise ValueError(
            f"Expected tokens, a list of strings, in line {line} of {name}, got "
            f"{quoted(row, 60)}."
        )
    return tokens
