"""What a user asks for: text, model, head and decoding in one object."""

from kerasbert.tasks.masked_lm import MaskedLM as MaskedLM
from kerasbert.tasks.question_answerer import QuestionAnswerer as QuestionAnswerer
from kerasbert.tasks.search import semantic_search as semantic_search
from kerasbert.tasks.tags import convert_tags as convert_tags
from kerasbert.tasks.tags import labels_of as labels_of
from kerasbert.tasks.task_files import load as load
from kerasbert.tasks.text_classifier import TextClassifier as TextClassifier
from kerasbert.tasks.text_embedder import TextEmbedder as TextEmbedder
from kerasbert.tasks.text_regressor import TextRegressor as TextRegressor
from kerasbert.tasks.token_classifier import TokenClassifier as TokenClassifier
from kerasbert.tasks.token_embeddings import TokenEmbeddings as TokenEmbeddings
