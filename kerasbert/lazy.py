"""Packages whose names and modules load when they are first used."""

import importlib
import importlib.util
import pkgutil
import sys


def lazy_names(package, home):
    """The `__getattr__` and `__dir__` of a package whose parts load when they are used.

    Args:
        package: The package's `__name__`.
        home: From each public name to the module that defines it. Modules of the
            package need not be named.

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
        elif name.startswith("__") or not _is_module(f"{package}.{name}"):
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        else:
            value = importlib.import_module(f"{package}.{name}")
        setattr(module, name, value)  # a module of that name may have taken its place
        return value

    def names():
        modules = {part.name for part in pkgutil.iter_modules(module.__path__)}
        modules.discard("__main__")
        return sorted({*vars(module), *home, *modules})

    return load, names


def _is_module(name):
    return name.isascii() and importlib.util.find_spec(name) is not None
