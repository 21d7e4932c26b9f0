"""BERT and ALBERT for TensorFlow and Keras 3.

Published weights in any container go in; a plain functional `keras.Model` comes
out. Importing this package loads nothing else: names and modules load when they are
first used, so that layers and models work where TensorFlow is not installed. What
Keras files may name, such as layers, loads right after Keras.
"""

from typing import TYPE_CHECKING

from kerasbert.lazy import lazy_names
from kerasbert.registration import register_with_keras
from kerasbert.tasks import CLASSES
from kerasbert.version import __version__

if TYPE_CHECKING:
    from kerasbert.config import AlbertConfig as AlbertConfig
    from kerasbert.config import BertConfig as BertConfig
    from kerasbert.config import DistilBertConfig as DistilBertConfig
    from kerasbert.config import Seq2SeqConfig as Seq2SeqConfig
    from kerasbert.config import SpeechConfig as SpeechConfig
    from kerasbert.config import ViTConfig as ViTConfig
    from kerasbert.keras_hub import from_keras_hub as from_keras_hub
    from kerasbert.keras_hub import to_keras_hub as to_keras_hub
    from kerasbert.litert import LiteRTEmbedder as LiteRTEmbedder
    from kerasbert.models import AlbertEncoder as AlbertEncoder
    from kerasbert.models import BertDecoder as BertDecoder
    from kerasbert.models import BertEncoder as BertEncoder
    from kerasbert.models import DistilBertEncoder as DistilBertEncoder
    from kerasbert.models import Seq2SeqTransformer as Seq2SeqTransformer
    from kerasbert.models import ViTEncoder as ViTEncoder
    from kerasbert.models import load_encoder as load_encoder
    from kerasbert.tasks import Chatbot as Chatbot
    from kerasbert.tasks import ImageClassifier as ImageClassifier
    from kerasbert.tasks import MaskedLM as MaskedLM
    from kerasbert.tasks import Pretrainer as Pretrainer
    from kerasbert.tasks import QuestionAnswerer as QuestionAnswerer
    from kerasbert.tasks import SpeechRecognizer as SpeechRecognizer
    from kerasbert.tasks import Summarizer as Summarizer
    from kerasbert.tasks import TextClassifier as TextClassifier
    from kerasbert.tasks import TextEmbedder as TextEmbedder
    from kerasbert.tasks import TextGenerator as TextGenerator
    from kerasbert.tasks import TextRegressor as TextRegressor
    from kerasbert.tasks import TokenClassifier as TokenClassifier
    from kerasbert.tasks import Translator as Translator
    from kerasbert.tasks import load as load
    from kerasbert.text import Tokenizer as Tokenizer
    from kerasbert.training import Recipe as Recipe

_HOME = {
    "AlbertConfig": "kerasbert.config",
    "AlbertEncoder": "kerasbert.models",
    "BertConfig": "kerasbert.config",
    "BertDecoder": "kerasbert.models",
    "BertEncoder": "kerasbert.models",
    "DistilBertConfig": "kerasbert.config",
    "DistilBertEncoder": "kerasbert.models",
    "LiteRTEmbedder": "kerasbert.litert",
    "Recipe": "kerasbert.training",
    "Seq2SeqConfig": "kerasbert.config",
    "Seq2SeqTransformer": "kerasbert.models",
    "SpeechConfig": "kerasbert.config",
    "Tokenizer": "kerasbert.text",
    "ViTConfig": "kerasbert.config",
    "ViTEncoder": "kerasbert.models",
    "from_keras_hub": "kerasbert.keras_hub",
    "load": "kerasbert.tasks",
    "load_encoder": "kerasbert.models",
    **dict.fromkeys(CLASSES, "kerasbert.tasks"),
    "to_keras_hub": "kerasbert.keras_hub",
}

__all__ = ["__version__", *sorted(_HOME)]

__getattr__, __dir__ = lazy_names(__name__, _HOME)

register_with_keras()
