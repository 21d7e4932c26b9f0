"""From a kind of task to the reader of its files."""

import contextlib
import dataclasses
import itertools
import sys

from kerasbert.cli.reading import column_of, reading_like
from kerasbert.data import (
    DataAccount,
    check_label,
    check_labels,
    check_scores,
    check_tagged,
    holds_words,
    number,
    one_label,
    open_examples,
    open_words,
    read_columns,
    read_examples,
    read_squad,
    read_tagged,
    read_tagged_json,
    score_if_any,
    several_labels,
    sorted_labels,
)

__all__ = [
    *("Data", "READERS", "checked_labels", "found_labels", "open_inputs"),
    *("open_texts", "read_data", "show_account", "shown"),
]

ALIKE = "none"  # a --label-column: pairs without scores


@dataclasses.dataclass(frozen=True)
class Data:
    """Examples as a task takes them.

    Args:
        name: The file.
        inputs: The inputs of the examples.
        targets: What should come out of each; None where the task needs none.
        weights: How much each counts; None: all alike.
        lines: The line of each; None where an example has several.
        account: What was read of the file, and how.
    """

    name: str
    inputs: list
    targets: list | None = None
    weights: list | None = None
    lines: list | None = None
    account: DataAccount | None = None

    def __len__(self):
        return len(self.inputs)


def read_data(kind, file, reading, pairs=None, like=None, learns=False):
    """Reads a file of examples whose answers are known.

    Args:
        kind: The kind of the task.
        file: The file.
        reading: The `Reading`.
        pairs: Whether texts are pairs; None: as the file says.
        like: The `DataAccount` of the file that is learnt from, whose columns this one
            should have; None: there is none.
        learns: Whether the task learns from it.

    Returns:
        `Data`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it does not hold such examples, or what it holds is unlike them;
            the message says where, and which option settles it.
    """
    if like is not None:
        reading = reading_like(reading, like.columns, numbered=like.numbered)
    data = READERS[kind](file, reading, pairs)
    _doubt(kind, data, reading, learns)
    if like is not None:
        _check_alike(data.account, like, reading)
    return data


def show_account(account):
    """Prints what was read of a file, as a line on the error stream.

    Args:
        account: The `DataAccount`.
    """
    print(account.line, file=sys.stderr)


def _doubt(kind, data, reading, learns):
    account = data.account
    if kind == "classify" and reading.labels is None:
        check_labels(data.targets, account, reading.multi_label)
    elif kind == "regress" or (kind == "embed" and data.targets is not None):
        check_scores(data.targets, account, learns)
    elif kind == "tag":
        told = reading.labels is not None or reading.label_column is not None
        check_tagged(
            *(data.inputs, data.targets, account, reading.characters),
            *(reading.word_prefix, told, reading.text_column is not None),
        )


def _check_alike(account, like, reading):
    """Refuses a file that has other columns than the one that is learnt from."""
    told = {
        **{"text": reading.text_column, "pair": reading.pair_column},
        **dict.fromkeys(("label", "score"), reading.label_column),
    }
    roles = [role for role, column in told.items() if column is None]
    mine, theirs = (
        {role: column for role, column in one.columns.items() if role in roles}
        for one in (account, like)
    )
    numbers = not account.header and not like.header
    if mine.keys() != theirs.keys() or (
        numbers and mine and account.width != like.width
    ):
        raise ValueError(
            f"Expected {account.name} to have the columns of {like.name}, which has "
            f"{like.width} ({_roles(theirs)}); got {account.width} ({_roles(mine)}). "
            "Name them with --text-column, --pair-column and --label-column."
        )
    other = [role for role, name in theirs.items() if mine[role] != name]
    if account.header and like.header and other:
        role = other[0]
        raise ValueError(
            f"Expected a column {theirs[role]!r} in {account.name}, from which "
            f"{like.name} gives the {role}; got {mine[role]!r}. Name them alike, or "
            " name theirs by numbers, such as --text-column 1."
        )


def _roles(columns):
    return ", ".join(f"{role}={str(name)[:40]}" for role, name in columns.items())


def shown(rows, account, first=1024):
    """A stream of rows, of which the account is shown.

    Args:
        rows: Iterator of them.
        account: The `DataAccount`.
        first: How many are read before it is shown; where there are more, their number
            is shown at the end.

    Yields:
        The rows.
    """
    head = list(itertools.islice(rows, first))
    count = len(head)
    if count < first:
        account.examples = count
    show_account(account)
    yield from head
    if count < first:
        return
    for row in rows:
        count += 1
        yield row
    account.examples = count
    show_account(account)


def found_labels(kind, data):
    """The labels that occur in data, sorted; None for a task that has none.

    Args:
        kind: The kind of the task.
        data: The `Data`.

    Raises:
        ValueError: If they are tags that no scheme has together; it names the file.
    """
    if kind == "tag":
        from kerasbert.tasks import labels_of

        try:
            return labels_of(data.targets)
        except ValueError as error:
            raise ValueError(f"In {data.name}: {error}") from None
    return sorted_labels(data.targets) if kind == "classify" else None


def checked_labels(data, labels):
    """Refuses data with labels that a task does not have.

    Args:
        data: The `Data` of texts.
        labels: The names of the labels.

    Raises:
        ValueError: If there is another; the message names the file and the line.
    """
    for line, target in zip(data.lines, data.targets, strict=True):
        for label in [target] if isinstance(target, str) else target:
            check_label(label, labels, f"line {line} of {data.name}")


