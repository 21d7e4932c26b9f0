"""Assignment of table columns to roles: as specified, or inferred."""

import collections
import dataclasses

from kerasbert.account import quoted
from kerasbert.data.dialect import is_id, is_number, kind_of
from kerasbert.data.names import (
    ANSWER_NAMES,
    LABEL_NAMES,
    PAIR_NAMES,
    QUESTION_NAMES,
    SCORE_NAMES,
    TEXT_NAMES,
    header_words,
    plain_name,
)

__all__ = ["Columns", "ColumnIndices", "described", "resolve_columns"]

LABEL, SCORE, SCORE_IF_ANY = "label", "score", "score, if there is one"
_LABEL_WORDS = frozenset(
    "label labels sentiment class category rating stars emotion intent polarity "
    "judgment target score similarity 标签 类别 分类 情感".split()
)
_TEXT_WORDS = frozenset(
    "text tweet review sentence comment content message body utterance description "
    "文本 句子 内容 评论".split()
)
MOST_SHOWN = 170  # characters of what columns hold, in a message


@dataclasses.dataclass(frozen=True)
class Columns:
    """The columns of a table to read, each by name or by number from 1.

    Args:
        text: Column of the text. By default one with a known name, or the first.
        pair: Column of the second text of a pair. By default one with a known name, or,
            without a header, the second of three columns.
        label: Column of the label or score; or several columns, each named after a
            class and 1 for texts of the class. By default one with a known name, or the
            last.
        weight: Column of the example weight. By default all weights are 1.
        usual: Maps `"text"`, `"pair"`, `"label"` or `"score"` to the column name in
            files read before, which is preferred if it exists.
    """

    text: str | int | None = None
    pair: str | int | None = None
    label: str | int | list | None = None
    weight: str | int | None = None
    usual: dict = dataclasses.field(default_factory=dict)

    @property
    def label_columns(self) -> list | None:
        """The label columns as a list, or None."""
        alone = self.label is None or isinstance(self.label, str | int)
        return self.label if self.label is None or not alone else [self.label]

    @property
    def names(self) -> list:
        """All specified columns as a list."""
        alone = [c for c in (self.text, self.pair, self.weight) if c is not None]
        return [*alone, *(self.label_columns or [])]


@dataclasses.dataclass(frozen=True)
class ColumnIndices:
    """Indices of the columns in a row.

    Args:
        texts: Index or key of the text, and of the second text of a pair.
        labels: Indices of the labels.
        weight: Index of the weight, or None.
        label_names: Names of several label columns, or None.
        columns: Maps roles to columns, for the `DataAccount`.
    """

    texts: list
    labels: list
    weight: object
    label_names: list | None
    columns: dict


def resolve_columns(table, columns, wants, pairs):
    """Determines the `ColumnIndices` of a table's columns.

    `wants` is `LABEL`, `SCORE`, `SCORE_IF_ANY` or None. Raises a `ValueError` that
    names the options that resolve it if a column is missing, ambiguous or implausible.
    """
    text, pair, labels = columns.text, columns.pair, columns.label_columns
    if table.names is not None:
        usual = {r: name for r, name in columns.usual.items() if name in table.names}
        if text is None:
            text, pair = usual.get("text"), pair or usual.get("pair")
        if labels is None and (name := usual.get(wants)) is not None:
            labels = [name]
    if wants == SCORE_IF_ANY:
        labels = _scores_if_any(table, columns) if labels is None else labels
        wants = SCORE if labels else None
    guessed = table.names is None and (text is None or labels is None)
    if guessed and wants and table.width > 3:
        raise ValueError(
            f"The columns of {table.name} are ambiguous: it has {table.width} without "
            f"names: {_overview(table)}. {_flags(table, wants)}"
        )
    if wants and labels is None:
        labels = [_label(table, wants, text)]
    if pair is None and pairs is not False and columns.text is None:
        pair = _pair(table, wants, pairs)
    if pairs and pair is None:
        raise ValueError(
            f"Expected pairs of texts in {table.name}: name both columns, with "
            f"--text-column and --pair-column. It has {_overview(table)}."
        )
    if text is None:
        text = _text(table, labels)
    texts = [text] if pair is None or pairs is False else [text, pair]
    several = labels is not None and len(labels) > 1
    found = ColumnIndices(
        [table.column(column) for column in texts],
        [table.column(column) for column in labels] if wants else [],
        None if columns.weight is None else table.column(columns.weight),
        [str(name) for name in labels] if several else None,
        _roles(table, texts, labels if wants else [], wants, columns.weight),
    )
    if columns.text is None:
        _doubt_texts(table, found, wants)
    return found


