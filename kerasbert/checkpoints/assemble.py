"""Creates a `Checkpoint` from the tensors of a format."""

import dataclasses
import functools

from kerasbert.account import listed
from kerasbert.checkpoints.checkpoint import Checkpoint
from kerasbert.checkpoints.ledger import balance
from kerasbert.checkpoints.names import rows_in
from kerasbert.checkpoints.names.table import HEADS


def assemble(
    container,
    folder,
    config,
    stored,
    account,
    ignored=(),
    num_classes=None,
    original_names=None,
    is_encoders=None,
    set_aside=(),
    names=None,
):
    """Matches tensors with a name table and creates a `Checkpoint`.

    Args:
        container: The container's name.
        folder: Where it lies.
        config: The encoder's configuration.
        stored: Its `StoredTensors`, under the names of its table.
        account: The `kerasbert.account.Account`.
        ignored: Pairs of a compiled pattern of names and the reason to leave them.
        num_classes: Number of classes of its classification head, if it has one.
        original_names: From the table's names to those in the file, for the ledger.
        is_encoders: As in `balance`.
        set_aside: From heads that cannot be computed, to the reason.
        names: The container whose names it has, if not its own.

    Returns:
        A `Checkpoint`.

    Raises:
        ValueError: If the tensors are not those of the configuration.
    """
    blocks = len(config.blocks)
    if blocks > len(stored.shapes):
        raise ValueError(
            f"The configuration of {folder} asks for {blocks} blocks, and the "
            f"checkpoint has {len(stored.shapes)} tensors. Is it the configuration of "
            "this checkpoint?"
        )
    rows, ledger, set_aside = balance(
        stored,
        rows_in(config, names or container),
        ignored,
        config,
        num_classes,
        folder,
        is_encoders,
        dict(set_aside),
    )
    if original_names:
        entries = tuple(
            dataclasses.replace(entry, name=original_names[entry.name])
            for entry in ledger.entries
        )
        ledger = dataclasses.replace(ledger, entries=entries)

    _tell(ledger, set_aside, folder, account)

    def read_variable(row):
        return row.transform.load(stored.read(row.theirs))

    groups = {row.group for row in rows.values()}
    return Checkpoint(
        container=container,
        folder=folder,
        config=config,
        weights={
            path: functools.partial(read_variable, row) for path, row in rows.items()
        },
        heads=tuple(head for head in HEADS if head in groups),
        has_pooler="pooler" in groups,
        ledger=ledger,
        set_aside=set_aside,
    )


def _tell(ledger, set_aside, folder, account):
    """Warns about tensors and heads that are ignored."""
    names = [
        f"{entry.name} {entry.shape}"
        for entry in ledger.extra
        if entry.note.startswith("not used: no part")
    ]
    told = [f"its {head} cannot be used ({why})" for head, why in set_aside.items()]
    if names:
        told.append(f"it has tensors that are not used: {listed(names)}")
    if told:
        account.doubt(
            f"{folder}: {'; '.join(told)}. The encoder does not need them; what does "
            "is left out."
        )
