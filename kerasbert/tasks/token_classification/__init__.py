"""Text to entities and words to tags; the schemes of tags."""

from kerasbert.tasks.token_classification.tags import convert_tags as convert_tags
from kerasbert.tasks.token_classification.tags import labels_of as labels_of
from kerasbert.tasks.token_classification.token_classifier import (
    TokenClassifier as TokenClassifier,
)