def _roles(table, texts, labels, wants, weight):
    roles = dict(zip(("text", "pair"), texts, strict=False))
    if len(labels) > 1:
        roles["labels"] = ", ".join(map(str, labels))
    elif labels:
        roles[wants] = labels[0]
    if weight is not None:
        roles["weight"] = weight
    if table.names is None:
        return roles
    names = list(table.names)
    return {
        role: names[int(column) - 1]
        if str(column) not in names and str(column).isdigit()
        else column
        for role, column in roles.items()
    }


def _text(table, labels):
    if table.names is None:
        return 1
    found = _named(table, TEXT_NAMES) or _worded(table, _TEXT_WORDS, labels)
    if not found and (pair := _by_content(table)):
        found = [pair[0]]
    if not found and table.width == 2 and labels is not None:
        found = [name for name in table.names if name not in map(str, labels)]
    if len(found) == 1 or (found and plain_name(found[0]) in _plain(TEXT_NAMES)):
        return found[0]
    raise _unknown(table, "text")


def _pair(table, wants, pairs):
    if table.names is None:
        if wants:
            return 2 if table.width == 3 else None
        return 2 if pairs and table.width > 1 else None
    found = _named(table, PAIR_NAMES)
    texts = _named(table, TEXT_NAMES)
    if not found and texts and plain_name(texts[0]) in _plain(QUESTION_NAMES):
        found = _named(table, ANSWER_NAMES)
    if found:
        return found[0]
    if pairs and texts:
        raise _unknown(table, "second text of the pair", "pair")
    if pairs:
        raise _unknown(table, "pair")
    return None


def _label(table, wants, text):
    if table.names is None:
        if table.width == 1:
            first = next(iter(table.cells(0)), "")
            if first.startswith("__label__"):
                raise ValueError(
                    f"Expected a text and a label in columns in {table.name}, got "
                    f"fastText's format: {quoted(first, 60)}. Convert it with "
                    "`sed 's/^__label__//; s/ /\\t/'`, and use --text-column 2 "
                    "--label-column 1."
                )
            raise ValueError(
                "Expected a text and a label in each row of "
                f"{table.name}, got one column: {_overview(table)}. Likely causes: "
                "another delimiter (--delimiter ';'), or a file of texts alone."
            )
        return table.width
    known = SCORE_NAMES if wants == SCORE else LABEL_NAMES
    named = _named(table, known)
    for names in (named, _worded(table, _LABEL_WORDS, [text])):
        fitting = [name for name in names if _fits(table, name, wants)]
        if len(fitting) == 1 or (fitting and names is named):
            return fitting[0]
    if named:
        return named[0]
    texts = [text] if text is not None else _named(table, TEXT_NAMES)
    if table.width == 2 and len(texts) == 1:
        [other] = [name for name in table.names if name != texts[0]] or [None]
        if other is not None and _fits(table, other, wants):
            return other
    pair = None if texts else _by_content(table)
    if pair and _fits(table, pair[1], wants):
        return pair[1]
    raise _unknown(table, wants)


def _scores_if_any(table, columns):
    """Returns the column of scores next to pairs, or None if all pairs are similar."""
    if table.names is None:
        if table.width < 3 or columns.text is not None:
            return None
        if table.width == 3 and _fits(table, 3, SCORE):
            return [3]
        raise ValueError(
            f"The columns of {table.name} are ambiguous: it has {table.width} without "
            f"names: {_overview(table)}. Name those of a similar pair, such as "
            "--text-column 1 --pair-column 2, and that of the score, if there is one, "
            "with --label-column."
        )
    named = [name for name in _named(table, SCORE_NAMES) if name != columns.text]
    fitting = [name for name in named if _fits(table, name, SCORE)]
    if named and not fitting:
        raise ValueError(
            f"Expected scores in {table.name}, but the column {named[0]!r} holds "
            f"{described(table.cells(table.column(named[0])))}. Name a numeric column "
            "with --label-column; --label-column none treats all pairs as similar."
        )
    return fitting[:1] or None


def _by_content(table):
    """Returns the column of texts and the other one of two columns, else None."""
    kinds = dict(zip(table.all_columns, map(kind_of, table.all_cells()), strict=True))
    filled = [name for name, kind in kinds.items() if kind != "nothing"]
    texts = [name for name in filled if kinds[name] == "texts"]
    if len(filled) != 2 or len(texts) != 1:
        return None
    return texts[0], next(name for name in filled if name != texts[0])


