"""The two-sided account of a checkpoint: every variable filled, every tensor used."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Entry:
    """One tensor of a checkpoint, and where it went.

    Args:
        name: Its name there.
        shape: Its shape there.
        variable: The path of our variable, or None.
        note: The transform, or the reason why it was left.
    """

    name: str
    shape: tuple[int, ...]
    variable: str | None
    note: str


@dataclasses.dataclass(frozen=True)
class Ledger:
    """Where every tensor of a checkpoint went.

    Args:
        entries: One a tensor.
        absent: Optional groups of variables, such as the pooler, that it lacks.
    """

    entries: tuple[Entry, ...]
    absent: tuple[str, ...] = ()

    @property
    def used(self):
        """The entries that filled a variable."""
        return [entry for entry in self.entries if entry.variable]

    @property
    def ignored(self):
        """The entries that were left, each for a reason that its note names."""
        return [entry for entry in self.entries if not entry.variable]


def balance(stored, table, ignored, config, num_classes, folder):
    """Matches the tensors of a checkpoint with a table of names.

    Args:
        stored: The `StoredTensors`.
        table: The rows of the container's table.
        ignored: Pairs of a compiled pattern of names and the reason to leave them.
        config: The encoder's configuration.
        num_classes: Number of classes of the classification head, if it has one.
        folder: Where the checkpoint lies, for messages.

    Returns:
        A dictionary from the path of our variable to its row, and the `Ledger`.

    Raises:
        ValueError: If a tensor is missing, of another shape, or left over; the message
            names all of them.
    """
    present = [row for row in table if row.theirs in stored.shapes]
    groups = {row.group for row in present}
    missing = [
        row
        for row in table
        if row.theirs not in stored.shapes
        and (row.group == "encoder" or row.group in groups)
    ]
    problems = [
        f"missing: {row.theirs} {row.expected_shape(config, num_classes)}"
        for row in missing
    ]
    for row in present:
        expected = row.expected_shape(config, num_classes)
        if tuple(stored.shapes[row.theirs]) != expected:
            problems.append(
                f"shape: {row.theirs} is {tuple(stored.shapes[row.theirs])}, "
                f"the configuration asks for {expected}"
            )

    rows = {row.theirs: row for row in present}
    entries = []
    for name, shape in stored.shapes.items():
        row = rows.get(name)
        reason = next((why for pattern, why in ignored if pattern.search(name)), None)
        if row is None and reason is None:
            problems.append(f"left over: {name} {tuple(shape)}")
        variable = row.ours if row else None
        note = row.transform.name if row else f"ignored: {reason}"
        entries.append(Entry(name, tuple(shape), variable, note))
    if problems:
        shown = "\n  ".join(problems[:8])
        more = f"\n  and {len(problems) - 8} more" if len(problems) > 8 else ""
        raise ValueError(
            f"The tensors of {folder} are not those of its configuration:\n"
            f"  {shown}{more}\n"
            "Is the configuration of this checkpoint, and the checkpoint complete?"
        )
    absent = sorted({row.group for row in table} - groups)
    return {row.ours: row for row in present}, Ledger(tuple(entries), tuple(absent))
