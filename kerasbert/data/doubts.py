"""Plausibility checks of labels, scores and tags, to detect a wrong column."""

import collections
import re
from collections.abc import Sequence

from kerasbert.account import quoted
from kerasbert.data.data_account import DataAccount
from kerasbert.data.dialect import is_number
from kerasbert.data.names import known_names, plain_name
from kerasbert.data.targets import spelled_alike

__all__ = ["check_labels", "check_scores", "check_tagged"]

FEW = 20  # examples up to which each may have its own class
MANY = 25  # examples a class, beside which one that occurs once is implausible
MISSING = ("nan", "null", "none", "n/a", "na", "#n/a", "<na>", "nat")
LONG_TEXT = 500  # words of a single text that may be a whole file
_TAG = re.compile(r"[BIESMLU]-.+")
_COLUMN = "Name the column of the label with --label-column"
_ALL = "or, if they are correct, list all labels with --labels"


def check_labels(
    targets: Sequence, account: DataAccount, several: bool = False
) -> None:
    """Raises a `ValueError` if labels do not look like classes.

    Args:
        targets: The class of each example, or lists of classes.
        account: The `DataAccount` of the file.
        several: Whether examples may have several classes.

    Raises:
        ValueError: If the labels are implausible; the message names the option that
            resolves it.
    """
    counts = collections.Counter()
    for target in targets:
        counts.update([target] if isinstance(target, str) else target)
    if not counts:
        return
    file, total = account.name, len(targets)
    for doubt in (_tags, _header, _every_row, _numbers, _missing, _spelling):
        doubt(counts, total, file, account)
    if not several:
        _lists(counts, total, file, account)
        _rare(counts, total, file, account)


def _header(counts, total, file, account):
    """Rejects a class that occurs once and is a column name: a header read as a row."""
    if account.header is not False or total < 4:
        return
    for name, count in counts.items():
        if count == 1 and plain_name(name) in known_names() and len(counts) > 2:
            raise ValueError(
                f"Expected classes in {file}, got {quoted(name, 40)} once, which looks "
                "like the name of a column. Use --header if the first row has names, "
                f"{_ALL}."
            )


def _tags(counts, total, file, account):
    """Rejects classes that are tags of words."""
    others = [name for name in counts if name != "O"]
    if "O" in counts and others and all(_TAG.fullmatch(name) for name in others):
        raise ValueError(
            f"Expected classes of texts in {file}, got tags of words, such as "
            f"{quoted(others[0], 40)}. Use the task `tag`."
        )


def _every_row(counts, total, file, account):
    """Rejects classes that hardly repeat: they are texts, ids or numbers."""
    few = 2 if total < MANY else 3  # examples of a class, in the mean
    words = sum(len(name.split()) for name in counts) / len(counts)
    texts = 5 < total == len(counts) and words > 3
    if not texts and (total < FEW or total >= few * len(counts)):
        return
    raise ValueError(
        f"Expected classes in {file}, got {len(counts):,} different ones in {total:,} "
        f"examples, such as {_shown(counts)}. {_COLUMN}{_also(account)}, {_ALL}."
    )


def _numbers(counts, total, file, account):
    """Rejects classes that are fractional numbers: they are scores."""
    if not all(map(is_number, counts)):
        return
    fractions = [name for name in counts if not float(name).is_integer()]
    if fractions:
        raise ValueError(
            f"Expected classes in {file}, got numbers such as {fractions[0]}. For "
            f"scores, use the task `regress`; {_COLUMN.lower()}, {_ALL}."
        )


def _missing(counts, total, file, account):
    found = [name for name in counts if name.casefold() in MISSING]
    if found and len(counts) > 1:
        raise ValueError(
            f"Expected a class for every example in {file}, got {found[0]!r} for "
            f"{counts[found[0]]:,} of {total:,}, which looks like a missing value. "
            f"Remove these rows, {_ALL}."
        )


def _spelling(counts, total, file, account):
    """Rejects classes that differ in spelling only."""
    alike = {}
    for name in counts:
        other = alike.setdefault(spelled_alike(name), name)
        if other != name:
            raise ValueError(
                f"Expected classes in {file} to differ in more than spelling, got "
                f"{other!r} ({counts[other]:,} times) and {name!r} "
                f"({counts[name]:,} times). Unify the spelling, or merge them with "
                f"--labels {other}=A,{name}=A,..., or list all labels with --labels if "
                "they are different classes."
            )


def _lists(counts, total, file, account):
    """Rejects classes whose parts are classes: the examples have several labels."""
    for separator in (",", ";", "|"):
        joint = [name for name in counts if separator in name]
        parts = collections.Counter(
            part.strip() for name in joint for part in name.split(separator)
        )
        again = [part for part in parts if parts[part] > 1 or part in counts]
        if joint and len(again) > 1 and len(again) >= 0.8 * len(parts):
            said = "" if separator == "," else f" --label-separator '{separator}'"
            raise ValueError(
                f"Expected one class per example in {file}, got "
                f"{quoted(joint[0], 60)}, whose parts are classes as well. Use "
                f"--multi-label{said} if a text may have several, {_ALL}."
            )


