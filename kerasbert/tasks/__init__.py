"""What a user asks for: text, model, head and decoding in one object.

A folder a task that has several files; what tasks share stands beside the folders.
"""

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
