"""Name tables of all families in all formats: one file per family.

Every module of this folder that has a `FAMILY` is a family; there is no other list.
"""

import importlib
import pkgutil

from kerasbert.checkpoints.names.table import rows_of

_PARTS = (
    importlib.import_module(f"{__name__}.{part.name}")
    for part in pkgutil.iter_modules(__path__)
)
FAMILIES = tuple(part.FAMILY for part in _PARTS if hasattr(part, "FAMILY"))
CONTAINERS = ("huggingface", "google_tf1", "tf_hub", "keras_hub")


def names_of(family, container):
    """Returns the names of a family in a format."""
    names = getattr(family, container)
    if names is None:
        held = ", ".join(f.title for f in FAMILIES if getattr(f, container))
        others = [c for c in CONTAINERS if getattr(family, c) is not None]
        raise ValueError(
            f"{container} has no {family.title}: it holds {held}. {family.title} is "
            f"held by {', '.join(others)}."
        )
    return names


def family_of(config):
    """Returns the `Family` of a config."""
    return next(f for f in FAMILIES if f.config_class is type(config))


def family_by_marks(values):
    """Returns the family whose distinctive keys a foreign config has."""
    marked = (f for f in FAMILIES if any(mark in values for mark in f.marks))
    return next(marked, next(f for f in FAMILIES if not f.marks))


def titles():
    """Returns the names of all families, for messages."""
    return ", ".join(family.title for family in FAMILIES)


def rows_in(config, container):
    """Returns the rows of a format's table for a config."""
    family = family_of(config)
    rows = rows_of(names_of(family, container).table, config)
    if len({row.theirs for row in rows}) < len(rows):
        raise ValueError(
            f"Expected {family.title} with one block, which is all that {container} "
            f"has names for; this one has {len(config.blocks)} blocks with weights of "
            "their own. Use another format."
        )
    return rows
