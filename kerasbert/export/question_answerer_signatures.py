"""The signature of an exported `QuestionAnswerer`.

Shapes: B questions, W windows over their contexts, T tokens of all contexts, A lengths
of an answer.
"""

import tensorflow as tf

from kerasbert.export.task_graph import text_function
from kerasbert.tasks.question_answering.spans import span_scores
from kerasbert.text.ragged import row_numbers

REPLACEMENT = 0xFFFD  # what a byte that is no UTF-8 becomes


def question_answerer_signatures(task, graph):
    """From questions and contexts to answers.

    Args:
        task: A `kerasbert.QuestionAnswerer`.
        graph: Its `TaskGraph`.

    Returns:
        `serving_default`, of `question` and `context`; it gives `answer` `[B]`, a part
        of the context, its probability `score`, and where it stands, `start` and
        `end`, in characters. A long context is read in windows. Where the answerer
        may say that there is no answer, that is the empty string at 0.
    """
    layout = task.layout._replace(max_length=graph.max_length)
    tokenizer = task.tokenizer

    def of_texts(question, context):
        # Characters are counted as the tokenizer does.
        context = tf.strings.unicode_transcode(
            context, "UTF-8", "UTF-8", errors="replace", replacement_char=REPLACEMENT
        )
        ids, starts, ends = tokenizer.tokenize_with_offsets(context)  # [B, None] each
        windows = layout.windows(tokenizer.tokenize(question), ids)
        outputs = graph.outputs(windows.token_ids, windows.segment_ids)  # [W, S] each
        count, length = tf.unstack(tf.shape(outputs["start_logits"], out_type=tf.int64))
        spans = span_scores(
            [tf.reshape(outputs[f"{side}_logits"], [-1]) for side in ("start", "end")],
            tf.range(count) * length,
            windows,
            ids.with_values(ends.values > starts.values),
            task.max_answer_length,
        )
        nothing = None
        if task.no_answer:
            nothing = spans.no_answer - task.null_score_diff_threshold  # [B]
        first, last, score = best_spans(spans.scores, ids, nothing)
        # One more token, empty and at 0, for where there is no answer.
        start = tf.gather(tf.concat([starts.values, [0]], axis=0), first)  # [B]
        end = tf.gather(tf.concat([ends.values, [0]], axis=0), last)  # [B]
        answer = tf.strings.substr(context, start, end - start, unit="UTF8_CHAR")
        return {"answer": answer, "score": score, "start": start, "end": end}

    return {"serving_default": text_function(of_texts, "question", "context")}


def best_spans(scores, contexts, nothing):
    """The best answer to each question.

    Args:
        scores: As in `kerasbert.tasks.question_answering.spans.Spans`.
        contexts: Ragged rows with a value for each token.
        nothing: The score of no answer; None: there is one.

    Shapes:
        scores `[T, A]`, contexts `[B, (T)]`, nothing `[B]` -> the first and the last
        token of the answer, int64 `[B]` each, T where there is none; its probability
        `[B]`.
    """
    questions, count = row_numbers(contexts), contexts.nrows()
    none = tf.size(questions, tf.int64)  # T
    of_tokens = tf.reduce_max(scores, axis=1)  # [T]
    best = tf.math.unsorted_segment_max(of_tokens, questions, count)  # [B]
    best = tf.maximum(best, scores.dtype.min)  # where no answer can be
    highest = best if nothing is None else tf.maximum(best, nothing)  # [B]

    ratios = tf.exp(scores - tf.gather(highest, questions)[:, tf.newaxis])  # [T, A]
    total = tf.math.unsorted_segment_sum(
        tf.reduce_sum(ratios, axis=1), questions, count
    )  # [B]
    answered = (best > scores.dtype.min) & (best == highest)
    if nothing is not None:
        total += tf.exp(nothing - highest)
    score = tf.where(total > 0, 1 / total, 1.0)

    is_best = of_tokens == tf.gather(best, questions)
    first = tf.where(is_best, tf.range(none), none)  # [T]
    first = tf.math.unsorted_segment_min(first, questions, count)  # [B]
    first = tf.where(answered, first, none)
    steps = tf.concat([tf.argmax(scores, axis=1), [0]], axis=0)  # [T + 1]
    return first, first + tf.gather(steps, first), score