@contextlib.contextmanager
def open_inputs(task, file, reading):
    """Opens a file of inputs whose answers are wanted.

    Args:
        task: The task.
        file: The file; `"-"`: standard input.
        reading: The `Reading`.

    Yields:
        An iterator of the inputs, as the task takes them, each after a dictionary that
        shows it; and the `DataAccount` of what is read.
    """
    if task.kind == "answer" and _is_json_document(file):
        found = read_squad(file, answers=False, encoding=reading.encoding)
        rows = zip(found.ids, found.inputs, strict=True)
        shown = (({"id": name, **_shown(task, pair)}, pair) for name, pair in rows)
        yield shown, found.account
        return
    words = (reading.format, reading.encoding)
    if task.kind == "tag" and holds_words(file, task.labels, *words):
        word = column_of(reading.text_column)
        options = (reading.format, word, reading.word_prefix, reading.characters)
        more = (reading.delimiter, column_of(reading.sentence_column), reading.encoding)
        with open_words(file, *options, *more) as texts:
            yield (({"tokens": words}, words) for words in texts), texts.account
        return
    pairs = task.kind == "answer" or getattr(task, "pairs", False)
    with open_texts(file, reading, pairs) as rows:
        yield ((_shown(task, row.input), row.input) for row in rows), rows.account


@contextlib.contextmanager
def open_texts(file, reading, pairs=False):
    """Opens a file of texts, or of pairs of them, as a stream.

    Args:
        file: The file; `"-"`: standard input.
        reading: The `Reading`.
        pairs: Whether they are pairs.

    Yields:
        The `kerasbert.data.examples.ExampleRows`.
    """
    columns = dataclasses.replace(reading.columns, label=None, weight=None)
    with open_examples(
        *(file, columns, None, reading.format, reading.header, pairs),
        *(reading.delimiter, reading.encoding),
        may_be_table=getattr(reading, "may_be_table", False),
    ) as (_, rows):
        yield rows


def _is_json_document(file):
    from kerasbert.data.packaging import bare_name

    return bare_name(file).endswith(".json")


def _shown(task, one):
    if isinstance(one, str):
        return {"text": one}
    names = ("question", "context") if task.kind == "answer" else ("text", "pair")
    return dict(zip(names, one, strict=True))


def _labelled(file, reading, pairs):
    several = reading.multi_label
    target = several_labels(reading.label_separator) if several else one_label
    data = _table(file, reading, target, pairs)
    if not isinstance(reading.labels, dict):
        return data
    names = {str(said): str(name) for said, name in reading.labels.items()}

    def renamed(label):
        return names.get(label, label)

    targets = [
        list(map(renamed, target)) if several else renamed(target)
        for target in data.targets
    ]
    data.account.count(targets)
    return dataclasses.replace(data, targets=targets)


def _scored(file, reading, pairs):
    return _table(file, reading, number, pairs)


def _alike(file, reading, pairs):
    """Pairs of texts, with scores where there is a column of them, else alike."""
    if reading.label_column == ALIKE:
        return _table(file, dataclasses.replace(reading, label_column=None), None, True)
    target = score_if_any if reading.label_column is None else number
    return _table(file, reading, target, True)


def _texts(file, reading, pairs):
    """Texts to learn from; empty ones, as between documents, are left out."""
    found = _table(file, reading, None, bool(pairs))
    inputs = [text for text in found.inputs if isinstance(text, tuple) or text.strip()]
    if not inputs:
        raise ValueError(f"Expected texts in {file}, but all of its lines are empty.")
    if len(inputs) < len(found):
        found.account.skip("empty lines", len(found) - len(inputs))
        found.account.examples = len(inputs)
    return Data(found.name, inputs, account=found.account)


def _table(file, reading, target, pairs):
    found = read_examples(
        *(file, reading.columns, target, reading.format, reading.header, pairs),
        *(reading.delimiter, reading.encoding),
    )
    return Data(
        *(found.name, found.inputs, found.targets, found.weights, found.lines),
        found.account,
    )


def _tagged(file, reading, pairs):
    tags = reading.label_names
    names = tags if reading.names_numbers else None
    if reading.format == "jsonl":
        found = read_tagged_json(file, tags, reading.encoding, names)
        return Data(str(file), *found, account=found.account)
    options = {
        "prefix": reading.word_prefix,
        "characters": reading.characters,
        "tags": tags,
        "sentence": column_of(reading.sentence_column),
        "encoding": reading.encoding,
    }
    columns = {"word": reading.text_column, "tag": reading.label_column}
    for name, column in columns.items():
        if isinstance(column, list):
            [column] = column
        options[name] = column_of(column)
    by_format = {"csv": ",", "tsv": "\t"}
    separator = reading.delimiter or by_format.get(reading.format)
    if reading.format is None:
        found = read_tagged(file, separator=separator, names=names, **options)
    else:
        found = read_columns(file, separator=separator, **options)
    return Data(str(file), *found, account=found.account)


def _questions(file, reading, pairs):
    found = read_squad(file, encoding=reading.encoding)
    if found.targets is None:
        raise ValueError(f"Expected answers in {file}, got questions alone.")
    return Data(str(file), found.inputs, found.targets, account=found.account)


READERS = {
    "classify": _labelled,
    "regress": _scored,
    "tag": _tagged,
    "answer": _questions,
    "embed": _alike,
    "fill": _texts,
}
