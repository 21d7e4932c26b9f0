"""Models that come with the package, which are there already."""

import re

from kerasbert import shipped

__all__ = ["HANDLE", "fetch"]

HANDLE = re.compile(r"package://kerasbert/(?P<name>\w+)")


def fetch(handle, progress=None, seconds=None):
    """Returns the folder of a model."""
    del progress, seconds
    return shipped.model_folder(HANDLE.fullmatch(handle)["name"])
