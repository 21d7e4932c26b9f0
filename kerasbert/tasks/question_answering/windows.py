"""Windows of questions and contexts, in the TensorFlow graph.

Shapes: B questions, W windows of all questions.
"""

from typing import NamedTuple

import tensorflow as tf

from kerasbert.text.packing import Frame, surround, truncate
from kerasbert.text.ragged import row_numbers


class Windows(NamedTuple):
    """Rows with a question and a part of its context.

    Args:
        token_ids: int32 `[W, None]`.
        segment_ids: int32 `[W, None]`; 0 for the question, 1 for the context.
        questions: The question of each row, int64 `[W]`; those of one stand together.
        slots: Where the part of the context begins in the row, int64 `[W]`.
        starts: Where it begins in the context, in tokens, int64 `[W]`.
        sizes: How many tokens it has, int64 `[W]`.
    """

    token_ids: tf.RaggedTensor
    segment_ids: tf.RaggedTensor
    questions: tf.Tensor
    slots: tf.Tensor
    starts: tf.Tensor
    sizes: tf.Tensor


class WindowLayout(NamedTuple):
    """How contexts are split into windows.

    Args:
        max_length: The longest row in tokens, special tokens included.
        stride: How many tokens of the context two neighbouring windows share; half of
            them where a question leaves less room than twice as many.
        max_query_length: The most tokens of a question, the rest of which is cut; half
            of the room for both at most.
        around: The special tokens around a question and its context, a `Frame`.
    """

    max_length: int
    stride: int
    max_query_length: int
    around: Frame

    @property
    def query_limit(self):
        """Maximum number of tokens of a question."""
        return min(self.max_query_length, (self.max_length - self.around.size) // 2)

    def windows(self, questions, contexts):
        """Creates the rows of questions and contexts."""
        limit = tf.fill([questions.nrows()], tf.constant(self.query_limit, tf.int64))
        questions = truncate(questions, limit)
        room = self.max_length - self.around.size - questions.row_lengths()  # [B]
        step = room - tf.minimum(tf.cast(self.stride, tf.int64), room // 2)
        lengths = contexts.row_lengths()
        further = tf.maximum(lengths - room, 0)
        numbers = tf.ragged.range(1 + (further + step - 1) // step)  # [B, None]
        rows = row_numbers(numbers)  # [W]
        starts = numbers.values * tf.gather(step, rows)
        sizes = tf.minimum(tf.gather(room, rows), tf.gather(lengths, rows) - starts)

        first = tf.gather(contexts.row_starts(), rows) + starts
        places = tf.ragged.range(first, first + sizes)
        parts = places.with_values(tf.gather(contexts.values, places.values))
        asked = tf.gather(questions, rows)  # [W, None]
        token_ids, segment_ids = surround([asked, parts], self.around)
        before, between, _ = self.around.groups
        return Windows(
            token_ids=token_ids,
            segment_ids=segment_ids,
            questions=rows,
            slots=asked.row_lengths() + len(before) + len(between),
            starts=starts,
            sizes=sizes,
        )
