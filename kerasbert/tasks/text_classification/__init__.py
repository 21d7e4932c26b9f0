"""Classification and regression of texts or pairs."""

from typing import TYPE_CHECKING

from kerasbert.lazy import lazy_names

if TYPE_CHECKING:
    from kerasbert.tasks.text_classification.text_classifier import (
        TextClassifier as TextClassifier,
    )
    from kerasbert.tasks.text_classification.text_regressor import (
        TextRegressor as TextRegressor,
    )

_HOME = {
    "TextClassifier": "kerasbert.tasks.text_classification.text_classifier",
    "TextRegressor": "kerasbert.tasks.text_classification.text_regressor",
}

__all__ = sorted(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
