"""The paths of the REST interface: which model, which version, and what about it."""

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
_LARGEST_VERSION = 2**63 - 1


@dataclasses.dataclass(frozen=True)
class Target:
    """What a request is about.

    Args:
        name: The name of the model.
        version: The version, None for the newest.
        verb: `"predict"`, `"classify"`, `"regress"`, `"metadata"` or `"status"`.
    """

    name: str
    version: int | None
    verb: str


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
    if not path.lower().startswith("/v1/"):
        raise not_found(f"No such path: {path}")
    pattern = _PATTERNS.get(method)
    match = pattern and re.fullmatch(pattern, path, re.IGNORECASE | re.ASCII)
    if not match:
        raise invalid_argument(f"Malformed request: {method} {path}")
    found = match.groupdict()
    if found["name"] is None:
        raise invalid_argument("Missing model name in request.")
    if found["label"]:
        label = urllib.parse.unquote(found["label"])
        raise invalid_argument(f"Unrecognized servable version label: {label}")
    version = found["version"] and int(found["version"])
    if version and version > _LARGEST_VERSION:
        raise invalid_argument(f"Failed to convert version: {version} to numeric.")
    verb = (found["verb"] or "status").lower()
    return Target(urllib.parse.unquote(found["name"]), version, verb)
