"""Examples from tables: texts or pairs, with targets and weights."""

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator

from kerasbert.account import quoted
from kerasbert.data.columns import LABEL, SCORE, SCORE_IF_ANY, Columns, resolve_columns
from kerasbert.data.data_account import DataAccount
from kerasbert.data.tables import open_table
from kerasbert.data.targets import is_set, number, score_if_any

__all__ = ["Columns", "Example", "Examples", "open_examples", "read_examples"]


@dataclasses.dataclass(frozen=True)
class Example:
    """A row: a text or a pair of texts, its target and its weight."""

    line: int
    input: str | tuple
    target: object = None
    weight: float = 1.0


@dataclasses.dataclass(frozen=True)
class Examples:
    """All examples of a table.

    Args:
        name: Name of the table in messages.
        lines: Line number of each example.
        inputs: Texts, or pairs of texts.
        targets: Target of each example, or None.
        weights: Weight of each example; None weights all alike.
        account: The `DataAccount`, which describes what was read.
    """

    name: str
    lines: list
    inputs: list
    targets: list | None = None
    weights: list | None = None
    account: DataAccount | None = None

    def __len__(self):
        return len(self.inputs)


def read_examples(
    file: str | os.PathLike,
    columns: Columns | None = None,
    target: Callable | None = None,
    form: str | None = None,
    header: bool | None = None,
    pairs: bool | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
) -> Examples:
    r"""Reads a table of examples.

    Args:
        file: The file; `"-"` is standard input.
        columns: The `Columns` to read; None infers them.
        target: Function from a label cell to a target, such as
            `kerasbert.data.one_label`; None reads no labels.
        form: `"tsv"`, `"csv"`, `"jsonl"` or `"txt"`; None infers it, see
            `kerasbert.data.tables.open_table`.
        header: Whether the first row contains column names; None infers it.
        pairs: Whether the examples are pairs; None infers it.
        delimiter: Delimiter of cells; None infers it.
        encoding: Encoding of the file; None detects it.

    Returns:
        `Examples`.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is empty, a column is missing or implausible, or a row
            is invalid; the message names the line.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "train.tsv"
        >>> _ = file.write_text("good\t1\nbad\t0\n")
        >>> examples = read_examples(file, target=number)
        >>> examples.targets, examples.account.format, examples.account.header
        ([1.0, 0.0], 'TSV', False)
    """
    columns = columns or Columns()
    options = (form, header, pairs, delimiter, encoding)
    with open_examples(file, columns, target, *options) as (name, rows):
        found = list(rows)
    if not found:
        raise ValueError(f"Expected rows in {name}, but it has only a header.")
    account = rows.account
    account.examples = len(found)
    account.count(row.target for row in found)
    return Examples(
        name,
        [row.line for row in found],
        [row.input for row in found],
        None if not rows.has_targets else [row.target for row in found],
        None if columns.weight is None else [row.weight for row in found],
        account,
    )


class ExampleRows:
    """An iterator over `Example`s, with the `DataAccount` as `account`."""

    def __init__(self, rows, account, has_targets):
        self.account = account
        self.has_targets = has_targets
        self._rows = rows

    def __iter__(self):
        return self

    def __next__(self):
        return next(self._rows)


