"""Examples from a table: texts or pairs, with what should come out of each."""

import contextlib
import dataclasses

from kerasbert.data.tables import open_table
from kerasbert.data.targets import is_set, number

# What headers call the columns, the likeliest first.
TEXT_NAMES = (
    *("text", "sentence", "sentence1", "text_a", "question1", "premise", "q1"),
    *("question", "review", "comment", "content", "query", "title"),
)
PAIR_NAMES = ("pair", "sentence2", "text_b", "question2", "hypothesis", "q2", "context")
LABEL_NAMES = (
    *("label", "labels", "score", "target", "class", "category", "sentiment"),
    *("similarity", "gold_label", "polarity"),
)


@dataclasses.dataclass(frozen=True)
class Columns:
    """Which columns of a table hold what, each a name or a number from 1.

    Args:
        text: The text. By default what a header calls so, or the first column.
        pair: The second text of a pair. By default what a header calls so, or, without
            a header, the second of three columns.
        label: The label or score; or several columns, each named after a class and 1
            where a text is of it. By default what a header calls so, or the last one.
        weight: How much an example counts. By default all count alike.
    """

    text: str | int | None = None
    pair: str | int | None = None
    label: str | int | list | None = None
    weight: str | int | None = None

    @property
    def label_columns(self):
        """The columns of labels, as a list, or None."""
        alone = self.label is None or isinstance(self.label, str | int)
        return self.label if self.label is None or not alone else [self.label]

    @property
    def names(self):
        """All columns that are named here, as a list."""
        alone = [c for c in (self.text, self.pair, self.weight) if c is not None]
        return [*alone, *(self.label_columns or [])]


@dataclasses.dataclass(frozen=True)
class Example:
    """A row: a text or a pair of texts, what it should give, how much it counts."""

    line: int
    input: str | tuple
    target: object = None
    weight: float = 1.0


@dataclasses.dataclass(frozen=True)
class Examples:
    """All rows of a table, each field as a task takes it.

    Args:
        name: What messages call the table.
        lines: The line of each example.
        inputs: Texts, or pairs of texts.
        targets: What should come out of each; None where nobody knows.
        weights: How much each counts; None: all alike.
    """

    name: str
    lines: list
    inputs: list
    targets: list | None = None
    weights: list | None = None

    def __len__(self):
        return len(self.inputs)


def read_examples(file, columns=None, target=None, form=None, header=None, pairs=None):
    r"""Reads a table of examples.

    Args:
        file: The file; `"-"`: standard input.
        columns: The `Columns`.
        target: From the cell of a label to the target of a task, such as
            `kerasbert.data.one_label`; None: there are no labels.
        form: As in `open_table`.
        header: As there.
        pairs: Whether the examples are pairs; None: as the table says.

    Returns:
        `Examples`.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is empty, a column is not there, a row has other columns
            or a target that is none; the message names the file and the line.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "train.tsv"
        >>> _ = file.write_text("good\t1\nbad\t0\n")
        >>> read_examples(file, target=number).targets
        [1.0, 0.0]
    """
    columns = columns or Columns()
    with open_examples(file, columns, target, form, header, pairs) as (name, rows):
        rows = list(rows)
    if not rows:
        raise ValueError(f"Expected rows in {name}, but it has only a header.")
    return Examples(
        name,
        [row.line for row in rows],
        [row.input for row in rows],
        None if target is None else [row.target for row in rows],
        None if columns.weight is None else [row.weight for row in rows],
    )


@contextlib.contextmanager
def open_examples(file, columns=None, target=None, form=None, header=None, pairs=None):
    """Opens a table as a stream of examples.

    Args:
        file: As in `read_examples`.
        columns: As there.
        target: As there.
        form: As there.
        header: As there.
        pairs: As there.

    Yields:
        The name of the table for messages, and an iterator of `Example`s.
    """
    columns = columns or Columns()
    expected = (*columns.names, *TEXT_NAMES, *PAIR_NAMES, *LABEL_NAMES)
    with open_table(file, form, header, expected) as table:
        places = _places(table, columns, target is not None, pairs)
        named = columns.text is not None and (target is None or columns.label)
        yield table.name, _examples(table, places, target, strict=not named)


