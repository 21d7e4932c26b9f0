"""What a user asks for: text, model, head and decoding in one object.

A folder a task that has several files; what tasks share stands beside the folders.
"""

from typing import TYPE_CHECKING

from kerasbert.lazy import lazy_names

if TYPE_CHECKING:
    from kerasbert.tasks.embedding import TextEmbedder as TextEmbedder
    from kerasbert.tasks.embedding import TokenEmbeddings as TokenEmbeddings
    from kerasbert.tasks.embedding import semantic_search as semantic_search
    from kerasbert.tasks.masked_language_model import MaskedLM as MaskedLM
    from kerasbert.tasks.question_answering import QuestionAnswerer as QuestionAnswerer
    from kerasbert.tasks.task_files import load as load
    from kerasbert.tasks.text_classifier import TextClassifier as TextClassifier
    from kerasbert.tasks.text_regressor import TextRegressor as TextRegressor
    from kerasbert.tasks.token_classification import TokenClassifier as TokenClassifier
    from kerasbert.tasks.token_classification import convert_tags as convert_tags
    from kerasbert.tasks.token_classification import labels_of as labels_of

_HOME = {
    "MaskedLM": "kerasbert.tasks.masked_language_model",
    "QuestionAnswerer": "kerasbert.tasks.question_answering",
    "TextClassifier": "kerasbert.tasks.text_classifier",
    "TextEmbedder": "kerasbert.tasks.embedding",
    "TextRegressor": "kerasbert.tasks.text_regressor",
    "TokenClassifier": "kerasbert.tasks.token_classification",
    "TokenEmbeddings": "kerasbert.tasks.embedding",
    "convert_tags": "kerasbert.tasks.token_classification",
    "labels_of": "kerasbert.tasks.token_classification",
    "load": "kerasbert.tasks.task_files",
    "semantic_search": "kerasbert.tasks.embedding",
}

__all__ = sorted(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
