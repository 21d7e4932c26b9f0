"""Functional `keras.Model`s composed of `kerasbert.layers`.

Every module whose name ends in `_encoder` defines the encoder of a family, whose class
is a name of this package; there is no other list.
"""

import importlib
import pkgutil

from kerasbert.lazy import lazy_names
from kerasbert.models.albert_encoder import AlbertEncoder as AlbertEncoder
from kerasbert.models.bert_decoder import BertDecoder as BertDecoder
from kerasbert.models.bert_encoder import BertEncoder as BertEncoder
from kerasbert.models.encoder import Encoder as Encoder
from kerasbert.models.encoder import load_encoder as load_encoder
from kerasbert.models.head_model import load_model as load_model
from kerasbert.models.pretraining_models import MaskedLMModel as MaskedLMModel
from kerasbert.models.pretraining_models import PretrainingModel as PretrainingModel
from kerasbert.models.pretraining_models import SentencePairModel as SentencePairModel
from kerasbert.models.seq2seq_transformer import (
    Seq2SeqTransformer as Seq2SeqTransformer,
)
from kerasbert.models.task_models import (
    ImageClassificationModel as ImageClassificationModel,
)
from kerasbert.models.task_models import (
    QuestionAnsweringModel as QuestionAnsweringModel,
)
from kerasbert.models.task_models import (
    SentenceEmbeddingModel as SentenceEmbeddingModel,
)
from kerasbert.models.task_models import (
    SequenceClassificationModel as SequenceClassificationModel,
)
from kerasbert.models.task_models import (
    TokenClassificationModel as TokenClassificationModel,
)
from kerasbert.models.transformer import TransformerDecoder as TransformerDecoder
from kerasbert.models.transformer import TransformerEncoder as TransformerEncoder
from kerasbert.models.vit_encoder import ViTEncoder as ViTEncoder

__getattr__, __dir__ = lazy_names(__name__, {})

for _part in pkgutil.iter_modules(__path__):
    if _part.name.endswith("_encoder"):
        importlib.import_module(f"{__name__}.{_part.name}")
globals().update({cls.__name__: cls for cls in Encoder.classes.values()})
