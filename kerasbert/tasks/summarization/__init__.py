"""Summarisation: written anew, or of sentences of the text."""

from typing import TYPE_CHECKING

from kerasbert.lazy import lazy_names

if TYPE_CHECKING:
    from kerasbert.tasks.summarization.extractive import (
        ExtractiveSummarizer as ExtractiveSummarizer,
    )
    from kerasbert.tasks.summarization.summarizer import Summarizer as Summarizer

_HOME = {
    "ExtractiveSummarizer": "kerasbert.tasks.summarization.extractive",
    "Summarizer": "kerasbert.tasks.summarization.summarizer",
}

__all__ = sorted(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
