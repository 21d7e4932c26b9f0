"""Kaggle: `kaggle://owner/model/framework/variation/version`."""

import contextlib
import logging
import pathlib
import re

from kerasbert.checkpoints.hubs import network

__all__ = ["HANDLE", "PAGE", "fetch"]

HANDLE = re.compile(r"kaggle://[\w.-]+/[\w.-]+/[\w.-]+/[\w.-]+(/\d+)?")
# A model's page, in the form of today and of its redirections.
PAGE = re.compile(
    r"/models/([\w.-]+)/([\w.-]+)/(?:frameworks/)?([\w.-]+)/(?:variations/)?([\w.-]+)"
    r"(?:/(?:versions/)?(\d+))?"
)


def fetch(handle, progress, seconds):
    """Downloads a model."""
    del seconds
    name = handle.removeprefix("kaggle://")
    with network.reaching("Kaggle"), _silent_log():
        import kagglehub

        try:
            with network.bars_on_terminal(progress):
                return pathlib.Path(kagglehub.model_download(name))
        except ValueError as error:
            raise ValueError(f"{handle} cannot be a model's name: {error}.") from error
        except Exception as error:
            if network.status(error) not in (401, 403, 404):
                raise
            raise FileNotFoundError(
                f"Kaggle has no model {name!r} that you may read. Check owner, model, "
                "framework and variation, or accept the model's licence on its page "
                "and log in with `kagglehub.login()`."
            ) from error


@contextlib.contextmanager
def _silent_log():
    """Silences kagglehub's log, which goes to standard output."""
    logger = logging.getLogger("kagglehub")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
