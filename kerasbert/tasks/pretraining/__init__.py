"""Pretraining: masked LM and pairs of segments, from documents."""

from typing import TYPE_CHECKING

from kerasbert.lazy import lazy_names

if TYPE_CHECKING:
    from kerasbert.tasks.pretraining.corpus import Corpus as Corpus
    from kerasbert.tasks.pretraining.pretrainer import Pretrainer as Pretrainer
    from kerasbert.tasks.pretraining.vocabulary import (
        train_tokenizer as train_tokenizer,
    )

_HOME = {
    "Corpus": "kerasbert.tasks.pretraining.corpus",
    "Pretrainer": "kerasbert.tasks.pretraining.pretrainer",
    "train_tokenizer": "kerasbert.tasks.pretraining.vocabulary",
}

__all__ = sorted(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
