"""Inference of delimiter, quoting and header from the first rows of a table."""

import collections
import csv
import math
import re
import unicodedata

from kerasbert.data.names import header_words, known_names, plain_name

__all__ = [
    *("csv_rows", "guess_delimiter", "guess_header", "has_quoted_cells", "is_id"),
    *("is_number", "kind_of", "looks_quoted", "parsed", "shape_of"),
]

CANDIDATES = (",", ";", "\t", "|")
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_ID = re.compile(
    r"[A-Za-z]{0,12}[-_:#]?\d+|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{16,64}", re.I
)
LONGEST_NAME = 60  # characters of a column's name


def csv_rows(lines, delimiter, strict=True):
    """Parses CSV; yields the first line, the last line and the cells of each row.

    Raises a `csv.Error` at a quote that is not doubled or not closed. Lines have no
    line ends.
    """
    csv.field_size_limit(2**31 - 1)  # lines are bounded where they are read
    reader = csv.reader(
        (f"{line}\n" for line in lines), delimiter=delimiter, strict=strict
    )
    line = 1
    for cells in reader:
        yield line, reader.line_num, cells
        line = reader.line_num + 1


def parsed(lines, delimiter, quotes, is_whole=True):
    """Returns the non-empty rows of a sample, or None if the quoting is invalid.

    If the sample `is_whole`, an unclosed quote is invalid as well.
    """
    if not quotes:
        return [line.split(delimiter) for line in lines if line]
    rows = []
    try:
        for _, _, cells in csv_rows(lines, delimiter):
            if cells:
                rows.append(cells)
    except csv.Error as error:
        if is_whole or "unexpected end" not in str(error):
            return None
    return rows


def shape_of(rows):
    """Counts the widths of rows."""
    return collections.Counter(map(len, rows or []))


def guess_delimiter(lines, is_whole):
    """Returns the delimiters that give all rows equally many cells, best first."""
    found = []
    for delimiter in CANDIDATES:
        quotes = delimiter != "\t" or has_quoted_cells(lines, is_whole)
        rows = parsed(lines, delimiter, quotes, is_whole)
        widths = shape_of(rows)
        if len(widths) == 1 and min(widths) > 1:
            names = sum(plain_name(cell) in known_names() for cell in rows[0])
            found.append((-names, CANDIDATES.index(delimiter), delimiter))
    return [delimiter for *_, delimiter in sorted(found)]


def looks_quoted(cell):
    """Whether a cell is quoted and contains doubled quotes."""
    return len(cell) > 2 and '""' in cell[1:-1] and bool(_QUOTED.fullmatch(cell))


def has_quoted_cells(lines, is_whole, delimiter="\t"):
    r"""Whether quotes in a TSV delimit cells, rather than being text.

    In GLUE's files quotes are text; `pandas.DataFrame.to_csv(sep="\t")` quotes cells
    that contain a quote, a tab or a line end, and doubles quotes inside. Quotes delimit
    cells if all cells that start with one end with one and some contain doubled quotes,
    or a whole column is quoted; or if rows are equally wide as CSV only.

    Example:
        >>> has_quoted_cells(['"he ' + 2 * '"' + 'sang"\t1', "plain\t0"], True)
        True
        >>> has_quoted_cells(['"hi," he said\t1', '"yes"\t0'], True)
        False
    """
    if not any('"' in line for line in lines):
        return False
    plain = parsed(lines, delimiter, False)
    marked = [cell for cells in plain for cell in cells if '"' in cell]
    if all(_QUOTED.fullmatch(cell) for cell in marked):
        doubled = any(looks_quoted(cell) for cell in marked)
        return doubled or _has_quoted_column(plain)
    if len(shape_of(plain)) < 2:
        return False
    rows = parsed(lines, delimiter, True, is_whole)
    return rows is not None and len(shape_of(rows)) == 1 and len(rows[0]) > 1


