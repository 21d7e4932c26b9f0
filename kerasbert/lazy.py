"""Packages whose names and submodules are imported on first use."""

import importlib
import importlib.util
import pkgutil
import sys

from kerasbert.deprecated import ALIASES, deprecated_value


def lazy_names(package, home):
    """Returns the `__getattr__` and `__dir__` of a package with lazy imports.

    Args:
        package: The package's `__name__`.
        home: Maps public names to the modules that define them. Submodules of the
            package need not be listed.

    Returns:
        The two functions.

    Example:
        >>> load, names = lazy_names("kerasbert", {"BertConfig": "kerasbert.config"})
        >>> load("BertConfig").__name__
        'BertConfig'
        >>> {"BertConfig", "models", "training"} <= set(names())
        True
    """
    module = sys.modules[package]

    def load(name):
        if name in home:
            value = getattr(importlib.import_module(home[name]), name)
        elif name in ALIASES.get(package, ()):
            return deprecated_value(package, name)
        elif name.startswith("__") or not _is_module(f"{package}.{name}"):
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        else:
            value = importlib.import_module(f"{package}.{name}")
        setattr(module, name, value)  # importing a submodule of that name shadows it
        return value

    def names():
        modules = {part.name for part in pkgutil.iter_modules(module.__path__)}
        modules.discard("__main__")
        return sorted({*vars(module), *home, *modules})

    return load, names


def _is_module(name):
    return name.isascii() and importlib.util.find_spec(name) is not None
