"""Pretraining: masked LM and pairs of segments, from documents."""

from typing import TYPE_CHECKING

from kerasbert.lazy import lazy_names

if TYPE_CHECKING:
    from kerasbert.tasks.pretraining.pretrainer import Pretrainer as Pretrainer

_HOME = {
    "Pretrainer": "kerasbert.tasks.pretraining.pretrainer",
}

__all__ = sorted(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
