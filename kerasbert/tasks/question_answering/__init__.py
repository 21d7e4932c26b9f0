"""Extractive question answering."""

from typing import TYPE_CHECKING

from kerasbert.lazy import lazy_names

if TYPE_CHECKING:
    from kerasbert.tasks.question_answering.question_answerer import (
        QuestionAnswerer as QuestionAnswerer,
    )

_HOME = {
    "QuestionAnswerer": "kerasbert.tasks.question_answering.question_answerer",
}

__all__ = sorted(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