@dataclasses.dataclass(frozen=True)
class _Places:
    """Where in a row the columns are."""

    texts: list
    labels: list
    weight: object
    label_names: list | None


def _places(table, columns, has_label, pairs):
    text, pair, labels = columns.text, columns.pair, columns.label_columns
    guessed = table.names is None and (text is None or labels is None)
    if guessed and has_label and table.width > 3:
        raise ValueError(
            f"Expected to be told the columns of {table.name}, which has "
            f"{table.width} without names. Name that of the text and that of the "
            "label, by numbers from 1."
        )
    if has_label and labels is None:
        labels = [_label(table)]
    if pair is None and pairs is not False and text is None:
        pair = _pair(table, has_label, pairs)
    if pairs and pair is None:
        raise ValueError(f"Expected pairs of texts in {table.name}: name both columns.")
    text = _text(table) if text is None else text
    texts = [text] if pair is None or pairs is False else [text, pair]
    several = labels is not None and len(labels) > 1
    return _Places(
        [table.column(column) for column in texts],
        [table.column(column) for column in labels] if has_label else [],
        None if columns.weight is None else table.column(columns.weight),
        [str(name) for name in labels] if several else None,
    )


def _text(table):
    return 1 if table.names is None else _known(table, TEXT_NAMES, "text")


def _pair(table, has_label, pairs):
    if table.names is not None:
        return _known(table, PAIR_NAMES, "pair", needed=bool(pairs))
    if has_label:
        return 2 if table.width == 3 else None
    return 2 if pairs and table.width > 1 else None


def _label(table):
    if table.names is not None:
        return _known(table, LABEL_NAMES, "label")
    if table.width == 1:
        raise ValueError(
            f"Expected a text and a label in each row of {table.name}, got one column."
        )
    return table.width


def _known(table, known, role, needed=True):
    by_name = {name.lower(): name for name in reversed(list(table.names))}
    for name in known:
        if name in by_name:
            return by_name[name]
    if not needed:
        return None
    raise ValueError(
        f"Expected a column of the {role} in {table.name}, which has the columns "
        f"{', '.join(table.names)}. Name the one that it is."
    )


def _examples(table, places, target, strict):
    for line, cells in table:
        where = f"line {line} of {table.name}"
        if strict and isinstance(cells, list) and len(cells) != table.width:
            raise ValueError(
                f"Expected {table.width} columns in {where}, as in the rows before it, "
                f"got {len(cells)}. Put the row right, or name the columns to read."
            )
        texts = [_cell(cells, place, where) for place in places.texts]
        for text in texts:
            if not isinstance(text, str):
                raise ValueError(f"Expected a text in {where}, got {text!r}.")
        try:
            found = _target(cells, places, target, where)
            weight = _weight(cells, places, where)
        except _Missing:
            raise
        except ValueError as error:
            raise ValueError(f"In {where}: {error}.") from None
        yield Example(
            line, texts[0] if len(texts) == 1 else tuple(texts), found, weight
        )


def _target(cells, places, target, where):
    if target is None:
        return None
    found = [_cell(cells, place, where) for place in places.labels]
    if places.label_names is None:
        return target(found[0])
    pairs = zip(places.label_names, found, strict=True)
    return [name for name, cell in pairs if is_set(cell)]


def _weight(cells, places, where):
    if places.weight is None:
        return 1.0
    weight = number(_cell(cells, places.weight, where))
    if weight < 0:
        raise ValueError(f"expected a weight of 0 or more, got {weight}")
    return weight


def _cell(cells, place, where):
    try:
        return cells[place]
    except KeyError:
        raise _Missing(f"Expected a member {place!r} in {where}.") from None
    except IndexError:
        raise _Missing(
            f"Expected a column {place + 1} in {where}, got {len(cells)} columns."
        ) from None


class _Missing(ValueError):
    """An error that names its place already."""
