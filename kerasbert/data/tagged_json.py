"""Texts and their tags or entities as JSON."""

from kerasbert.data.annotations import WANTED, has_numbers, tagged_record
from kerasbert.data.data_account import DataAccount
from kerasbert.data.json_rows import open_json_rows
from kerasbert.data.lines import open_lines
from kerasbert.data.targets import check_label

__all__ = ["Tagged", "read_tagged_json", "tagged"]


class Tagged(tuple):
    """Tagged texts: a pair of inputs and targets, with the account of what was read.

    Args:
        inputs: For each text its words, or the text.
        targets: For each text its tags, or its entities.
        account: The `kerasbert.data.DataAccount`.
    """

    def __new__(cls, inputs, targets, account):
        """A pair."""
        made = super().__new__(cls, (inputs, targets))
        made.account = account
        return made


def read_tagged_json(file, tags=None, encoding=None, names=None):
    r"""Reads tagged texts from JSON lines, or an array.

    A record is `{"tokens": [...], "tags": [...]}`, or `{"text": ..., "entities":
    [{"start", "end", "type"}, ...]}` with characters of the text, or as annotation
    tools and `datasets` write these (`kerasbert.data.annotations`); all are one or all
    the other.

    Args:
        file: The file; `"-"`: standard input.
        tags: The tags of tokens that there may be; None: any.
        encoding: As in `kerasbert.data.lines.open_lines`.
        names: The names of tags that are numbers, from 0 on; None: they are refused.

    Returns:
        For each text its words and its tags; or the text and its entities: a pair,
        whose `account` says what was read.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is empty, or a record is none of these; the message names
            the file and the line.

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
    """The texts of a file and their tags, if there are any.

    Args:
        inputs: The texts.
        targets: Their tags.
        account: The `DataAccount`.

    Returns:
        `Tagged`.

    Raises:
        ValueError: If there are none.
    """
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
