"""Summary of what was read from a file of examples."""

import collections
import dataclasses
from collections.abc import Iterable
from typing import Any

from kerasbert.account import quoted

__all__ = ["DataAccount"]

MOST_LABELS = 8  # how many are named in the line
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "space"}


@dataclasses.dataclass
class DataAccount:
    """What was read from a file, and how.

    Args:
        name: Name of the file.
        format: Format, such as `"CSV"`, `"JSON lines"` or `"SQuAD"`.
        notes: How it was read: delimiter, encoding, quoting.
        header: Whether the first row contains column names; None for formats without
            rows.
        columns: Maps roles (`text`, `pair`, `label`, `score`, `weight`, ...) to column
            names, or numbers from 1.
        width: Number of columns.
        unused: Names of unused columns.
        labels: Number of examples of each label, or None.
        scores: Minimum and maximum score, or None.
        examples: Number of examples; None if a stream was not read to its end.
        skipped: Maps reasons to the number of skipped lines or records.
        numbered: Whether tags were integers that were mapped to names.
    """

    name: str
    format: str
    notes: list = dataclasses.field(default_factory=list)
    header: bool | None = None
    columns: dict = dataclasses.field(default_factory=dict)
    width: int | None = None
    unused: list = dataclasses.field(default_factory=list)
    labels: dict | None = None
    scores: tuple | None = None
    examples: int | None = None
    skipped: dict = dataclasses.field(default_factory=dict)
    numbered: bool = False

    def skip(self, reason: str, count: int = 1) -> None:
        """Counts skipped lines or records.

        Args:
            reason: The reason, such as `"empty lines"`.
            count: Number of lines or records.
        """
        self.skipped[reason] = self.skipped.get(reason, 0) + count

    def count(self, targets: Iterable) -> None:
        """Counts the labels, or determines the range of the scores.

        Args:
            targets: Labels, lists of labels or tags, scores, entities, or None.
        """
        found = [target for target in targets if target is not None]
        if not found:
            return
        if all(isinstance(target, float) for target in found):
            self.scores = (min(found), max(found))
            return
        names = collections.Counter()
        for target in found:
            for one in [target] if isinstance(target, str) else target:
                names[one["type"] if isinstance(one, dict) else one] += 1
        self.labels = dict(sorted(names.items()))

    @property
    def line(self) -> str:
        r"""The summary as one line.

        Example:
            >>> account = DataAccount("train.csv", "CSV", ["comma", "UTF-8"], True)
            >>> account.columns = {"text": "tweet", "label": "mood"}
            >>> account.count(["bad", "good"])
            >>> account.examples = 2
            >>> account.skip("empty lines", 3)
            >>> how, columns, count, skipped = account.line.split("; ")
            >>> print(how, columns, count, skipped, sep="\n")
            train.csv: CSV, comma, UTF-8, header
            text=tweet, label=mood (2: bad, good)
            2 examples
            skipped: 3 empty lines
        """
        how = [self.format, *self.notes]
        if self.header is not None:
            how.append("header" if self.header else "no header")
        parts = [", ".join(how), *filter(None, [self._columns(), self._unused()])]
        if self.examples is not None:
            plural = "" if self.examples == 1 else "s"
            parts.append(f"{self.examples:,} example{plural}")
        if self.skipped:
            skipped = [f"{count:,} {reason}" for reason, count in self.skipped.items()]
            parts.append(f"skipped: {', '.join(skipped)}")
        return f"{self.name}: {'; '.join(parts)}"

    def values(self) -> dict[str, Any]:
        """Returns the summary as JSON-serializable values."""
        return {
            name: value
            for name, value in dataclasses.asdict(self).items()
            if value not in (None, {}, [], False) or name == "header"
        }

    def _columns(self):
        shown = []
        for role, column in self.columns.items():
            name = f"column {column}" if isinstance(column, int) else str(column)[:40]
            shown.append(f"{role}={name}")
        about = ""
        if self.labels is not None:
            names = ", ".join(quoted(name, 40).strip("'") for name in self.labels)
            if len(self.labels) > MOST_LABELS:
                few = list(self.labels)[:MOST_LABELS]
                names = ", ".join(quoted(name, 40).strip("'") for name in few) + ", ..."
            about = f"({len(self.labels)}: {names})"
        elif self.scores is not None:
            about = "({:g} to {:g})".format(*self.scores)
        if about:
            indices = [n for n, r in enumerate(self.columns) if r in _TARGETS]
            if indices:
                shown[indices[-1]] += f" {about}"
            else:
                shown.append(f"labels {about}")
        return ", ".join(shown)

    def _unused(self):
        if not self.unused:
            return ""
        names = ", ".join(str(name)[:30] for name in self.unused[:6])
        more = ", ..." if len(self.unused) > 6 else ""
        return f"not read: {names}{more}"


_TARGETS = ("label", "score", "tag", "labels", "tags", "entities")
