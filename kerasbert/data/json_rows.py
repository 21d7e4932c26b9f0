"""Rows of JSON: JSON lines, an array, an object of columns, or a wrapper of these."""

import itertools
import json

from kerasbert.account import quoted

__all__ = ["JSON_SUFFIXES", "holds_json_lines", "json_value", "open_json_rows"]

JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")
LISTS = ("data", "examples", "rows", "items", "documents", "sentences", "train")


def json_value(text, where):
    """Parses JSON; raises a `ValueError` that names `where`."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError(f"The JSON in {where} is nested too deeply.") from None
    except ValueError as error:
        raise ValueError(
            f"Expected JSON in {where}: {error}. Got {quoted(text.strip(), 80)}."
        ) from None


def holds_json_lines(lines):
    """Whether the first lines are JSON objects."""
    found = [line for line in lines if line.strip()][:5]
    return bool(found) and all(_is_object(line) for line in found)


def _is_object(line):
    if not line.lstrip().startswith("{"):
        return False
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def open_json_rows(lines, account, of_lists=False):
    """Returns an iterator over the rows of a JSON file, as (number, value) pairs.

    JSON lines are streamed; other forms are read as a whole. With `of_lists`, rows
    contain lists such as tokens and tags: an object of lists is then one row, and an
    object of lists of lists has columns. The format is recorded in `account`.
    """
    if lines.suffix == ".json":
        lines.longest = None
    for line in lines.ahead():
        if line.strip():
            first = line.strip()
            break
    else:
        if lines.is_whole:
            return iter(())
        first = ""
    if first.startswith("{") and (lines.suffix != ".json" or _is_object(first)):
        rows = _of_lines(lines, account)
        if lines.suffix != ".json" or not lines.is_whole:
            return rows
        # A single object may be a row, or all of the document.
        rows = list(rows)
        if len(rows) > 1:
            return iter(rows)
        if not rows or not isinstance(rows[0][1], dict):
            return iter(rows)
        return _of_document(rows[0][1], lines.name, account, of_lists)
    if first[:1] in ("[", "{"):
        if first.startswith("[") and _is_line_of_a_list(first):
            return _of_lines(lines, account)
        return _of_document(_document(lines), lines.name, account, of_lists)
    return _of_lines(lines, account)


def _of_lines(lines, account):
    account.format = "JSON lines"
    return _rows_of_lines(lines, account)


def _rows_of_lines(lines, account):
    for number, text in enumerate(lines, 1):
        if not text.strip():
            account.skip("empty lines")
            continue
        yield number, json_value(text, f"line {number} of {lines.name}")


def _is_line_of_a_list(line):
    """Whether a line is a list that is a single row, as in spaCy's format."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return bool(value) and not isinstance(value[0], dict | list)


def _document(lines):
    text = lines.text()
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"Expected JSON in {lines.name}, but line {error.lineno}, column "
            f"{error.colno} is invalid: {error.msg}. Likely causes: the file is "
            "incomplete, or it is JSON lines with an object over several lines instead "
            "of one per line."
        ) from None
    except RecursionError:
        raise ValueError(f"The JSON in {lines.name} is nested too deeply.") from None


def _of_document(value, name, account, of_lists):
    if isinstance(value, list):
        account.format = "JSON array"
        return enumerate(value, 1)
    if not isinstance(value, dict):
        raise ValueError(
            f"Expected rows of JSON in {name}, got {quoted(value, 80)}. Supported are "
            'one object per line, such as {"text": "...", "label": "..."}, or an array '
            "of objects."
        )
    for key in LISTS:
        rows = value.get(key)
        if isinstance(rows, list) and rows and isinstance(rows[0], dict):
            account.format = f"JSON array under {key!r}"
            return enumerate(rows, 1)
    columns = _columns(value, of_lists)
    if columns is not None:
        account.format = "JSON of columns"
        names = list(columns)
        cells = zip(*columns.values(), strict=True)
        return (
            (number, dict(zip(names, row, strict=True)))
            for number, row in enumerate(cells, 1)
        )
    account.format = "JSON"
    return iter([(1, value)])


def _columns(value, of_lists):
    """Returns the columns of an object of equally long lists, or of pandas' objects."""
    if not value:
        return None
    if all(isinstance(column, list) for column in value.values()):
        found = value
    elif all(isinstance(column, dict) for column in value.values()):  # as of pandas
        keys = [list(column) for column in value.values()]
        if any(key != keys[0] for key in keys) or not all(map(str.isdigit, keys[0])):
            return None
        found = {name: list(column.values()) for name, column in value.items()}
    else:
        return None
    lengths = set(map(len, found.values()))
    if len(lengths) > 1 or lengths == {0}:
        return None
    cells = [c for column in found.values() for c in itertools.islice(column, 3)]
    if any(isinstance(cell, dict) for cell in cells):
        return None
    return found if not of_lists or all(isinstance(c, list) for c in cells) else None
