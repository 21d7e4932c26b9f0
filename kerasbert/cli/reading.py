"""Reader options of a command: as given, or as in training, whose config it reads."""

import dataclasses
import json
import pathlib

from kerasbert.cli.flags import flag
from kerasbert.files import read_text

__all__ = [
    "DATA_FILE",
    "ReaderOptions",
    "parsed_labels",
    "read_config",
    "reading_of",
]

DATA_FILE = "data.json"  # what was read of the files of a run
# How one file is written says nothing of another, unless both are of one kind.
FORM = ("format", "header", "delimiter", "encoding")
COLUMNS = ("text_column", "pair_column", "label_column", "weight_column")


_COLUMN = "its name, or its number from 1."
_FORMATS = ("tsv", "csv", "jsonl", "txt", "conll")


@dataclasses.dataclass(frozen=True)
class ReaderOptions:
    """How files of examples are read; each field is also a flag, whose help says what.

    Columns are as in `kerasbert.data.Columns`, `format`, `header`, `delimiter` and
    `encoding` as in `kerasbert.data.tables.open_table`. `label_column="none"`: pairs
    have no scores. `labels` may be a dictionary from what the files say to names.
    """

    labels: list | dict | None = flag(
        "All labels, with commas between; 0=negative,1=positive gives those of the "
        "file names. By default those that are found."
    )
    text_column: str | int | None = flag(
        f"The column of the text, or word: {_COLUMN} Such as --text-column tweet.",
        metavar="COLUMN",
    )
    pair_column: str | int | None = flag(
        f"That of the second text of a pair: {_COLUMN} Such as --pair-column 3.",
        metavar="COLUMN",
    )
    label_column: str | int | list | None = flag(
        f"That of the label, score or tag: {_COLUMN} Several are named after labels, "
        "and hold 0 or 1. With embed, none learns pairs without scores. Such as "
        "--label-column sentiment.",
        kind=list[str],
        metavar="COLUMN",
    )
    weight_column: str | int | None = flag(
        f"That of how much an example counts: {_COLUMN} Such as --weight-column w.",
        metavar="COLUMN",
    )
    multi_label: bool = flag(
        "Whether a text may have several labels.",
        False,
        kind=bool,
        names="--multi-label/--one-label",
    )
    label_separator: str = flag(
        "What stands between several labels, by default a comma. Such as "
        "--label-separator ';'.",
        ",",
    )
    word_prefix: str = flag(
        "For tags: what to take off every word. Such as --word-prefix en:.", ""
    )
    characters: bool = flag(
        "For tags: whether a line is a character, of a text without spaces.",
        False,
        kind=bool,
        names="--characters/--words",
    )
    format: str | None = flag(
        "How it is written: tsv (quotes are text), csv (quoted cells), jsonl (JSON "
        "lines, an array, or columns), txt (a text a line), conll (a word a line). By "
        "default told by its name and its first rows, and shown. Such as --format txt.",
        choices=_FORMATS,
    )
    header: bool | None = flag(
        "Whether the first row names the columns. By default as it and the rows below "
        "it show. Such as --no-header.",
        kind=bool,
        names="--header/--no-header",
    )
    delimiter: str | None = flag(
        "What stands between cells: a character, or tab, comma, semicolon, bar, space. "
        "By default as the first rows show. Such as --delimiter ';'.",
        metavar="CHARACTER",
    )
    encoding: str | None = flag(
        "By default UTF-8, or what a byte order mark says. Such as --encoding gb18030, "
        "big5, shift_jis, cp1252.",
        metavar="NAME",
    )
    sentence_column: str | int | None = flag(
        "For tags: that which tells sentences apart, where no empty lines do: "
        f"{_COLUMN} Such as --sentence-column 'Sentence #'.",
        metavar="COLUMN",
    )

    # Whether labels are as the user named them, so that they give numbers names.
    names_numbers = True

    @property
    def columns(self):
        """The `kerasbert.data.Columns` to read."""
        from kerasbert.data import Columns

        return Columns(
            column_of(self.text_column),
            column_of(self.pair_column),
            self.label_column
            if isinstance(self.label_column, list)
            else column_of(self.label_column),
            column_of(self.weight_column),
        )

    @property
    def sentence(self):
        """The column that identifies sentences."""
        return column_of(self.sentence_column)

    @property
    def label_names(self):
        """The names of the labels, or None."""
        if self.labels is None:
            return None
        names = self.labels.values() if isinstance(self.labels, dict) else self.labels
        return list(dict.fromkeys(map(str, names)))


@dataclasses.dataclass(frozen=True)
class LikeOptions(ReaderOptions):
    """Reader options of a file that resembles another one.

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
        """The `kerasbert.data.Columns` to read."""
        return dataclasses.replace(super().columns, usual=self.usual)


def reading_like(reading, columns, may_be_table=False, numbered=False):
    """Returns the options to read a file with the columns of another."""
    names = [field.name for field in dataclasses.fields(ReaderOptions)]
    values = {name: getattr(reading, name) for name in names}
    usual = {role: name for role, name in columns.items() if isinstance(name, str)}
    return LikeOptions(
        **values, usual=usual, may_be_table=may_be_table, names_numbers=numbered
    )


def reading_of(model, task, given, file):
    """Returns the options with which a model's training files were read.

    What was said of how these are written holds for files of the same suffix, and the
    names of their columns for all tables.
    """
    from kerasbert.checkpoints.sources import RUN_FILE

    settings = task.reading()
    run = pathlib.Path(model) / RUN_FILE
    if not run.exists():
        reading = ReaderOptions(**{**settings, **given})
        return reading_like(reading, {}, numbered="labels" in given)
    known = read_config(run)
    suffix, trained_on = (_suffix(one) for one in (file, known.get("train", "")))
    is_table = suffix not in ("", ".txt")
    for field in dataclasses.fields(ReaderOptions):
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
    reading = ReaderOptions(**{**settings, **given})
    numbered = "labels" in given or account.get("numbered", False)
    return reading_like(reading, account.get("columns", {}), same, numbered)


def read_config(file):
    """Reads the settings of a YAML file."""
    import yaml

    try:
        values = yaml.safe_load(read_text(file))
    except yaml.YAMLError as error:
        raise ValueError(f"Expected YAML in {file}: {error}.") from None
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise ValueError(f"Expected lines such as `epochs: 3` in {file}.")
    return values


def _suffix(file):
    from kerasbert.data.packaging import bare_name

    return pathlib.Path(bare_name(file)).suffix


def _account_of(file):
    """Returns the account of the training file of a run."""
    if not file.exists():
        return {}
    return json.loads(file.read_text("utf-8")).get("train", {})


def parsed_labels(labels):
    """Parses the labels of a command line: a list, or a mapping to names.

    Example:
        >>> parsed_labels("bad,good"), parsed_labels("0=bad, 1=good")
        (['bad', 'good'], {'0': 'bad', '1': 'good'})
    """
    if labels is None:
        return None
    parts = [part.strip() for part in labels.split(",")]
    named = [part.split("=", 1) for part in parts if "=" in part]
    if not named:
        return parts
    if len(named) < len(parts):
        raise ValueError(f"Expected names for all labels or for none, got {labels!r}.")
    return {said.strip(): name.strip() for said, name in named}


def column_of(column):
    """Parses a column: a name or a number."""
    return int(column) if isinstance(column, str) and column.isdigit() else column
