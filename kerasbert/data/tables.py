"""Tables: CSV, TSV, lines of text and JSON as a stream of rows."""

import contextlib
import itertools
import warnings

from kerasbert.account import quoted
from kerasbert.data.annotations import classified_record
from kerasbert.data.data_account import DataAccount
from kerasbert.data.delimited import Delimited, parsed_delimiter
from kerasbert.data.dialect import guess_delimiter
from kerasbert.data.json_rows import JSON_SUFFIXES, holds_json_lines, open_json_rows
from kerasbert.data.lines import open_lines
from kerasbert.data.table import EmptyFile, Table

__all__ = ["FORMATS", "open_table"]

FORMATS = ("tsv", "csv", "jsonl", "txt")
_SUFFIXES = {".tsv": "tsv", ".tab": "tsv", ".csv": "csv"}


@contextlib.contextmanager
def open_table(
    file,
    form=None,
    header=None,
    expected=(),
    delimiter=None,
    encoding=None,
    texts_alone=False,
    may_be_table=False,
):
    """Opens a table.

    Args:
        file: The file; `"-"`: standard input.
        form: `"tsv"` (tabs; quotes are text), `"csv"` (quotes as in RFC 4180),
            `"jsonl"` (also an array, or columns), or `"txt"` (a text a line); None: by
            the suffix, and by what the first rows show.
        header: Whether the first row names the columns; None: as the first rows show.
        expected: Names of columns that a header has.
        delimiter: What stands between cells; None: as the first rows show.
        encoding: As in `kerasbert.data.lines.open_lines`.
        texts_alone: Whether one text of each row is wanted and no column is named, so
            that a file that ends in `.txt` has a text a line, tabs in it or not.
        may_be_table: Whether such a file is a table where all lines have as many tabs,
            as the one that a model was trained on.

    Yields:
        A `Table`.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is empty, or is not what it should be; the message names
            the file and the line. Those of later lines come with the rows.
    """
    if form is not None and form not in FORMATS:
        raise ValueError(f"Expected a format among {', '.join(FORMATS)}, got {form!r}.")
    delimiter = parsed_delimiter(delimiter)
    with open_lines(file, encoding) as lines:
        sample = lines.ahead()
        if not sample:
            raise EmptyFile(f"Expected rows in {lines.name}, but it is empty.")
        account = DataAccount(lines.name, "")
        if form is None:
            texts_alone = texts_alone and not header
            form = _form_of(lines, sample, delimiter, texts_alone, may_be_table)
        if form == "jsonl":
            account.notes = lines.notes
            yield _json_table(lines, account)
        elif form == "txt":
            account.format, account.notes = "a text a line", lines.notes
            yield _text_table(lines, sample, header, account)
        else:
            yield Delimited(lines, sample, form, delimiter, account).table(
                header, expected
            )


def _form_of(lines, sample, delimiter, texts_alone, may_be_table):
    if delimiter is not None:
        return "tsv" if delimiter == "\t" and lines.suffix != ".csv" else "csv"
    if lines.suffix in JSON_SUFFIXES:
        return "jsonl"
    if lines.suffix in _SUFFIXES:
        return _SUFFIXES[lines.suffix]
    if lines.suffix != ".txt" and holds_json_lines(sample):
        return "jsonl"
    if texts_alone:
        may_be_table |= lines.suffix != ".txt"
        return "tsv" if may_be_table and _cells_of_tabs(sample) > 1 else "txt"
    return "tsv" if "\t" in sample[0] or not _delimited(lines, sample) else "csv"


def _cells_of_tabs(sample):
    """How many cells all lines of a sample have; 1 where they differ, or one is all."""
    counts = {line.count("\t") for line in sample if line}
    return counts.pop() + 1 if len(counts) == 1 and len(sample) > 1 else 1


def _delimited(lines, sample):
    """Whether a file of no known suffix is a table, though not of tabs."""
    return bool(set(guess_delimiter(sample, lines.is_whole)) - {"\t"})


def _text_table(lines, sample, header, account):
    if (cells := _cells_of_tabs(sample)) > 1:
        warnings.warn(
            f"Each line of {lines.name} has {cells} cells between tabs, and "
            "is read as one text, as in any .txt file. If it is a table, name "
            "--format tsv, or --text-column 1.",
            stacklevel=3,
        )
    rows = ((number, [line]) for number, line in enumerate(lines, 1))
    names = None
    if header:
        names = [next(rows)[1][0].strip()]
        sample = sample[1:]
    account.header = bool(header)
    return Table(lines.name, names, 1, rows, [[line] for line in sample], account)


def _json_table(lines, account):
    rows = open_json_rows(lines, account)
    unit = "line" if account.format == "JSON lines" else "row"
    found = _objects(rows, unit, lines.name, account)
    sample = _ahead(found)
    if not sample:
        raise ValueError(f"Expected rows in {lines.name}, but it is empty.")
    names = dict.fromkeys(name for _, row in sample for name in row)
    rows = itertools.chain(sample, found)
    cells = [row for _, row in sample]
    return Table(lines.name, names, len(names), rows, cells, account)


def _ahead(rows, most=200):
    """Some rows; an error among them comes when it is their turn."""
    return list(itertools.islice(rows, most))


def _objects(rows, unit, name, account):
    for number, row in rows:
        if not isinstance(row, dict):
            raise ValueError(
                f"Expected an object of JSON in {unit} {number} of {name}, got "
                f"{quoted(row, 40)!r}."
            )
        row, reason = classified_record(row)
        if reason is not None:
            account.skip(reason)
            continue
        yield number, _flat(row)


def _flat(row, before=""):
    """A row with the members of objects in it beside the others: `meta.text`."""
    flat = {}
    for name, value in row.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{before}{name}.")
        flat[f"{before}{name}"] = value
    return flat
