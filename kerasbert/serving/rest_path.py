"""Parses the paths of the REST interface."""

import dataclasses
import re
import urllib.parse

from kerasbert.serving.errors import invalid_argument, not_found

__all__ = ["Target", "parse_path"]

_VERSION = r"(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
_PATTERNS = {
    "POST": rf"/v1/models/(?P<name>[^/:]+){_VERSION}:"
    "(?P<verb>classify|regress|predict)",
    "GET": rf"/v1/models(?:/(?P<name>[^/:]+))?{_VERSION}(?:/(?P<verb>metadata))?",
}
_PATTERNS = {
    method: re.compile(pattern, re.IGNORECASE | re.ASCII)
    for method, pattern in _PATTERNS.items()
}
_LARGEST_VERSION = 2**63 - 1
_LONGEST_QUOTE = 200  # characters of a path that an error repeats


@dataclasses.dataclass(frozen=True)
class Target:
    """What a request is about.

    Args:
        name: The name of the model.
        version: The version, None for the newest.
        verb: `"predict"`, `"classify"`, `"regress"`, `"metadata"` or `"status"`.
        label: The label of the version, or None.
    """

    name: str
    version: int | None
    verb: str
    label: str | None = None


def parse_path(method, path):
    """Reads the path of a request.

    Args:
        method: The HTTP method.
        path: The path, as it came, percent signs and all.

    Returns:
        A `Target`.

    Raises:
        ServingError: If there is no such request.
    """
    shown = path if len(path) <= _LONGEST_QUOTE else path[:_LONGEST_QUOTE] + "..."
    if not path.lower().startswith("/v1/"):
        raise not_found(f"No such path: {shown}")
    pattern = _PATTERNS.get(method)
    match = pattern and pattern.fullmatch(path)
    if not match:
        raise invalid_argument(f"Malformed request: {method} {shown}")
    found = match.groupdict()
    if found["name"] is None:
        raise invalid_argument("Missing model name in request.")
    label = found["label"] and urllib.parse.unquote(found["label"])
    version = found["version"] and _version(found["version"])
    verb = (found["verb"] or "status").lower()
    return Target(urllib.parse.unquote(found["name"]), version, verb, label)


def _version(digits):
    digits = digits.lstrip("0") or "0"
    if len(digits) > 19 or int(digits) > _LARGEST_VERSION:
        shown = digits if len(digits) <= 40 else digits[:40] + "..."
        raise invalid_argument(f"Failed to convert version: {shown} to numeric.")
    return int(digits)
