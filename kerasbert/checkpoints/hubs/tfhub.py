"""TF Hub: `https://tfhub.dev/publisher/model/version`."""

import contextlib
import importlib
import importlib.util
import os
import pathlib
import re
import sys
import types
import urllib.error
import urllib.request

from kerasbert.checkpoints import cache
from kerasbert.checkpoints.hubs import kaggle, network

__all__ = ["HANDLE", "fetch"]

HANDLE = re.compile(r"https://tfhub\.dev/[\w.-]+(/[\w.-]+)+")


def fetch(handle, progress, seconds):
    """Downloads and unpacks a model, without running it.

    TF Hub lives on Kaggle now. Where its own address brings no model any more, the page
    that it leads to names the one on Kaggle.
    """
    with network.reaching("TF Hub"):
        page = network.within(seconds, lambda: _landing_page(handle, seconds))
        moved = kaggle.PAGE.search(page)
        try:
            with _settings(progress), network.bars_on_terminal(progress):
                return pathlib.Path(_tensorflow_hub().resolve(handle))
        except (OSError, ValueError) as error:
            if moved is None and network.status(error) in (None, 404):
                raise FileNotFoundError(
                    f"TF Hub brings no model for {handle} ({error}). Check the address."
                ) from error
            if moved is None:
                raise
    name = "/".join(filter(None, moved.groups()))
    return kaggle.fetch(f"kaggle://{name}", progress, seconds)


def _landing_page(handle, seconds):
    """Follows redirects and returns the final address, even of an error page."""
    request = urllib.request.Request(handle, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return answer.url
    except urllib.error.HTTPError as error:
        with error:
            return error.url or handle


@contextlib.contextmanager
def _settings(progress):
    """Sets the environment variables of tensorflow_hub."""
    settings = {
        "TFHUB_CACHE_DIR": os.environ.get("TFHUB_CACHE_DIR")
        or str(cache.folder() / "tfhub"),
        "TFHUB_MODEL_LOAD_FORMAT": "COMPRESSED",
        "TFHUB_DOWNLOAD_PROGRESS": "1" if progress and sys.stderr.isatty() else "",
    }
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _tensorflow_hub():
    """Imports tensorflow_hub, with or without setuptools' `pkg_resources`.

    tensorflow_hub 0.16 takes one function from there, to compare versions.
    """
    if "tensorflow_hub" in sys.modules or importlib.util.find_spec("pkg_resources"):
        return importlib.import_module("tensorflow_hub")
    from packaging import version

    stand_in = types.ModuleType("pkg_resources")
    stand_in.parse_version = version.parse
    sys.modules["pkg_resources"] = stand_in
    try:
        return importlib.import_module("tensorflow_hub")
    finally:
        del sys.modules["pkg_resources"]
