"""Old names of the public API: each works for one release, with a warning."""

import functools
import importlib
import warnings

# From a package to its old names, and from these to the new ones.
ALIASES = {
    "kerasbert.export": {"export_embedder": "export_task"},
    "kerasbert.layers": {"pack": "unpad", "unpack": "pad"},
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


def renamed_argument(old, new):
    """Decorates a function whose argument has a new name."""

    def decorate(function):
        @functools.wraps(function)
        def renamed(*args, **kwargs):
            if old in kwargs:
                if new in kwargs:
                    raise TypeError(f"Expected {new} alone, got {old} as well.")
                warnings.warn(
                    f"The argument {old} of {function.__qualname__} is now {new}; the "
                    "old name will be removed in the next release.",
                    DeprecationWarning,
                    stacklevel=2,
                )
                kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return renamed

    return decorate
