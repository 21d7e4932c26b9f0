"""Masked language modeling: filling masks, and scoring texts."""

from typing import TYPE_CHECKING

from kerasbert.lazy import lazy_names

if TYPE_CHECKING:
    from kerasbert.tasks.masked_language_model.masked_lm import MaskedLM as MaskedLM

_HOME = {
    "MaskedLM": "kerasbert.tasks.masked_language_model.masked_lm",
}

__all__ = sorted(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
