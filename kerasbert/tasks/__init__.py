"""Tasks: text, model, head and decoding in one object.

A folder a task, and a line of `TASKS`; what tasks share stands beside the folders.
"""

import importlib
from typing import TYPE_CHECKING

from kerasbert.lazy import lazy_names

if TYPE_CHECKING:
    from kerasbert.tasks.chat import Chatbot as Chatbot
    from kerasbert.tasks.embedding import TextEmbedder as TextEmbedder
    from kerasbert.tasks.embedding import TokenEmbeddings as TokenEmbeddings
    from kerasbert.tasks.embedding import semantic_search as semantic_search
    from kerasbert.tasks.generation import TextGenerator as TextGenerator
    from kerasbert.tasks.image_classification import ImageClassifier as ImageClassifier
    from kerasbert.tasks.masked_language_model import MaskedLM as MaskedLM
    from kerasbert.tasks.pretraining import Pretrainer as Pretrainer
    from kerasbert.tasks.question_answering import QuestionAnswerer as QuestionAnswerer
    from kerasbert.tasks.speech_recognition import SpeechRecognizer as SpeechRecognizer
    from kerasbert.tasks.summarization import Summarizer as Summarizer
    from kerasbert.tasks.task_files import load as load
    from kerasbert.tasks.text_classification import TextClassifier as TextClassifier
    from kerasbert.tasks.text_classification import TextRegressor as TextRegressor
    from kerasbert.tasks.token_classification import TokenClassifier as TokenClassifier
    from kerasbert.tasks.token_classification import convert_tags as convert_tags
    from kerasbert.tasks.token_classification import labels_of as labels_of
    from kerasbert.tasks.translation import Translator as Translator

# The tasks: the name in folders and on the command line, and where the class is; or,
# of a task outside of the package, the class itself.
TASKS = {
    "classify": "kerasbert.tasks.text_classification:TextClassifier",
    "regress": "kerasbert.tasks.text_classification:TextRegressor",
    "tag": "kerasbert.tasks.token_classification:TokenClassifier",
    "answer": "kerasbert.tasks.question_answering:QuestionAnswerer",
    "embed": "kerasbert.tasks.embedding:TextEmbedder",
    "fill": "kerasbert.tasks.masked_language_model:MaskedLM",
    "pretrain": "kerasbert.tasks.pretraining:Pretrainer",
    "images": "kerasbert.tasks.image_classification:ImageClassifier",
    "transcribe": "kerasbert.tasks.speech_recognition:SpeechRecognizer",
    "translate": "kerasbert.tasks.translation:Translator",
    "summarize": "kerasbert.tasks.summarization:Summarizer",
    "generate": "kerasbert.tasks.generation:TextGenerator",
    "chat": "kerasbert.tasks.chat:Chatbot",
}
# The names of their classes, each with its module.
CLASSES = {
    name: module for module, _, name in (home.partition(":") for home in TASKS.values())
}

_HOME = {
    **CLASSES,
    "TokenEmbeddings": "kerasbert.tasks.embedding",
    "convert_tags": "kerasbert.tasks.token_classification",
    "labels_of": "kerasbert.tasks.token_classification",
    "load": "kerasbert.tasks.task_files",
    "semantic_search": "kerasbert.tasks.embedding",
}

__all__ = ["TASKS", "task_class", *sorted(_HOME)]

__getattr__, __dir__ = lazy_names(__name__, _HOME)


def task_class(name):
    """Returns the class of a task by name."""
    home = TASKS[name]
    if isinstance(home, type):
        return home
    module, _, name = home.partition(":")
    return getattr(importlib.import_module(module), name)
