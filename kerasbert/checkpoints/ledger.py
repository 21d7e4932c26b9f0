"""The ledger of a checkpoint: every variable assigned, every tensor used."""

import dataclasses

from kerasbert.account import listed, quoted


@dataclasses.dataclass(frozen=True)
class Entry:
    """A tensor of a checkpoint, and its use.

    Args:
        name: Its name there.
        shape: Its shape there.
        variable: The path of our variable, or None.
        note: The transform, or the reason why it was left.
        extra: Whether it holds something that is not computed here.
    """

    name: str
    shape: tuple[int, ...]
    variable: str | None
    note: str
    extra: bool = False


@dataclasses.dataclass(frozen=True)
class Ledger:
    """The uses of all tensors of a checkpoint.

    Args:
        entries: One a tensor.
        absent: Optional groups of variables, such as the pooler, that it lacks.
    """

    entries: tuple[Entry, ...]
    absent: tuple[str, ...] = ()

    @property
    def used(self):
        """The tensors that were assigned to variables."""
        return [entry for entry in self.entries if entry.variable]

    @property
    def ignored(self):
        """The ignored tensors, with reasons."""
        return [entry for entry in self.entries if not entry.variable]

    @property
    def extra(self):
        """The tensors that are not supported."""
        return [entry for entry in self.entries if entry.extra]


def balance(
    stored,
    table,
    ignored,
    config,
    num_classes,
    folder,
    is_encoders=None,
    set_aside=None,
):
    """Matches the tensors of a checkpoint with a name table.

    Encoder and pooler have to be there in full. A head that is not, and tensors that
    no table names and that are no part of the encoder, stop only what needs them.

    Args:
        stored: The `StoredTensors`.
        table: The rows of the container's table.
        ignored: Pairs of a compiled pattern of names and the reason to leave them.
        config: The encoder's configuration.
        num_classes: Number of classes of the classification head, if it has one.
        folder: Where the checkpoint lies, for messages.
        is_encoders: From a name that no table has to whether it must be a part of the
            encoder; None: it is, whatever it is.
        set_aside: From heads that cannot be computed to the reason, as it is known.

    Returns:
        A dictionary from the path of our variable to its row; the `Ledger`; and, from
        each head that cannot be computed, such as one that is there in part, to the
        reason.

    Raises:
        ValueError: If a tensor of the encoder is missing, of another shape, or left
            over; the message names them.
    """
    present = [row for row in table if row.theirs in stored.shapes]
    groups = {row.group for row in present}
    problems = []
    heads = {head: [why] for head, why in (set_aside or {}).items()}

    def tell(row, problem):
        is_head = row.group not in ("encoder", "pooler")
        (heads.setdefault(row.group, []) if is_head else problems).append(problem)

    for row in table:
        if row.theirs not in stored.shapes:
            if row.group == "encoder" or row.group in groups:
                shape = row.expected_shape(config, num_classes)
                tell(row, f"missing: {row.theirs} {shape}")
            continue
        shape, expected = stored.shapes[row.theirs], None
        if num_classes is not None or "C" not in row.letters:
            expected = row.expected_shape(config, num_classes)
        if tuple(shape) != expected:
            tell(
                row,
                f"shape: {row.theirs} is {quoted(tuple(shape))}, the configuration "
                f"asks for {expected}",
            )
    present = [row for row in present if row.group not in heads]

    rows = {row.theirs: row for row in present}
    aside = {row.theirs: row.group for row in table if row.group in heads}
    entries = []
    for name, shape in stored.shapes.items():
        row = rows.get(name)
        reason = next((why for pattern, why in ignored if pattern.search(name)), None)
        note, extra = row.transform.name if row else f"ignored: {reason}", False
        if name in stored.notes:
            note = f"{note}; {stored.notes[name]}"
        if row is None and name in aside:
            note, extra = f"not used: {aside[name]} cannot be computed", True
        elif row is None and reason is None:
            if is_encoders is None or is_encoders(name):
                problems.append(f"left over: {listed([name])} {quoted(tuple(shape))}")
            note, extra = "not used: no part of the encoder or of a head here", True
        variable = row.ours if row else None
        entries.append(Entry(name, tuple(shape), variable, note, extra))
    if problems:
        shown = "\n  ".join(problems[:8])
        more = f"\n  and {len(problems) - 8} more" if len(problems) > 8 else ""
        raise ValueError(
            f"The tensors of {folder} are not those of its configuration:\n"
            f"  {shown}{more}\n"
            "Is the configuration of this checkpoint, and the checkpoint complete?"
        )
    absent = sorted({row.group for row in table} - {row.group for row in present})
    ledger = Ledger(tuple(entries), tuple(absent))
    set_aside = {head: "; ".join(told) for head, told in heads.items()}
    return {row.ours: row for row in present}, ledger, set_aside
