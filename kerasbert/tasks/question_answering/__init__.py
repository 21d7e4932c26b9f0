"""Questions about a text to answers in it."""

from kerasbert.tasks.question_answering.question_answerer import (
    QuestionAnswerer as QuestionAnswerer,
)
