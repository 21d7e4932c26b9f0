"""Tables with delimiters between cells: CSV, TSV and similar formats."""

import csv
import itertools
import warnings

from kerasbert.account import quoted
from kerasbert.data.data_account import DELIMITERS
from kerasbert.data.dialect import (
    csv_rows,
    guess_delimiter,
    guess_header,
    has_quoted_cells,
    looks_quoted,
    parsed,
)
from kerasbert.data.names import known_names, plain_name
from kerasbert.data.table import Table

__all__ = ["Delimited", "parsed_delimiter"]

LONGEST_ROW = 1000  # lines of a row; an unclosed quote would take all lines


def parsed_delimiter(delimiter):
    r"""Parses a delimiter: a character, `\t`, or `tab`, `comma`, `semicolon`, `bar`."""
    by_name = {name: character for character, name in DELIMITERS.items()}
    found = by_name.get(delimiter, "\t" if delimiter == r"\t" else delimiter)
    if found is not None and (len(found) != 1 or found in '"\r\n'):
        raise ValueError(
            "Expected --delimiter to be a character, such as ';', or tab, comma, "
            f"semicolon or bar; got {quoted(delimiter, 40)}."
        )
    return found


class Delimited:
    """Reads a table with delimiters; `delimiter=None` infers it from the sample."""

    def __init__(self, lines, sample, form, delimiter, account):
        self.lines = lines
        self.name = lines.name
        self.account = account
        self.delimiter = delimiter or self._guess(sample, form)
        self.quotes = form == "csv" and self.delimiter != "\t"
        if form == "csv" and delimiter == "\t":
            self.quotes = True  # explicitly requested
        elif self.delimiter == "\t":
            self.quotes = has_quoted_cells(sample, lines.is_whole)
        self.sample = parsed(sample, self.delimiter, self.quotes, lines.is_whole) or []
        self.is_tsv = self.delimiter == "\t" and not self.quotes
        self._late = 0  # cells that look quoted where quotes are text

    def _guess(self, sample, form):
        if form == "tsv":
            return "\t"
        filled = [line for line in sample if line]
        if filled and all("\t" in line for line in filled):
            return "\t"
        found = guess_delimiter(sample, self.lines.is_whole)
        if len(found) > 1 and not _is_named(sample, found):
            shown = " or ".join(map(repr, found))
            raise ValueError(
                f"The delimiter of {self.name} is ambiguous: all rows have equally "
                f"many cells with {shown}. Set it with --delimiter."
            )
        if filled and "\t" in filled[0] and not found:
            return "\t"
        return found[0] if found else ","

    def table(self, header, expected):
        """Returns the `Table`."""
        if header is None and self.sample:
            header = guess_header(self.sample, expected)
            if header is None:
                raise self._either()
        first = self.sample[0] if self.sample else None
        rows = self._rows()
        if first is None:  # all lines are empty, or the first row is too long
            seen, first = _first_filled(rows)
            rows = itertools.chain(seen, rows)
        names = None
        if header:
            names = [cell.strip() for cell in first]
            rows = itertools.dropwhile(lambda row: not row[1], rows)
            next(rows)
        if names and self.delimiter == "," and not self.quotes:
            names = [name.strip('"') for name in names]
        self._book(header)
        sample = self.sample[1:] if header else self.sample
        table = Table(
            *(self.name, names, len(first), None, sample, self.account, self.is_tsv)
        )
        table.rows = self._in_step(rows, table)
        return table

    def _book(self, header):
        account = self.account
        account.format = "CSV" if self.quotes else "TSV"
        account.header = bool(header)
        account.notes = [DELIMITERS.get(self.delimiter, repr(self.delimiter))]
        if self.delimiter == "\t":
            account.format = "TSV"
            account.notes = ["quoted cells" if self.quotes else "quotes are text"]
            if not self.quotes and not any('"' in c for r in self.sample for c in r):
                account.notes = []
        account.notes += self.lines.notes

    def _either(self):
        return ValueError(
            f"The first row of {self.name} may or may not be a header: "
            f"{quoted(self.sample[0], 120)} differs from the rows below it. Use "
            "--header or --no-header."
        )

    def _rows(self):
        if not self.quotes:
            for number, text in enumerate(self.lines, 1):
                cells = text.split(self.delimiter) if text else []
                if self.is_tsv and '"' in text:
                    self._late += any(map(looks_quoted, cells))
                yield number, cells
            if self._late:
                warnings.warn(
                    f"{self._late} rows of {self.name} have cells that look quoted, "
                    'such as "a ""b""". They are read verbatim, since quotes are text '
                    "in other rows. --format csv --delimiter tab reads them as quoted, "
                    "--format tsv verbatim.",
                    stacklevel=2,
                )
            return
        line = 1
        bounded = _Bounded(self.lines, self.name)
        try:
            for start, end, cells in csv_rows(bounded, self.delimiter):
                yield start, cells
                line = end + 1
                bounded.start = end
        except csv.Error as error:
            raise ValueError(
                f"Expected CSV in {self.name}, but the row of line {line} is invalid: "
                f"{error}. Likely causes: a quote in a quoted cell is not doubled; "
                "an unclosed quote; quotes that are text, as in a TSV "
                "(--format tsv, with tabs)."
            ) from None

    def _in_step(self, rows, table):
        """Yields rows that are as wide as the first one, without empty lines.

        In a table of one column, empty lines are empty texts.
        """
        names, width, wider = table.names, table.width, 0
        for line, cells in rows:
            if not cells and width > 1:
                self.account.skip("empty lines")
                continue
            cells = cells or [""]
            if len(cells) > width and table.may_be_wider:
                wider += 1
            elif len(cells) != width:
                raise ValueError(self._out_of_step(line, cells, names, width))
            if names and len(names) > 1 and [c.strip() for c in cells] == names:
                raise ValueError(
                    f"Expected a row in line {line} of {self.name}, got the header "
                    "again. Likely cause: concatenated files; delete the line."
                )
            yield line, cells
        if wider:
            self.account.skip(f"rows' cells beyond column {width}", wider)

    def _out_of_step(self, line, cells, names, width):
        under = f" under the names {quoted(names, 80)}" if names else ""
        delimiter = DELIMITERS.get(self.delimiter, self.delimiter)
        causes = [f"a {delimiter} in a text that is not quoted"]
        if len(cells) < width:
            causes = ["a line end in a text that is not quoted"]
        if self.is_tsv:
            causes = [causes[0].replace("that is not quoted", "(write a space)")]
            if any('"' in cell for cell in cells):
                causes.append("quoted cells (--format csv --delimiter tab)")
        elif names is None or len(names) == 1:
            causes.append("one text per line, and no table (--format txt)")
        causes.append("another delimiter (--delimiter)")
        return (
            f"Expected {width} columns in line {line} of {self.name}{under}, as in the "
            f"rows before it, got {len(cells)}: {quoted(cells, 100)}. Likely causes: "
            f"{'; '.join(causes)}."
        )


def _is_named(sample, found):
    """Whether only the first of several delimiters yields known column names."""
    first = next(line for line in sample if line)
    named = [
        sum(plain_name(cell.strip('"')) in known_names() for cell in first.split(one))
        for one in found
    ]
    return named[0] > max(named[1:])


class _Bounded:
    """Limits the number of lines of a CSV row."""

    def __init__(self, lines, name):
        self.lines = lines
        self.name = name
        self.start = 0  # the line before the row
        self._number = 0

    def __iter__(self):
        return self

    def __next__(self):
        line = next(self.lines)
        self._number += 1
        if self._number - self.start > LONGEST_ROW:
            raise ValueError(
                f"Expected a row of at most {LONGEST_ROW} lines in {self.name}, got a "
                f"longer one from line {self.start + 1} on. Likely cause: a quote that "
                "is not closed, or is plain text (--format tsv, with tabs)."
            )
        return line


def _first_filled(rows):
    seen = []
    for row in rows:
        seen.append(row)
        if row[1]:
            break
    return seen, (seen[-1][1] if seen else []) or [""]
