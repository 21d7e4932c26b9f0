"""Files of sources and their translations: a table, or two files of lines."""

import pathlib

from kerasbert.account import quoted
from kerasbert.data import DataAccount, Examples
from kerasbert.data.lines import open_lines
from kerasbert.tasks.example_files import cell_of, column_name, open_pairs

SOURCE_NAMES = ("source", "src", "text", "dialogue", "document", "article", "input")
TARGET_NAMES = ("target", "tgt", "translation", "summary", "title", "output")


def read_parallel(file, options, what="translation"):
    """Reads examples of a source and a target each.

    Args:
        file: A table, or two files with a comma between, such as `train.en,train.de`:
            a text a line, line n of the one with line n of the other.
        options: A `kerasbert.cli.reading.ReaderOptions`: the text column holds the
            sources, the label column the targets.
        what: What a target is, for messages.

    Returns:
        `kerasbert.data.Examples`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the files have other numbers of lines, or a row has no target.
    """
    parts = str(file).split(",")
    if len(parts) == 2 and not pathlib.Path(file).exists():
        return _read_two(*parts, options)
    return _read_table(file, options, what)


def _read_two(source, target, options):
    columns, names = [], []
    for part in (source, target):
        with open_lines(part.strip(), options.encoding) as lines:
            columns.append([line.strip() for line in lines])
            names.append(lines.name)
    counts = [len(column) for column in columns]
    if counts[0] != counts[1]:
        raise ValueError(
            f"Expected as many lines in {names[1]} as in {names[0]}, line n of the one "
            f"for line n of the other, got {counts[0]} in {names[0]} and {counts[1]} "
            f"in {names[1]}. Were empty lines taken out of one of them?"
        )
    account = DataAccount(" and ".join(names), "a text a line in each")
    return _examples(account, range(1, counts[0] + 1), *columns)


def _read_table(file, options, what):
    hint = ", or give two files with a comma between, such as train.en,train.de"
    names, expected = (SOURCE_NAMES, TARGET_NAMES), f"a source and its {what}"
    with open_pairs(file, options, names, expected, hint) as (table, chosen):
        table.may_be_wider = True
        lines, texts = [], ([], [])
        names = [column_name(table, column) for column in chosen]
        for line, cells in table:
            for column, name, found in zip(chosen, names, texts, strict=True):
                cell = cell_of(cells, column)
                if not isinstance(cell, str):
                    raise ValueError(
                        f"Expected a text in column {name} of line {line} of "
                        f"{table.name}, got {quoted(cell, 60)}."
                    )
                found.append(cell.strip())
            lines.append(line)
        account = table.account
        # A note, and no roles: another file of the run may be in another form.
        account.notes = [
            *account.notes,
            f"source in column {names[0]}, target in column {names[1]}",
        ]
    return _examples(account, lines, *texts)


def _examples(account, lines, sources, targets):
    """Leaves out pairs that are empty on both sides; refuses those on one side."""
    kept = []
    for line, source, target in zip(lines, sources, targets, strict=True):
        if bool(source) != bool(target):
            side = "target" if source else "source"
            raise ValueError(
                f"Expected a source and a target in line {line} of {account.name}, got "
                f"an empty {side} for {quoted(source or target, 60)}. Take the pair "
                "out of the data."
            )
        if source:
            kept.append((line, source, target))
    if not kept:
        raise ValueError(f"Expected examples in {account.name}, got none.")
    account.examples = len(kept)
    lines, sources, targets = map(list, zip(*kept, strict=True))
    return Examples(account.name, lines, sources, targets, None, account)
