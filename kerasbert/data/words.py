"""Words whose tags nobody knows, or asks for: columns and JSON lines, as a stream."""

import contextlib
import itertools
import json
import pathlib

from kerasbert.data.conll import ColumnReader
from kerasbert.data.lines import open_lines
from kerasbert.data.tables import JSON_SUFFIXES, json_rows


@contextlib.contextmanager
def open_words(file, form=None, word=1, prefix="", characters=False):
    r"""Opens a file of words as a stream of texts; tags in it are not read.

    Args:
        file: The file; `"-"`: standard input.
        form: `"conll"` (columns, with an empty line after every text), or `"jsonl"`
            (`{"tokens": [...]}` a line); None: by the suffix.
        word: As in `kerasbert.data.read_columns`.
        prefix: As there.
        characters: As there.

    Yields:
        An iterator of lists of words.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is not what it should be; the message names the file and
            the line. It comes with the words.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "words.conll"
        >>> _ = file.write_text("Ada\nslept\n\nParis\n")
        >>> with open_words(file) as texts:
        ...     list(texts)
        [['Ada', 'slept'], ['Paris']]
    """
    with open_lines(file) as (name, lines):
        if _form(file, form) == "jsonl":
            yield (_tokens(row, line, name) for line, row in json_rows(name, lines))
        else:
            reader = ColumnReader(name, word, None, None, prefix, characters)
            yield ([word for word, _ in text] for text in reader.texts(lines))


def holds_words(file, tags, form=None):
    """Whether a file holds words, in columns or as JSON, and not texts.

    Args:
        file: The file. What standard input holds is not looked at.
        tags: The tags that there may be: words in columns are known by the last
            column of the first text, which holds nothing else.
        form: As in `open_words`; or as in `kerasbert.data.tables.open_table`.
    """
    if form not in (None, "jsonl") or str(file) == "-":
        return form == "conll"
    with open_lines(file) as (name, lines):
        lines = itertools.dropwhile(lambda line: not line.strip(), lines)
        if _form(file, form) == "jsonl":
            _, row = next(json_rows(name, lines), (None, {}))
            return "tokens" in row
        first = [line.split() for line in itertools.takewhile(str.strip, lines)]
    return bool(first) and all(len(cells) > 1 and cells[-1] in tags for cells in first)


def _form(file, form):
    return form or (
        "jsonl" if pathlib.Path(file).suffix.lower() in JSON_SUFFIXES else "conll"
    )


def _tokens(row, line, name):
    tokens = row.get("tokens")
    if not isinstance(tokens, list) or not all(isinstance(t, str) for t in tokens):
        raise ValueError(
            f"Expected tokens, a list of strings, in line {line} of {name}, got "
            f"{json.dumps(row, ensure_ascii=False)[:60]}."
        )
    return tokens
