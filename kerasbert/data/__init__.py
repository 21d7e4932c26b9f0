"""Readers of example files: tables, JSON, CoNLL and SQuAD."""

from kerasbert.data.columns import Columns as Columns
from kerasbert.data.conll import read_columns as read_columns
from kerasbert.data.conll import read_tagged as read_tagged
from kerasbert.data.data_account import DataAccount as DataAccount
from kerasbert.data.doubts import check_labels as check_labels
from kerasbert.data.doubts import check_scores as check_scores
from kerasbert.data.doubts import check_tagged as check_tagged
from kerasbert.data.examples import Examples as Examples
from kerasbert.data.examples import open_examples as open_examples
from kerasbert.data.examples import read_examples as read_examples
from kerasbert.data.squad import SquadData as SquadData
from kerasbert.data.squad import read_squad as read_squad
from kerasbert.data.tagged_json import read_tagged_json as read_tagged_json
from kerasbert.data.targets import check_label as check_label
from kerasbert.data.targets import number as number
from kerasbert.data.targets import one_label as one_label
from kerasbert.data.targets import score_if_any as score_if_any
from kerasbert.data.targets import several_labels as several_labels
from kerasbert.data.targets import sorted_labels as sorted_labels
from kerasbert.data.words import holds_words as holds_words
from kerasbert.data.words import open_words as open_words
from kerasbert.lazy import lazy_names

__getattr__, __dir__ = lazy_names(__name__, {})
