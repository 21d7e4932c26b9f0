"""How a command reads its files: as it is told, or as those of the training were."""

import dataclasses
import pathlib

from kerasbert.checkpoints.sources import RUN_FILE
from kerasbert.data import Columns

__all__ = ["Reading", "column_of", "reading_of"]


@dataclasses.dataclass(frozen=True)
class Reading:
    """How files of examples are read.

    Args:
        text_column: As in `kerasbert.data.Columns`.
        pair_column: As there.
        label_column: As there.
        weight_column: As there.
        format: As in `kerasbert.data.tables.open_table`; or `"conll"`.
        header: As there.
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
    format: str | None = None
    header: bool | None = None
    labels: list | dict | None = None
    multi_label: bool = False
    label_separator: str = ","
    word_prefix: str = ""
    characters: bool = False

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


def reading_of(model, task, given):
    """How the files of a model are read: as those that it was trained on.

    Args:
        model: The source of the task; the folder of a run has its settings.
        task: The task.
        given: The settings that a command line names.

    Returns:
        A `Reading`.
    """
    settings = {"multi_label": getattr(task, "multi_label", False)}
    if task.kind == "tag":
        settings["labels"] = task.labels
    file = pathlib.Path(model) / RUN_FILE
    if file.exists():
        from kerasbert.cli.run_config import read_config

        known = read_config(file)
        names = [field.name for field in dataclasses.fields(Reading)]
        settings |= {name: known[name] for name in names if name in known}
    return Reading(**{**settings, **given})


def column_of(column):
    """A column as readers take it: a number where it is written as one.

    Args:
        column: A name, a number, or None.
    """
    return int(column) if isinstance(column, str) and column.isdigit() else column
