"""Opens CSV, TSV, plain text and JSON as tables."""

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
    """Opens a file as a `Table`.

    Args:
        file: The file; `"-"` is standard input.
        form: `"tsv"` (tabs, no quoting), `"csv"` (quoting as in RFC 4180), `"jsonl"`
            (also an array or columns), or `"txt"` (one text per line); None infers it
            from the suffix and the first rows.
        header: Whether the first row contains column names; None infers it.
        expected: Column names that a header contains.
        delimiter: Delimiter of cells; None infers it.
        encoding: Encoding of the file; None detects it, see `open_lines`.
        texts_alone: Whether a single text per row and no named column is requested; a
            `.txt` file then has one text per line, even with tabs.
        may_be_table: Whether a `.txt` file with equally many tabs in all lines is a
            table.

    Yields:
        A `Table`.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is empty or invalid; the message names the line. Errors
            in later lines are raised while iterating.
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
            account.format, account.notes = "one text per line", lines.notes
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
    """Returns the number of tab-separated cells of all lines; 1 if it varies."""
    counts = {line.count("\t") for line in sample if line}
    return counts.pop() + 1 if len(counts) == 1 and len(sample) > 1 else 1


def _delimited(lines, sample):
    """Whether a file of unknown suffix is a table with another delimiter than tabs."""
    return bool(set(guess_delimiter(sample, lines.is_whole)) - {"\t"})


def _text_table(lines, sample, header, account):
    if (cells := _cells_of_tabs(sample)) > 1:
        warnings.warn(
            f"Each line of {lines.name} has {cells} tab-separated cells, but is read "
            "as one text, since the suffix is .txt. If it is a table, use "
            "--format tsv or --text-column 1.",
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
    """Returns the first rows; an error among them is raised when its row is reached."""
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
    """Flattens nested objects: `{"meta": {"text": ...}}` gets a column `meta.text`."""
    flat = {}
    for name, value in row.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{before}{name}.")
        flat[f"{before}{name}"] = value
    return flat
