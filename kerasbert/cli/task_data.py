"""Reading of a task's files, with the accounts shown."""

import itertools
import sys

from kerasbert.cli.reading import reading_like

__all__ = ["read_data", "show_account", "shown"]


def read_data(task_class, file, reading, pairs=None, like=None, learns=False):
    """Reads a file of labeled examples."""
    if like is not None:
        reading = reading_like(reading, like.columns, numbered=like.numbered)
    examples = task_class.read(file, reading, pairs, learns)
    if like is not None:
        _check_alike(examples.account, like, reading)
    return examples


def show_account(account):
    """Prints the account of a file on stderr."""
    print(account.line, file=sys.stderr)


def _check_alike(account, like, reading):
    """Rejects a file with other columns than the training file."""
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
    """Wraps a stream of rows to print its account at the end."""
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
