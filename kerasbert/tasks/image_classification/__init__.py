"""Image classification: pixels to classes."""

from typing import TYPE_CHECKING

from kerasbert.lazy import lazy_names

if TYPE_CHECKING:
    from kerasbert.tasks.image_classification.image_classifier import (
        ImageClassifier as ImageClassifier,
    )

_HOME = {"ImageClassifier": "kerasbert.tasks.image_classification.image_classifier"}

__all__ = sorted(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
