"""Old names of the public API: each works for one release, with a warning."""

import importlib
import warnings

# From a package to its old names, and from these to the new ones.
ALIASES = {
    "kerasbert.export": {"export_embedder": "export_task"},
    "kerasbert.training": {"Features": "EncodedExamples"},
}


def deprecated_value(package, name):
    """Returns what an old name of a package stands for now, with a warning."""
    new = ALIASES[package][name]
    warnings.warn(
        f"{package}.{name} is now {package}.{new}; the old name will be removed in the "
        "next release.",
        DeprecationWarning,
        stacklevel=3,
    )
    return getattr(importlib.import_module(package), new)