def _has_quoted_column(rows):
    """Whether all cells of a column are quoted."""
    if len(rows) < 3 or len(shape_of(rows)) > 1:
        return False
    columns = list(zip(*rows[1:], strict=True))  # a header may be bare
    return any(all(_QUOTED.fullmatch(cell) for cell in column) for column in columns)


def is_number(cell):
    """Whether a cell is a finite number."""
    try:
        return math.isfinite(float(cell))
    except (TypeError, ValueError, OverflowError):
        return False


def is_id(cell):
    """Whether a cell looks like an id, such as `17`, `q17` or a hash."""
    return bool(_ID.fullmatch(cell))


def kind_of(cells):
    """Classifies the content of a column.

    Returns `"numbers"`, `"values"` (few, repeated), `"constant"`, `"ids"`, `"texts"` or
    `"nothing"`.
    """
    values = [str(cell).strip() for cell in cells]
    values = [value for value in values if value]
    if not values:
        return "nothing"
    different = len(set(values))
    if different == 1 and len(values) > 3:
        return "constant"
    few = len(values) > 4 and different <= max(2, len(values) / 10)
    if few and (different < 10 or sum(map(len, values)) < 40 * len(values)):
        return "values"
    if all(map(is_number, values)):
        return "numbers"
    return "ids" if all(map(is_id, values)) else "texts"


def guess_header(rows, expected):
    """Whether the first row of a table contains column names; None if undecided.

    `expected` are column names that the user named.

    Example:
        >>> guess_header([["tweet", "mood"], ["so good", "up"], ["bad", "up"]], ())
        True
        >>> guess_header([["a good day", "1"], ["a bad day", "0"]], ())
        False
    """
    first = [cell.strip() for cell in rows[0]]
    said = [name for name in expected if isinstance(name, str) and not name.isdigit()]
    wanted = {name.strip().lower() for name in said}
    if wanted & {cell.lower() for cell in first}:
        return True
    exact = sum(plain_name(cell) in known_names() for cell in first)
    if len(first) == 1:
        return exact == 1
    named = list(filter(None, first))
    if len(set(named)) < len(named) and exact < 2:
        return False
    if not _are_names(first) or any(map(is_number, filter(None, first))):
        return exact > 1 and len(first) > 4
    rest = [r for r in rows[1:] if len(r) == len(first) and r != rows[0]]
    signs = list(map(_sign, first, _columns(rest, first)))
    if "row" in signs:  # or a column that is named after a class, as `message,spam`
        return None if exact and "short" in signs else False
    if exact > 1 or (exact and not rest):
        return True
    words = sum(bool(header_words(cell)) for cell in first)
    if exact and ("name" in signs or words > 1):
        return True
    apart = "name" in signs and "short" in signs
    if words and apart:
        return True
    return None if apart or exact else False


def _columns(rows, first):
    if not rows:
        return [[] for _ in first]
    return [[row[index].strip() for row in rows] for index in range(len(first))]


def _are_names(cells):
    """Whether cells may be column names: short, and not sentences."""
    named = [cell for cell in cells if cell]
    return bool(named) and all(
        len(cell) <= LONGEST_NAME
        and len(cell.split()) <= 5
        and not re.search(r"[.!?。！？…]\s*$", cell)
        for cell in named
    )


def _sign(cell, column):
    """Compares the first cell of a column with the cells below it.

    Returns `"row"` if it is alike, `"name"` if it differs, `"short"` if it is shorter
    than nearly all texts below it, else `""`.
    """
    below = [other for other in column if other]
    if not cell or not below:
        return ""
    if sum(map(is_number, below)) >= 0.95 * len(below):
        return "name"
    counts = collections.Counter(below)
    if len(counts) <= max(len(below) / 2, 1) or len(counts) <= 2 < len(below):
        return "row" if cell in counts else "name" if max(counts.values()) > 1 else ""
    if cell in counts:
        return "row"
    lengths = sorted(map(_breadth, below))
    return "short" if _breadth(cell) < lengths[len(lengths) // 10] else ""


def _breadth(text):
    """Returns the length of a text, counting wide characters twice."""
    return sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in text[:400])
