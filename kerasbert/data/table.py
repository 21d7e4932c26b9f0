"""A table: the names of its columns, a sample, and a stream of its rows."""

from kerasbert.account import quoted
from kerasbert.data.dialect import kind_of

__all__ = ["EmptyFile", "Table"]


class EmptyFile(ValueError):
    """A file has no line at all."""


class Table:
    """A table that is read: the names of its columns and a stream of its rows.

    Args:
        name: What messages call it.
        names: The names of the columns; None where it has none.
        width: Number of columns.
        rows: Iterator of the line number and the cells of each row: a list, or in JSON
            a dictionary.
        sample: The cells of its first rows, which are among `rows`.
        account: The `DataAccount` of what is read.
        is_tsv: Whether it is of tabs, in which quotes are text.
    """

    def __init__(self, name, names, width, rows, sample, account, is_tsv=False):
        self.name = name
        self.names = names
        self.width = width
        self.sample = sample
        self.account = account
        self.is_tsv = is_tsv
        # Rows of the STS benchmark have columns more, which it documents: numbers of
        # columns say which ones are meant, where there are no names.
        self.may_be_wider = False
        self.rows = rows

    def __iter__(self):
        return self.rows

    @property
    def all_columns(self):
        """The names of all columns, or their numbers."""
        if self.names is None:
            return list(range(1, self.width + 1))
        return list(self.names)

    def column(self, column):
        """Where a column is in a row.

        Args:
            column: Its name; or its number, from 1 as in `cut -f`.

        Returns:
            An index or a key of the cells.

        Raises:
            ValueError: If the table has no such column, or several of the name.
        """
        names = self.names or []
        if column in names:
            if isinstance(names, dict):
                return column
            if names.count(column) > 1:
                raise ValueError(
                    f"Expected one column {quoted(column, 40)} in {self.name}, got "
                    f"{names.count(column)} of that name in its header. Name it by its "
                    "number, from 1."
                )
            return names.index(column)
        number = int(column) if str(column).isdigit() else 0
        if not isinstance(names, dict) and 1 <= number <= self.width:
            return number - 1
        has = f"columns 1 to {self.width}, without names"
        if names:
            has = f"the columns {', '.join(name[:30] for name in list(names)[:9])}"
        elif isinstance(column, str) and not column.isdigit():
            has += " (--header, if the first row has them)"
        raise ValueError(
            f"Expected a column {column!r} in {self.name}, which has {has}. Name one "
            "of these."
        )

    def columns_besides(self, places):
        """The names, or numbers, of the columns at other places.

        Args:
            places: A set of what `column` gives.
        """
        if isinstance(self.names, dict):
            kept = {str(place).split(".")[0] for place in places}
            names = [name for name in self.names if "." not in name]
            return [name for name in names if name not in kept]
        return [
            column
            for place, column in enumerate(self.all_columns)
            if place not in places
        ]

    def texts(self):
        """The numbers of the columns that hold texts, by the sample."""
        kinds = map(kind_of, self.all_cells())
        return [number for number, kind in enumerate(kinds, 1) if kind == "texts"]

    def all_cells(self):
        """The cells of every column in the sample, in the order of `all_columns`."""
        if isinstance(self.names, dict):
            return [self.cells(name) for name in self.names]
        return [self.cells(place) for place in range(self.width)]

    def cells(self, place):
        """The cells of a column in the sample.

        Args:
            place: Where it is, as `column` gives it.
        """
        if isinstance(self.names, dict):
            return [row[place] for row in self.sample if place in row]
        return [row[place] for row in self.sample if place < len(row)]