@contextlib.contextmanager
def open_examples(
    file: str | os.PathLike,
    columns: Columns | None = None,
    target: Callable | None = None,
    form: str | None = None,
    header: bool | None = None,
    pairs: bool | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    may_be_table: bool = False,
) -> Iterator[tuple[str, ExampleRows]]:
    """Opens a table as a stream of examples.

    Args:
        file: The file; `"-"` is standard input.
        columns: The `Columns` to read; None infers them.
        target: Function from a label cell to a target; None reads no labels.
        form: Format of the file, see `read_examples`.
        header: Whether the first row contains column names; None infers it.
        pairs: Whether the examples are pairs; None infers it.
        delimiter: Delimiter of cells; None infers it.
        encoding: Encoding of the file; None detects it.
        may_be_table: Whether a `.txt` file with equally many tabs in all lines is a
            table.

    Yields:
        The name of the table for messages, and an iterator over `Example`s, whose
        `account` describes what is read.
    """
    columns = columns or Columns()
    wants = {None: None, number: SCORE, score_if_any: SCORE_IF_ANY}.get(target, LABEL)
    texts_alone = wants is None and not pairs and not columns.names
    expected = [*columns.names, *columns.usual.values()]
    options = (expected, delimiter, encoding, texts_alone, may_be_table)
    with open_table(file, form, header, *options) as table:
        indices = resolve_columns(table, columns, wants, pairs)
        _check_left_over(table, columns, indices, wants, pairs)
        table.account.columns = dict(indices.columns)
        table.account.width = table.width
        used = {*indices.texts, *indices.labels, indices.weight}
        table.account.unused = table.columns_besides(used)
        table.may_be_wider = (
            table.is_tsv
            and table.names is None
            and columns.text is not None
            and (target is None or columns.label is not None)
        )
        told = columns.label is not None
        rows = _examples(table, indices, target, told)
        yield table.name, ExampleRows(rows, table.account, bool(indices.labels))


def _check_left_over(table, columns, indices, wants, pairs):
    """Raises if other columns of an unnamed table contain texts as well."""
    told = table.names is not None or columns.text is not None or wants is not None
    if told or len(table.sample) < 3:
        return
    taken = [index + 1 for index in indices.texts]
    others = [column for column in table.texts() if column not in taken]
    if others and taken[0] in table.texts():
        raise ValueError(
            f"The columns of {table.name} are ambiguous: it has {table.width} without "
            f"names, with texts in column {', '.join(map(str, taken))} and also in "
            f"column {others[0]}. Name the text with "
            f"--text-column{' and its pair with --pair-column' * bool(pairs)}, or use "
            "--header if the first row has names, or --format txt if each line is one "
            "text."
        )


def _taken_for(indices):
    """Returns a sentence that names the inferred column of the label or score."""
    role, column = next(
        ((r, c) for r, c in indices.columns.items() if r in (LABEL, SCORE)),
        (None, None),
    )
    if role is None:
        return ""
    name = f"column {column}" if isinstance(column, int) else f"column {column!r}"
    return f" The {role} is read from {name}; use --label-column for another."


def _examples(table, indices, target, told):
    for line, cells in table:
        where = f"line {line} of {table.name}"
        texts = [_cell(cells, index, where) for index in indices.texts]
        for text in texts:
            if not isinstance(text, str):
                raise ValueError(
                    f"Expected a text in {where}, got {quoted(text, 60)}. Name the "
                    "column of the text with --text-column."
                )
        try:
            found = _target(cells, indices, target, where)
            weight = _weight(cells, indices, where)
        except _Missing:
            raise
        except ValueError as error:
            hint = "" if told else _taken_for(indices)
            raise ValueError(f"In {where}: {error}.{hint}") from None
        yield Example(
            line, texts[0] if len(texts) == 1 else tuple(texts), found, weight
        )


def _target(cells, indices, target, where):
    if not indices.labels:
        return None
    found = [_cell(cells, index, where) for index in indices.labels]
    if indices.label_names is None:
        return target(found[0])
    pairs = zip(indices.label_names, found, strict=True)
    return [name for name, cell in pairs if is_set(cell)]


def _weight(cells, indices, where):
    if indices.weight is None:
        return 1.0
    weight = number(_cell(cells, indices.weight, where))
    if weight < 0:
        raise ValueError(f"expected a weight of 0 or more, got {weight}")
    return weight


def _cell(cells, index, where):
    try:
        return cells[index]
    except KeyError:
        raise _Missing(f"Expected a field {index!r} in {where}.") from None
    except IndexError:
        raise _Missing(
            f"Expected a column {index + 1} in {where}, got {len(cells)} columns."
        ) from None


class _Missing(ValueError):
    """An error whose message already names the line."""
