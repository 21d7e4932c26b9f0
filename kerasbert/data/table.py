"""A table: column names, a sample of its rows, and an iterator over all rows."""

from kerasbert.account import quoted
from kerasbert.data.dialect import kind_of

__all__ = ["EmptyFile", "Table"]


class EmptyFile(ValueError):
    """A file has no lines."""


class Table:
    """A table being read.

    Args:
        name: Name of the table in messages.
        names: Column names, or None.
        width: Number of columns.
        rows: Iterator over (line number, cells) pairs; cells are a list, or a
            dictionary for JSON.
        sample: Cells of the first rows, which `rows` yields as well.
        account: The `DataAccount`.
        is_tsv: Whether cells are separated by tabs and never quoted.
    """

    def __init__(self, name, names, width, rows, sample, account, is_tsv=False):
        self.name = name
        self.names = names
        self.width = width
        self.sample = sample
        self.account = account
        self.is_tsv = is_tsv
        # Some rows of the STS benchmark have additional columns, which is accepted if
        # columns are named by number.
        self.may_be_wider = False
        self.rows = rows

    def __iter__(self):
        return self.rows

    @property
    def all_columns(self):
        """The names of all columns, or their numbers from 1."""
        if self.names is None:
            return list(range(1, self.width + 1))
        return list(self.names)

    def column(self, column):
        """Returns the index or key of a column, given by name or by number from 1.

        Raises a `ValueError` if the table has no such column, or several of that name.
        """
        names = self.names or []
        if column in names:
            if isinstance(names, dict):
                return column
            if names.count(column) > 1:
                raise ValueError(
                    f"Expected one column {quoted(column, 40)} in {self.name}, got "
                    f"{names.count(column)} of that name in its header. Use its "
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
            f"Expected a column {column!r} in {self.name}, which has {has}. Use one of "
            "these."
        )

    def columns_besides(self, indices):
        """Returns the names or numbers of all columns except those at `indices`."""
        if isinstance(self.names, dict):
            kept = {str(index).split(".")[0] for index in indices}
            names = [name for name in self.names if "." not in name]
            return [name for name in names if name not in kept]
        return [
            column
            for index, column in enumerate(self.all_columns)
            if index not in indices
        ]

    def texts(self):
        """Returns the numbers of the columns that contain texts in the sample."""
        kinds = map(kind_of, self.all_cells())
        return [number for number, kind in enumerate(kinds, 1) if kind == "texts"]

    def all_cells(self):
        """Returns the sampled cells of each column, in the order of `all_columns`."""
        if isinstance(self.names, dict):
            return [self.cells(name) for name in self.names]
        return [self.cells(index) for index in range(self.width)]

    def cells(self, index):
        """Returns the sampled cells of the column at `index`."""
        if isinstance(self.names, dict):
            return [row[index] for row in self.sample if index in row]
        return [row[index] for row in self.sample if index < len(row)]
