"""Tables: TSV, CSV and JSON lines as a stream of rows."""

import contextlib
import csv
import itertools
import json
import pathlib

from kerasbert.data.lines import open_lines

FORMATS = ("tsv", "csv", "jsonl")
JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")


class Table:
    """A table that is read: the names of its columns and a stream of its rows.

    Args:
        name: What messages call it.
        names: The names of the columns; None where it has none.
        width: Number of columns.
        rows: Iterator of the line number and the cells of each row: a list, or in JSON
            lines a dictionary.
    """

    def __init__(self, name, names, width, rows):
        self.name = name
        self.names = names
        self.width = width
        self._rows = rows

    def __iter__(self):
        return self._rows

    def column(self, column):
        """Where a column is in a row.

        Args:
            column: Its name; or its number, from 1 as in `cut -f`.

        Returns:
            An index or a key of the cells.

        Raises:
            ValueError: If the table has no such column.
        """
        names = self.names or []
        if column in names:
            return column if isinstance(names, dict) else names.index(column)
        number = int(column) if str(column).isdigit() else 0
        if not isinstance(names, dict) and 1 <= number <= self.width:
            return number - 1
        has = f"columns 1 to {self.width}, without names"
        if names:
            has = f"the columns {', '.join(names)}"
        raise ValueError(
            f"Expected a column {column!r} in {self.name}, which has {has}. Name one "
            "of these."
        )


@contextlib.contextmanager
def open_table(file, form=None, header=None, expected=()):
    """Opens a table.

    Args:
        file: The file; `"-"`: standard input.
        form: `"tsv"` (tabs; quotes are text), `"csv"` (commas; quotes as in RFC 4180)
            or `"jsonl"`; None: by the suffix, and tabs in the first line.
        header: Whether the first row names the columns; None: it does if it holds an
            expected name.
        expected: Names of columns that a header has.

    Yields:
        A `Table`.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is empty, or is not what it should be; the message names
            the file and the line. Those of later lines come with the rows.
    """
    if form is not None and form not in FORMATS:
        raise ValueError(f"Expected a format among {', '.join(FORMATS)}, got {form!r}.")
    with open_lines(file) as (name, lines):
        first = list(itertools.islice(lines, 1))
        if not first:
            raise ValueError(f"Expected rows in {name}, but it is empty.")
        lines = itertools.chain(first, lines)
        form = form or _form_of(file, first[0])
        if form == "jsonl":
            yield _json_table(name, lines)
        else:
            rows = _tsv_rows(lines) if form == "tsv" else _csv_rows(name, lines)
            yield _table(name, rows, header, expected)


def _form_of(file, first):
    suffix = pathlib.Path(file).suffix.lower()
    if suffix in JSON_SUFFIXES:
        return "jsonl"
    return "csv" if suffix == ".csv" and "\t" not in first else "tsv"


def _table(name, rows, header, expected):
    seen = []  # empty lines, which in a single column are texts, and one that is not
    for row in rows:
        seen.append(row)
        if row[1]:
            break
    first = seen[-1][1] or [""]
    names = [cell.strip() for cell in first]
    lowered = {cell.lower() for cell in names}
    if header is None:
        header = any(str(cell).lower() in lowered for cell in expected)
    if header:
        return Table(name, names, len(names), _in_step(name, rows, len(names)))
    rows = itertools.chain(seen, rows)
    return Table(name, None, len(first), _in_step(name, rows, len(first)))


def _in_step(name, rows, width):
    """Rows without those that are empty lines; in a single column these are texts."""
    for line, cells in rows:
        if cells or width == 1:
            yield line, cells or [""]


def _tsv_rows(lines):
    for line, text in enumerate(lines, 1):
        yield line, text.split("\t") if text else []


def _csv_rows(name, lines):
    reader = csv.reader((f"{line}\n" for line in lines), strict=True)
    line = 1  # a quoted cell may have several: the row is where it begins
    try:
        for cells in reader:
            yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(
            f"Expected CSV in {name}, but the row of line {line} is none: {error}. A "
            "quote in a quoted cell is written twice; if quotes are plain text, the "
            "table may be a TSV."
        ) from None


def _json_table(name, lines):
    rows = json_rows(name, lines)
    first = next(rows, None)
    if first is None:
        raise ValueError(f"Expected rows in {name}, but it is empty.")
    names = dict.fromkeys(first[1])
    return Table(name, names, len(names), itertools.chain([first], rows))


def json_rows(name, lines):
    """The objects of JSON lines.

    Args:
        name: What messages call the file.
        lines: Iterator of strings; empty ones are left out.

    Yields:
        The number of a line, from 1, and its dictionary.

    Raises:
        ValueError: A line is no object; the message names the file and the line.
    """
    for line, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            row = json.loads(text)
        except (json.JSONDecodeError, RecursionError) as error:
            raise ValueError(
                f"Expected an object of JSON in line {line} of {name}: {error}."
            ) from None
        if not isinstance(row, dict):
            raise ValueError(
                f"Expected an object of JSON in line {line} of {name}, got "
                f"{text.strip()[:40]!r}."
            )
        yield line, row
