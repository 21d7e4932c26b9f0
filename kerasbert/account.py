"""Account of the keys of files that describe a model.

Each key is used, ignored for a stated reason, unknown (a warning, or an error with
`strict=True`), or refused because kerasbert does not implement what it asks for.
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
    """Returns the `repr` of a value, shortened for an error message.

    Args:
        value: Anything a JSON file may hold.
        most: Maximum number of characters.

    Returns:
        A string of at most `most` characters.

    Example:
        >>> quoted("a" * 1000)[:5], len(quoted(["long" * 99] * 999)) <= 200
        ("'aaaa", True)
    """
    text = _repr.repr(value)
    return text if len(text) <= most else text[: most - 3] + "..."


def listed(names, most=MOST_QUOTED):
    """Joins names for an error message, as many as fit.

    Args:
        names: Strings.
        most: Maximum number of characters of the names.

    Returns:
        A string such as `"a, b and 7 more"`, with at least one name.

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
    """Creates the error for a key whose value is not implemented.

    Args:
        file: The file.
        key: The key, as a dotted path if nested.
        value: Its value in the file.
        expected: The supported values, in words.
        remedy: A sentence on what to do.

    Returns:
        A `ValueError` to raise.
    """
    message = (
        f"{file} asks for {_short(key)}={quoted(value, 120)}, which kerasbert "
        f"does not compute; expected {expected}."
    )
    return ValueError(f"{message} {remedy}".rstrip())


@dataclasses.dataclass(frozen=True)
class AccountEntry:
    """A key of a file and how it was treated.

    Args:
        file: Name of the file.
        key: The key, as a dotted path if nested.
        value: Its value, quoted and shortened.
        treatment: `"used"`, `"ignored"` or `"unknown"`.
        note: What the key became, or why it is ignored.
    """

    file: str
    key: str
    value: str
    treatment: str
    note: str


class Account:
    """Records how the keys of a folder's files are treated.

    Args:
        strict: Whether an unknown key is an error instead of a warning.
        folder: Folder to which file names are relative; None records base names.

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
        """The `AccountEntry`s in the order of recording."""
        return tuple(self._entries.values())

    def used(self, file, key, value, note=""):
        """Records a key that the model, tokenizer or task uses."""
        self._book(file, key, value, "used", note)

    def ignored(self, file, key, value, reason):
        """Records a key that does not change results, with the reason."""
        self._book(file, key, value, "ignored", reason)

    def unknown(self, file, values):
        """Records unknown keys and warns about them.

        Args:
            file: The file.
            values: The unknown keys with their values; may be empty.

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
        """Warns about a decision that may not be intended.

        Args:
            message: Sentences that state the decision.

        Raises:
            ValueError: If the account is strict.
        """
        if self.strict:
            raise ValueError(f"{message} Load without strict=True to accept this.")
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
    """Treatment of the keys of a kind of file.

    Args:
        used: Maps used keys to what they determine, in a few words.
        ignored: Maps ignored keys to the reason why they do not change results.
        required: Maps keys to the only values they may have; others are refused.
    """

    used: Mapping[str, str]
    ignored: Mapping[str, str]
    required: Mapping[str, tuple] = dataclasses.field(default_factory=dict)

    def settle(self, values, file, account, prefix=""):
        """Records the treatment of every key of an object.

        Args:
            values: The object, as read from the file.
            file: The file, for messages.
            account: The `Account`.
            prefix: Dotted path of the object in the file, ending in a dot.

        Raises:
            ValueError: If a value is not implemented, or a key is unknown and the
                account is strict.
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
    """Compares values without treating `True` as 1."""
    return isinstance(value, bool) == isinstance(choice, bool) and value == choice
