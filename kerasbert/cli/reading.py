"""How a command reads its files: as it is told, or as those of the training were."""

import dataclasses
import json
import pathlib

from kerasbert.checkpoints.sources import RUN_FILE
from kerasbert.data import Columns
from kerasbert.data.packaging import bare_name

__all__ = ["DATA_FILE", "Reading", "column_of", "reading_of"]

DATA_FILE = "data.json"  # what was read of the files of a run
# How one file is written says nothing of another, unless both are of one kind.
FORM = ("format", "header", "delimiter", "encoding")
COLUMNS = ("text_column", "pair_column", "label_column", "weight_column")


@dataclasses.dataclass(frozen=True)
class Reading:
    """How files of examples are read.

    Args:
        text_column: As in `kerasbert.data.Columns`.
        pair_column: As there.
        label_column: As there; `"none"`: pairs have no scores.
        weight_column: As there.
        sentence_column: As `sentence` in `kerasbert.data.read_columns`.
        format: As in `kerasbert.data.tables.open_table`; or `"conll"`.
        header: As there.
        delimiter: As there.
        encoding: As there.
        labels: The labels that there may be; or a dictionary from what the files say
            to the names of labels.
        multi_label: Whether a text may have several labels.
        label_separator: What stands between them.
        word_prefix: As `prefix` in `kerasbert.data.read_columns`.
        characters: As there.
    """

    text_column: str | int | None = None
    pair_column: str | int | None = None
    label_column: str | int | list | None = None
    weight_column: str | int | None = None
    sentence_column: str | int | None = None
    format: str | None = None
    header: bool | None = None
    delimiter: str | None = None
    encoding: str | None = None
    labels: list | dict | None = None
    multi_label: bool = False
    label_separator: str = ","
    word_prefix: str = ""
    characters: bool = False

    # Whether labels are as the user named them, so that they give numbers names.
    names_numbers = True

    @property
    def columns(self):
        """The `Columns` of tables."""
        return Columns(
            column_of(self.text_column),
            column_of(self.pair_column),
            self.label_column
            if isinstance(self.label_column, list)
            else column_of(self.label_column),
            column_of(self.weight_column),
        )

    @property
    def label_names(self):
        """The names of the labels, or None where nobody has said them."""
        if self.labels is None:
            return None
        names = self.labels.values() if isinstance(self.labels, dict) else self.labels
        return list(dict.fromkeys(map(str, names)))


@dataclasses.dataclass(frozen=True)
class ReadingLike(Reading):
    """How a file is read that is like another one, of which something is known.

    Args:
        usual: As in `kerasbert.data.Columns`.
        may_be_table: As in `kerasbert.data.tables.open_table`.
        names_numbers: Whether labels give numbers names, as they did in that file:
            the order of a model's own labels is not that of a data set's.
    """

    usual: dict = dataclasses.field(default_factory=dict)
    may_be_table: bool = False
    names_numbers: bool = False

    @property
    def columns(self):
        """The `Columns` of tables."""
        return dataclasses.replace(super().columns, usual=self.usual)


def reading_like(reading, columns, may_be_table=False, numbered=False):
    """A reading of a file that has the columns of another one, by their names.

    Args:
        reading: The `Reading`.
        columns: From a role to the column of the other file, as `DataAccount.columns`.
        may_be_table: As in `ReadingLike`.
        numbered: Its `names_numbers`.

    Returns:
        A `ReadingLike`.
    """
    names = [field.name for field in dataclasses.fields(Reading)]
    values = {name: getattr(reading, name) for name in names}
    usual = {role: name for role, name in columns.items() if isinstance(name, str)}
    return ReadingLike(
        **values, usual=usual, may_be_table=may_be_table, names_numbers=numbered
    )


def reading_of(model, task, given, file):
    """How a file is read for a model: as those that it was trained on.

    What was said of how these are written holds for files of the same suffix, and the
    names of their columns for all tables.

    Args:
        model: The source of the task; the folder of a run has its settings.
        task: The task.
        given: The settings that a command line names.
        file: The file.

    Returns:
        A `Reading`.
    """
    settings = {"multi_label": getattr(task, "multi_label", False)}
    if task.kind == "tag":
        settings["labels"] = task.labels
    run = pathlib.Path(model) / RUN_FILE
    if not run.exists():
        reading = Reading(**{**settings, **given})
        return reading_like(reading, {}, numbered="labels" in given)
    from kerasbert.cli.run_config import read_config

    known = read_config(run)
    suffix, trained_on = (_suffix(one) for one in (file, known.get("train", "")))
    is_table = suffix not in ("", ".txt")
    for field in dataclasses.fields(Reading):
        value = known.get(field.name)
        if suffix != trained_on and field.name in FORM:
            continue
        if suffix != trained_on and field.name in COLUMNS:
            named = isinstance(column_of(value), str | list)
            if not (named and is_table):
                continue
        if field.name in known:
            settings[field.name] = value
    account = _account_of(run.with_name(DATA_FILE))
    same = suffix == trained_on and account.get("width", 1) > 1
    reading = Reading(**{**settings, **given})
    numbered = "labels" in given or account.get("numbered", False)
    return reading_like(reading, account.get("columns", {}), same, numbered)


def _suffix(file):
    return pathlib.Path(bare_name(file)).suffix


def _account_of(file):
    """What was read of the file that a run learnt from."""
    if not file.exists():
        return {}
    return json.loads(file.read_text("utf-8")).get("train", {})


def column_of(column):
    """A column as readers take it: a number where it is written as one.

    Args:
        column: A name, a number, or None.
    """
    return int(column) if isinstance(column, str) and column.isdigit() else column
