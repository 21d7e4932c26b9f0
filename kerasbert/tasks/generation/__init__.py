"""Generation: texts that go on."""

from typing import TYPE_CHECKING

from kerasbert.lazy import lazy_names

if TYPE_CHECKING:
    from kerasbert.tasks.generation.text_generator import TextGenerator as TextGenerator

_HOME = {"TextGenerator": "kerasbert.tasks.generation.text_generator"}

__all__ = sorted(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
