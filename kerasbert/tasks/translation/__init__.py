"""Translation: texts of one language to texts of another."""

from typing import TYPE_CHECKING

from kerasbert.lazy import lazy_names

if TYPE_CHECKING:
    from kerasbert.tasks.translation.translator import Translator as Translator

_HOME = {"Translator": "kerasbert.tasks.translation.translator"}

__all__ = sorted(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
