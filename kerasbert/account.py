"""The account of files: what became of every key of a file that describes a model.

A key is used, ignored by name for a reason, unknown (a warning; with `strict=True` an
error), or refused, because it asks for something that kerasbert does not compute.
`kerasbert inspect` prints the account.
"""

import dataclasses
import pathlib
import reprlib
import warnings
from collections.abc import Mapping

__all__ = ["Account", "AccountEntry", "KeyTable", "listed", "quoted", "refusal"]

MOST_QUOTED = 200

_repr = reprlib.Repr()
_repr.maxlevel = 4
_repr.maxdict = _repr.maxlist = _repr.maxtuple = _repr.maxset = 6
_repr.maxstring = _repr.maxother = 80
_repr.maxlong = 40


def quoted(value, most=MOST_QUOTED):
    """The `repr` of a value from a file, shortened: no error quotes a whole file.

    Args:
        value: Anything that a JSON file may hold.
        most: The most characters to return.

    Returns:
        A string of at most `most` characters.

    Example:
        >>> quoted("a" * 1000)[:5], len(quoted(["long" * 99] * 999)) <= 200
        ("'aaaa", True)
    """
    text = _repr.repr(value)
    return text if len(text) <= most else text[: most - 3] + "..."


def listed(names, most=MOST_QUOTED):
    """The first of some names of a file, as many as an error may quote.

    Args:
        names: Strings.
        most: The most characters of them.

    Returns:
        A string such as `"a, b and 7 more"`; one name at least is in it, shortened
        where it is too long.

    Example:
        >>> listed(["weight", "bias"]), listed(["a" * 90] * 5)[-10:]
        ('weight, bias', 'and 3 more')
    """
    names = list(names)
    shown, left = [], most
    for name in names:
        name = _short(name)
        if shown and len(name) + 2 > left:
            break
        shown.append(name)
        left -= len(name) + 2
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return ", ".join(shown) + more


def _short(name, most=120):
    name = str(name)
    name = name if name.isprintable() else repr(name[:most])[1:-1]
    return name if len(name) <= most else name[: most - 3] + "..."


def refusal(file, key, value, expected, remedy=""):
    """The error for a key that asks for something that kerasbert does not compute.

    Args:
        file: The file.
        key: The key; a dotted path where it is nested.
        value: What the file holds under it.
        expected: What it may hold, in words.
        remedy: What to do about it, a sentence.

    Returns:
        A `ValueError`, to be raised.
    """
    message = (
        f"{file} asks for {_short(key)}={quoted(value, 120)}, which kerasbert does not "
        "compute; "
        f"expected {expected}."
    )
    return ValueError(f"{message} {remedy}".rstrip())


@dataclasses.dataclass(frozen=True)
class AccountEntry:
    """One key of a file, and what became of it.

    Args:
        file: The file's name.
        key: The key; a dotted path where it is nested.
        value: Its value, quoted and shortened.
        treatment: `"used"`, `"ignored"` or `"unknown"`.
        note: What it became, or why it is ignored.
    """

    file: str
    key: str
    value: str
    treatment: str
    note: str


class Account:
    """Books what becomes of the keys of the files of a folder.

    Args:
        strict: Whether an unknown key is an error rather than a warning.
        folder: The folder that names of files are told in relation to; None: files
            are told by their last name alone.

    Example:
        >>> account = Account()
        >>> account.used("config.json", "hidden_size", 128, "the encoder's width")
        >>> account.ignored("config.json", "torch_dtype", "float32", "weights tell")
        >>> [entry.treatment for entry in account.entries]
        ['used', 'ignored']
    """

    def __init__(self, strict=False, folder=None):
        self.strict = strict
        self.folder = folder
        self._entries = {}

    @property
    def entries(self):
        """The `AccountEntry`s, in the order in which they were booked."""
        return tuple(self._entries.values())

    def used(self, file, key, value, note=""):
        """Books a key that the model, tokenizer or task follows."""
        self._book(file, key, value, "used", note)

    def ignored(self, file, key, value, reason):
        """Books a key that changes no number here, with the reason."""
        self._book(file, key, value, "ignored", reason)

    def unknown(self, file, values):
        """Books keys that kerasbert does not know, and tells the user.

        Args:
            file: The file.
            values: From key to value; nothing happens where it is empty.

        Raises:
            ValueError: If the account is strict.
        """
        if not values:
            return
        names = [f"{_short(key)}={quoted(value, 60)}" for key, value in values.items()]
        message = f"{file} has keys that kerasbert does not know: {listed(names)}"
        if self.strict:
            raise ValueError(f"{message}. Load without strict=True to ignore them.")
        for key, value in values.items():
            self._book(file, key, value, "unknown", "warned about, and ignored")
        warnings.warn(f"{message}. They are ignored.", stacklevel=2)

    def doubt(self, message):
        """Tells the user of a decision that may not be what is wanted.

        Args:
            message: Sentences, with the decision.

        Raises:
            ValueError: If the account is strict.
        """
        if self.strict:
            raise ValueError(f"{message} Load without strict=True to go on with it.")
        warnings.warn(message, stacklevel=2)

    def _book(self, file, key, value, treatment, note):
        name = getattr(file, "name", str(file))
        if self.folder is not None and isinstance(file, pathlib.PurePath):
            if file.is_relative_to(self.folder):
                name = file.relative_to(self.folder).as_posix()
        entry = AccountEntry(name, _short(key), quoted(value, 80), treatment, note)
        self._entries[name, entry.key] = entry


@dataclasses.dataclass(frozen=True)
class KeyTable:
    """What the keys of one kind of file mean.

    Args:
        used: From key to what it decides, in a few words.
        ignored: From key to the reason why it changes no number here.
        required: From key to the values that it may have; others are refused.
    """

    used: Mapping[str, str]
    ignored: Mapping[str, str]
    required: Mapping[str, tuple] = dataclasses.field(default_factory=dict)

    def settle(self, values, file, account, prefix=""):
        """Books every key of an object; refuses, or tells of, what is not computed.

        Args:
            values: The object that the file holds.
            file: The file, for messages.
            account: The `Account`.
            prefix: The dotted path of the object in the file, ending in a dot.

        Raises:
            ValueError: If a key asks for what kerasbert does not compute, or, in a
                strict account, is unknown.
        """
        unknown = {}
        for key, value in values.items():
            if key in self.required:
                allowed = self.required[key]
                if not any(_same(value, choice) for choice in allowed):
                    expected = " or ".join(map(repr, allowed))
                    raise refusal(file, prefix + key, value, expected)
                account.used(file, prefix + key, value, "as computed here")
            elif key in self.used:
                account.used(file, prefix + key, value, self.used[key])
            elif key in self.ignored:
                account.ignored(file, prefix + key, value, self.ignored[key])
            else:
                unknown[prefix + key] = value
        account.unknown(file, unknown)


def _same(value, choice):
    """Equality in which `True` is not 1."""
    return isinstance(value, bool) == isinstance(choice, bool) and value == choice
