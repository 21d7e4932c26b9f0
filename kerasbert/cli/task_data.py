"""Reading the files of a task: as it reads them, like another file, and shown."""

import itertools
import sys

from kerasbert.cli.reading import reading_like

__all__ = ["read_data", "show_account", "shown"]


def read_data(task_class, file, reading, pairs=None, like=None, learns=False):
    """Reads a file of examples whose answers are known.

    Returns:
        `kerasbert.data.Examples`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it does not hold such examples, or what it holds is unlike them;
            the message says where, and which option settles it.
    """
    if like is not None:
        reading = reading_like(reading, like.columns, numbered=like.numbered)
    examples = task_class.read(file, reading, pairs, learns)
    if like is not None:
        _check_alike(examples.account, like, reading)
    return examples


def show_account(account):
    """Prints what was read of a file, as a line on the error stream."""
    print(account.line, file=sys.stderr)


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