def _named(table, known):
    """Returns the columns with known names, most likely first."""
    by_name = {}
    for name in table.names:
        by_name.setdefault(plain_name(name), name)
    found = [by_name[name] for name in _plain(known) if name in by_name]
    return list(dict.fromkeys(found))


def _worded(table, words, others):
    """Returns the columns whose names contain a known word."""
    others = set(map(str, others or []))
    return [
        name
        for name in table.names
        if words & set(header_words(name)) and name not in others
    ]


def _plain(names):
    return [plain_name(name) for name in names]


def _fits(table, name, wants):
    """Whether a column looks like labels, or scores."""
    cells = [c for c in table.cells(table.column(name)) if c not in (None, "")]
    if not cells:
        return True
    numbers = sum(map(is_number, cells))
    if wants == SCORE:
        return numbers >= 0.95 * len(cells)
    if any(isinstance(cell, dict) for cell in cells):
        return False
    fractions = [c for c in cells if is_number(c) and not float(c).is_integer()]
    return not fractions


def _unknown(table, role, flag=None):
    flag = {"score": "label"}.get(flag or role, flag or role)
    hint = f"Name it with --{flag}-column."
    if {"paragraphs", "data"} & set(table.names):
        hint = "If this is a SQuAD file, use the task `answer`."
    return ValueError(
        f"Expected a column of the {role} in {table.name}, which has the columns "
        f"{_overview(table)}. {hint}"
    )


def _bare(cell):
    return str(cell).strip()


def described(cells):
    """Describes cells in a few words."""
    kind = kind_of(cells)
    values = [value for value in map(_bare, cells) if value]
    if kind == "numbers":
        numbers = [float(value) for value in values]
        return f"numbers from {min(numbers):g} to {max(numbers):g}"
    if kind == "constant":
        return f"always {quoted(values[0], 24)}"
    if kind == "values":
        return f"{len(set(values))} values, such as {quoted(values[0], 24)}"
    return f"{kind}, such as {quoted(values[0], 24)}" if values else "nothing"


def _overview(table):
    """Describes the content of all columns, shortened."""
    shown, left = "", len(table.all_columns)
    for name, cells in zip(table.all_columns, table.all_cells(), strict=True):
        one = f"{', ' if shown else ''}{str(name)[:30]} ({described(cells)})"
        if shown and len(shown) + len(one) > MOST_SHOWN:
            break
        shown += one
        left -= 1
    return shown + (f" and {left} more" if left else "")


def _flags(table, wants):
    """Returns a sentence with the options that name the columns."""
    kinds = dict(zip(table.all_columns, map(kind_of, table.all_cells()), strict=True))
    texts = [column for column, kind in kinds.items() if kind == "texts"]
    others = [column for column, kind in kinds.items() if kind in ("values", "numbers")]
    text = texts[0] if texts else 1
    words = [f"--text-column {text}"]
    if len(texts) == 2:
        words.append(f"--pair-column {texts[1]}")
    if wants:
        words.append(f"--label-column {others[0] if len(others) == 1 else 'N'}")
    return f"Name them, such as {' '.join(words)}."


def _doubt_texts(table, indices, wants):
    """Raises if an inferred text column does not contain texts."""
    if table.width == 1:  # there is no other
        return
    for index, role in zip(indices.texts, indices.columns, strict=False):
        cells = [str(cell).strip() for cell in table.cells(index)]
        cells = [cell for cell in cells if cell]
        column = indices.columns[role]
        if len(cells) < 4:
            continue
        counts = collections.Counter(cells)
        if all(map(is_number, cells)):
            doubt = "which contains only numbers"
        elif len(counts) == 1:
            doubt = f"which contains {quoted(cells[0], 40)} in every row"
        elif all(map(is_id, cells)) and len(cells) > 9:
            doubt = f"which looks like ids, such as {quoted(cells[0], 40)}"
        elif table.names is not None or len(cells) < 20:
            continue
        elif len(counts) > len(cells) / 20:
            continue
        elif role == "text" and len(indices.texts) == 1 and _has_better(table, index):
            doubt = f"which contains only {len(counts)} distinct values"
        else:
            continue
        raise ValueError(
            f"Expected texts in {table.name}, but column {column} would be taken, "
            f"{doubt}. It has {_overview(table)}. {_flags(table, wants)}"
        )


def _has_better(table, index):
    """Whether another column contains texts."""
    return any(
        kind_of(cells) == "texts" and cells != table.cells(index)
        for cells in table.all_cells()
    )
