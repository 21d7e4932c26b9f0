"""Token classification: entities of texts, tags of words, and tag schemes."""

from typing import TYPE_CHECKING

from kerasbert.lazy import lazy_names

if TYPE_CHECKING:
    from kerasbert.tasks.token_classification.tags import convert_tags as convert_tags
    from kerasbert.tasks.token_classification.tags import labels_of as labels_of
    from kerasbert.tasks.token_classification.token_classifier import (
        TokenClassifier as TokenClassifier,
    )

_HOME = {
    "TokenClassifier": "kerasbert.tasks.token_classification.token_classifier",
    "convert_tags": "kerasbert.tasks.token_classification.tags",
    "labels_of": "kerasbert.tasks.token_classification.tags",
}

__all__ = sorted(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
