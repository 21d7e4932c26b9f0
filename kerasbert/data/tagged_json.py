"""Tagged texts in JSON."""

import os
from collections.abc import Sequence

from kerasbert.data.annotations import WANTED, has_numbers, tagged_record
from kerasbert.data.data_account import DataAccount
from kerasbert.data.json_rows import open_json_rows
from kerasbert.data.lines import open_lines
from kerasbert.data.targets import check_label

__all__ = ["Tagged", "read_tagged_json", "tagged"]


class Tagged(tuple):
    """A pair of inputs and targets, with the `DataAccount` of the file as `account`."""

    def __new__(cls, inputs, targets, account):
        """Creates the pair."""
        made = super().__new__(cls, (inputs, targets))
        made.account = account
        return made


def read_tagged_json(
    file: str | os.PathLike,
    tags: Sequence[str] | None = None,
    encoding: str | None = None,
    names: Sequence[str] | None = None,
) -> Tagged:
    r"""Reads tagged texts from JSON lines or a JSON array.

    A record is `{"tokens": [...], "tags": [...]}`, or `{"text": ..., "entities":
    [{"start", "end", "type"}, ...]}` with character offsets, or has the form that
    annotation tools or `datasets` write (see `kerasbert.data.annotations`). Forms with
    tokens and forms with texts cannot be mixed.

    Args:
        file: The file; `"-"` is standard input.
        tags: The allowed tags of tokens; None allows any.
        encoding: Encoding of the file; None detects it, see `open_lines`.
        names: Names of tags that are integers, from 0; None rejects integers.

    Returns:
        A pair: the words of each text with their tags, or the texts with their
        entities. Its `account` describes what was read.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is empty or a record is invalid; the message names the
            line.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "train.jsonl"
        >>> _ = file.write_text('{"tokens": ["Ada"], "tags": ["B-PER"]}\n')
        >>> read_tagged_json(file)
        ([['Ada']], [['B-PER']])
    """
    inputs, targets = [], []
    with open_lines(file, encoding) as lines:
        account = DataAccount(lines.name, "JSON", lines.notes)
        rows = open_json_rows(lines, account, of_lists=True)
        unit = "line" if account.format == "JSON lines" else "row"
        for number, record in rows:
            where = f"{unit} {number} of {lines.name}"
            text, target = tagged_record(record, where, names)
            account.numbered |= names is not None and has_numbers(record)
            if target is None:
                account.skip(text)
                continue
            if inputs and isinstance(text, str) != isinstance(inputs[0], str):
                raise ValueError(
                    f"Expected texts or tokens, as in the lines before it, in {where}."
                )
            if tags is not None and not isinstance(text, str):
                for tag in target:
                    check_label(tag, tags, where)
            inputs.append(text)
            targets.append(target)
    if inputs:
        texts = isinstance(inputs[0], str)
        roles = ("text", "entities") if texts else ("tokens", "tags")
        account.columns = {role: role for role in roles}
    return tagged(inputs, targets, account)


def tagged(inputs, targets, account):
    """Returns the texts of a file with their tags; without any, raises an error."""
    if not inputs:
        skipped = [f"{count} {reason}" for reason, count in account.skipped.items()]
        about = f" (skipped: {', '.join(skipped)})" if skipped else ""
        raise ValueError(
            f"Expected tagged texts in {account.name}, but it holds none{about}. "
            f"{WANTED}"
        )
    account.examples = len(inputs)
    account.count(targets)
    return Tagged(inputs, targets, account)
