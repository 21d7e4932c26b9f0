"""From the tensors of a container to a `Checkpoint`."""

import dataclasses
import functools

from kerasbert.checkpoints.checkpoint import Checkpoint
from kerasbert.checkpoints.ledger import balance
from kerasbert.checkpoints.variables import HEADS, block_names


def assemble(
    container,
    folder,
    config,
    stored,
    table,
    ignored=(),
    num_classes=None,
    original_names=None,
):
    """Matches tensors with a table, and makes a checkpoint of them.

    Args:
        container: The container's name.
        folder: Where it lies.
        config: The encoder's configuration.
        stored: Its `StoredTensors`, under the names of the table.
        table: The `Table` of its names.
        ignored: Pairs of a compiled pattern of names and the reason to leave them.
        num_classes: Number of classes of its classification head, if it has one.
        original_names: From the table's names to those in the file, for the ledger.

    Returns:
        A `Checkpoint`.

    Raises:
        ValueError: If the tensors are not those of the configuration.
    """
    blocks = len(block_names(config))
    if blocks > len(stored.shapes):
        raise ValueError(
            f"The configuration of {folder} asks for {blocks} blocks, and the "
            f"checkpoint has {len(stored.shapes)} tensors. Is it the configuration of "
            "this checkpoint?"
        )
    rows, ledger = balance(
        stored, table.rows(config), ignored, config, num_classes, folder
    )
    if original_names:
        entries = tuple(
            dataclasses.replace(entry, name=original_names[entry.name])
            for entry in ledger.entries
        )
        ledger = dataclasses.replace(ledger, entries=entries)

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
    )