def _rare(counts, total, file, account):
    """Rejects a class that occurs once beside many: a typo, or part of a text."""
    once = [name for name, count in counts.items() if count == 1]
    if once and total >= MANY * len(counts) and len(counts) <= 50:
        raise ValueError(
            f"Expected several examples of every class in {file}, got only one of "
            f"{quoted(once[0], 60)} among {total:,}. Likely causes: a typo, a header "
            f"(--header), or another column (--label-column). Correct it, {_ALL}."
        )


def _shown(counts):
    names = [quoted(name, 30) for name in list(counts)[:3]]
    return ", ".join(names)


def _also(account):
    if account.header is False:
        return " (and that of the text with --text-column)"
    return ""


def check_scores(
    targets: Sequence[float], account: DataAccount, learns: bool = True
) -> None:
    """Raises a `ValueError` if scores are implausible.

    Args:
        targets: The scores.
        account: The `DataAccount` of the file.
        learns: Whether they are training targets, which must not be constant.

    Raises:
        ValueError: If the scores are implausible; the message says how to resolve it.
    """
    total = len(targets)
    if learns and total > 3 and len(set(targets)) == 1:
        raise ValueError(
            f"Expected scores in {account.name} that differ, got {targets[0]:g} for "
            f"all {total:,} examples: there is nothing to learn. {_COLUMN}."
        )
    steps = {b - a for a, b in zip(targets, targets[1:], strict=False)}
    if total >= FEW and steps == {1.0} and account.columns.get("score") is not None:
        raise ValueError(
            f"Expected scores in {account.name}, got {targets[0]:g}, {targets[1]:g}, "
            f"{targets[2]:g}, ..., which are row numbers. {_COLUMN}."
        )


def check_tagged(
    inputs: Sequence,
    targets: Sequence,
    account: DataAccount,
    characters: bool = False,
    prefix: str = "",
    told: bool = False,
    named: bool = False,
) -> None:
    """Raises a `ValueError` if tagged words do not look like words and tags.

    Args:
        inputs: For each text a list of words, or a string.
        targets: For each text a list of tags or entities.
        account: The `DataAccount` of the file.
        characters: Whether marks after characters were removed.
        prefix: The prefix that was removed from every word.
        told: Whether the user named the tags or their column.
        named: Whether the user named the column of the words.

    Raises:
        ValueError: If they are implausible; the message names the option that resolves
            it.
    """
    if isinstance(inputs[0], str):
        return
    words = [word for text in inputs[:1000] for word in text]
    tags = collections.Counter(tag for text in targets for tag in text)
    count = sum(map(len, inputs))
    if len(inputs) == 1 and count > LONG_TEXT:
        raise ValueError(
            f"Expected an empty line after every text in {account.name}, got one text "
            f"of {count:,} words, such as {quoted(inputs[0][0], 60)}. Insert them, or "
            "name the column that identifies sentences with --sentence-column. If each "
            "line is a text with a class, use the task `classify`."
        )
    if not told and count > 100 and len(tags) > max(100, count / 10):
        raise ValueError(
            f"Expected tags in {account.name}, got {len(tags):,} different ones in "
            f"{count:,} words, such as {_shown(tags)}. Name the columns with "
            "--text-column and --label-column."
        )
    if not told and len(tags) == 1 and next(iter(tags)) in ("_", "-", "*"):
        raise ValueError(
            f"Expected tags in {account.name}, got {next(iter(tags))!r} for every "
            "word. Name the column of the tags with --label-column."
        )
    is_counted = len(words) > len(inputs) and all(map(_is_counted, inputs[:1000]))
    if not named and (is_counted or len(words) >= 50 and all(map(str.isdigit, words))):
        raise ValueError(
            f"Expected words in {account.name}, got numbers, such as {words[0]!r}. "
            "Name the column of the words with --text-column."
        )
    if len(words) < 50:
        return
    marked = sum(len(word) == 2 and word[1].isdigit() for word in words)
    if not characters and marked > 0.95 * len(words):
        raise ValueError(
            f"Expected words in {account.name}, got characters with marks, such as "
            f"{words[0]!r}. Use --characters."
        )
    marks = {re.match(r"[a-z]{2,3}:|", word).group() for word in words}
    if not prefix and len(marks) == 1 and "" not in marks:
        raise ValueError(
            f"Expected words in {account.name}, but all begin with {marks.pop()!r}, "
            f"such as {quoted(words[0], 40)}. Use --word-prefix "
            f"{words[0].split(':')[0]}: to remove it."
        )


def _is_counted(words):
    """Whether words are 1, 2, 3, ..., as in the first column of CoNLL-U, or 2-3."""
    whole = [word for word in words if not re.fullmatch(r"\d+[-.]\d+", word)]
    return whole == [str(number) for number in range(1, len(whole) + 1)]
