"""Extractive question answering."""

import contextlib
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from kerasbert.data import Examples, read_squad
from kerasbert.data.packaging import bare_name
from kerasbert.inference.serving_graph import text_function
from kerasbert.metrics import squad2_metrics, squad_metrics
from kerasbert.models import QuestionAnsweringModel
from kerasbert.tasks.encoder_task import EncoderTask
from kerasbert.tasks.pretrained_task import encoder_for, load_parts, with_new_head
from kerasbert.tasks.question_answering.answers import SpanScorer, best_answers
from kerasbert.tasks.question_answering.loss import SlotCrossentropy
from kerasbert.tasks.question_answering.preprocessor import (
    QuestionPreprocessor,
    question_pairs,
)
from kerasbert.tasks.question_answering.spans import best_spans, span_scores
from kerasbert.tasks.question_answering.targets import (
    MISALIGNED,
    answer_tokens,
    known_answers,
    one_hot_rows,
    target_slots,
)
from kerasbert.tasks.question_answering.windows import WindowLayout
from kerasbert.text.utf8 import replace_invalid
from kerasbert.training.counts import check_count
from kerasbert.training.features import EncodedExamples

MAX_LENGTH = 384  # tokens of a window, where nobody says otherwise
SHORTEST = 8


class QuestionAnswerer(EncoderTask):
    """Answers questions with spans of a context.

    A context of any length is read in windows that overlap. Targets are for each
    question the answers that people gave: `{"text": [...], "answer_start": [...]}`, the
    latter in characters, or a list of such of one answer; None where the context has
    none, which makes this a task with `no_answer`.

    Args:
        model: A `kerasbert.models.QuestionAnsweringModel`.
        tokenizer: The `kerasbert.Tokenizer` of its vocabulary.
        max_length: The longest window in tokens, question and special tokens included;
            by default 384, or the model's positions where it has fewer.
        stride: How many tokens of the context two neighbouring windows share.
        max_query_length: The most tokens of a question; the rest of it is cut.
        max_answer_length: The most tokens of an answer.
        no_answer: Whether it may say that the context has no answer. `fit` sets it
            where examples are of that kind, as in SQuAD 2.0.
        null_score_diff_threshold: How much more than the best answer no answer must
            score, in logits, to be given.

    Raises:
        ValueError: If a length is out of its range.

    Example:
        >>> answerer = kerasbert.QuestionAnswerer.from_pretrained(tiny_bert)
        >>> context = "The river was quiet in the morning."
        >>> [found] = answerer.predict([("When was it quiet?", context)])
        >>> found["answer"] == context[found["start"] : found["end"]]
        True

    Reference:
        [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), sections 4.2 and 4.3.
    """

    kind = "answer"

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        max_length: int | None = None,
        stride: int = 128,
        max_query_length: int = 64,
        max_answer_length: int = 30,
        no_answer: bool = False,
        null_score_diff_threshold: float = 0.0,
    ):
        if max_length is None:
            max_length = min(MAX_LENGTH, model.config.max_position_embeddings)
        super().__init__(model, tokenizer, max_length)
        check_count("max_length", max_length, SHORTEST)
        check_count("stride", stride, 0)
        check_count("max_query_length", max_query_length, 1)
        check_count("max_answer_length", max_answer_length, 1)
        self.stride = stride
        self.max_query_length = max_query_length
        self.max_answer_length = max_answer_length
        self.no_answer = no_answer
        self.null_score_diff_threshold = null_score_diff_threshold
        self.layout = WindowLayout(
            max_length,
            stride,
            max_query_length,
            tokenizer.frame(pair=True),
        )
        if not self.layout.around.before:
            raise ValueError(
                "Expected a tokenizer that puts a special token before a question, "
                "whose logits say that there is no answer, but its template begins "
                "with the text. Give tokenizer.json a post_processor with one."
            )
        self.preprocessor = QuestionPreprocessor(tokenizer, self.layout)
        self._scores = SpanScorer(max_answer_length)

    @classmethod
    def from_pretrained(
        cls, source: str | os.PathLike, dtype: str | None = None, **options: Any
    ) -> "QuestionAnswerer":
        """Loads the encoder of a source, with its head or a new one.

        Args:
            source: As in `BertEncoder.from_pretrained`.
            dtype: A dtype policy of the encoder, such as `"mixed_bfloat16"`.
            **options: Those of the constructor, such as `max_length`.

        Raises:
            FileNotFoundError: If there is no such source.
            ValueError: If the source is broken.
        """
        _, checkpoint, tokenizer = load_parts(source)
        if "span_head" in checkpoint.heads:
            model = QuestionAnsweringModel.from_pretrained(checkpoint, dtype=dtype)
        else:
            encoder = encoder_for(QuestionAnsweringModel, checkpoint, dtype)
            model = QuestionAnsweringModel(encoder)
            with_new_head(model, checkpoint, "no head of question answering")
        return cls(model, tokenizer, **options)

    def features(
        self, inputs: Any, targets: Any = None, sample_weight: Any = None
    ) -> EncodedExamples:
        pairs = question_pairs(inputs)
        answers = None if targets is None else known_answers(targets, len(pairs))
        chunks = list(self.preprocessor.encode(pairs))
        token_ids = [row for chunk in chunks for row in chunk.windows.token_ids]
        segment_ids = [row for chunk in chunks for row in chunk.windows.segment_ids]
        rows = {"token_ids": token_ids, "segment_ids": segment_ids}
        pad_token_id = self.tokenizer.pad_token_id
        questions = _questions_of(chunks)
        weights = None
        if sample_weight is not None:
            weights = np.asarray(sample_weight, "float32")[questions]
        if answers is None:
            return EncodedExamples(rows, {}, weights, pad_token_id)

        contexts = [context for chunk in chunks for context in chunk.contexts]
        tokens = answer_tokens(pairs, answers, contexts)  # [n, 2]
        slots = _slots_of(chunks, tokens)  # [W, 2]
        lengths = [len(row) for row in token_ids]
        known = {
            "start_logits": one_hot_rows(slots[:, 0], lengths),
            "end_logits": one_hot_rows(slots[:, 1], lengths),
        }
        kept = np.flatnonzero(tokens[questions, 0] != MISALIGNED)
        if not len(kept):
            raise ValueError(
                f"Expected answers that stand in their contexts, got {len(pairs)} "
                "questions with none. answer_start counts characters, from 0."
            )
        return EncodedExamples(
            {name: [values[row] for row in kept] for name, values in rows.items()},
            {name: [values[row] for row in kept] for name, values in known.items()},
            None if weights is None else weights[kept],
            pad_token_id,
        )

    @property
    def input_names(self) -> Any:
        return ("question", "context")

    def losses(self) -> dict[str, Any]:
        names = ("start_logits", "end_logits")
        return {
            "loss": {name: SlotCrossentropy() for name in names},
            "loss_weights": {name: 0.5 for name in names},
        }

    def adapt(self, inputs: Any, targets: Any, learns: bool) -> None:
        if learns and not all(known_answers(targets, len(targets))):
            self.no_answer = True

    def predict(self, inputs: Any, top_k: int = 1) -> Any:
        """Answers questions.

        Args:
            inputs: A list of pairs of a question and its context, or of dictionaries
                with `question` and `context`.
            top_k: How many answers to give.

        Returns:
            A dictionary a question: `answer`, a part of the context, and where it
            stands, `start` and `end`, in characters; `score`, its probability among
            all parts that could be the answer. With `no_answer`, the answer may be
            the empty string, at 0. With `top_k` above 1 also `answers`, a list of
            such dictionaries, the best first.
        """
        check_count("top_k", top_k)
        pairs = question_pairs(inputs)
        contexts = iter([context for _, context in pairs])
        answers = []
        for windows, texts in self.preprocessor.encode(pairs):
            rows = {"token_ids": windows.token_ids, "segment_ids": windows.segment_ids}
            outputs = self.outputs(EncodedExamples(rows))
            scores = self._scores(outputs, windows, texts)
            for text, (of_spans, nothing) in zip(texts, scores, strict=True):
                nothing -= self.null_score_diff_threshold
                found = best_answers(
                    next(contexts),
                    text,
                    of_spans,
                    nothing if self.no_answer else None,
                    top_k,
                )
                answers.append(
                    {**found[0], "answers": found} if top_k > 1 else found[0]
                )
        return answers

    def answer_metrics(self, inputs: Any, targets: Any) -> dict[str, float]:
        """Computes exact match and F1, see `kerasbert.metrics.squad_metrics`.

        Args:
            inputs: As in `predict`.
            targets: As in `fit`; where a question has no answer, the metrics are those
                of `kerasbert.metrics.squad2_metrics`.
        """
        answers = known_answers(targets, len(inputs))
        texts = [[text for text, _ in known] for known in answers]
        found = [answer["answer"] for answer in self.predict(inputs)]
        if self.no_answer or not all(texts):
            return squad2_metrics(found, texts)
        return squad_metrics(found, texts)

    @classmethod
    def read(
        cls,
        file: str | os.PathLike,
        options: Any,
        pairs: bool | None = None,
        learns: bool = False,
    ) -> Any:
        if options.format not in (None, "jsonl"):
            raise ValueError(
                f"Expected --format jsonl, or none, for {file}, got {options.format}: "
                "questions are read from JSON such as SQuAD's."
            )
        found = read_squad(file, encoding=options.encoding)
        if found.targets is None:
            raise ValueError(f"Expected answers in {file}, got questions alone.")
        return Examples(
            str(file), None, found.inputs, found.targets, account=found.account
        )

    @contextlib.contextmanager
    def open_inputs(self, file: str | os.PathLike, options: Any) -> Any:
        if not bare_name(file).endswith(".json"):
            with super().open_inputs(file, options) as opened:
                yield opened
            return
        found = read_squad(file, answers=False, encoding=options.encoding)
        rows = zip(found.ids, found.inputs, strict=True)
        names = self.input_names
        yield (
            (
                ({"id": name, **dict(zip(names, pair, strict=True))}, pair)
                for name, pair in rows
            ),
            found.account,
        )

    def signatures(self, graph: Any) -> dict[str, Callable]:
        """`serving_default`, from `question` and `context` to the answer.

        It gives `answer` `[B]`, a part of the context, its probability `score`, and
        where it stands, `start` and `end`, in characters. A long context is read in
        windows. Where the answerer may say that there is no answer, that is the empty
        string at 0.
        """
        preprocessor = self.preprocessor.with_length(graph.max_length)

        def of_texts(question, context):
            context = replace_invalid(context)  # characters are counted in it
            windows, starts, ends = preprocessor(question, context)
            outputs = graph.outputs(windows.token_ids, windows.segment_ids)  # [W, S]
            logits = [outputs[f"{side}_logits"] for side in ("start", "end")]
            count, length = tf.unstack(tf.shape(logits[0], out_type=tf.int64))
            spans = span_scores(
                [tf.reshape(values, [-1]) for values in logits],
                tf.range(count) * length,
                windows,
                starts.with_values(ends.values > starts.values),
                self.max_answer_length,
            )
            nothing = None
            if self.no_answer:
                nothing = spans.no_answer - self.null_score_diff_threshold  # [B]
            first, last, score = best_spans(spans.scores, starts, nothing)
            # One more token, empty and at 0, for where there is no answer.
            start = tf.gather(tf.concat([starts.values, [0]], axis=0), first)  # [B]
            end = tf.gather(tf.concat([ends.values, [0]], axis=0), last)  # [B]
            answer = tf.strings.substr(context, start, end - start, unit="UTF8_CHAR")
            return {"answer": answer, "score": score, "start": start, "end": end}

        return {"serving_default": text_function(of_texts, *self.input_names)}

    def options(self) -> dict[str, Any]:
        return {
            **super().options(),
            "stride": self.stride,
            "max_query_length": self.max_query_length,
            "max_answer_length": self.max_answer_length,
            "no_answer": self.no_answer,
            "null_score_diff_threshold": self.null_score_diff_threshold,
        }


def _questions_of(chunks):
    """Returns the index of each window's question, int64 `[W]`."""
    before, numbers = 0, [np.zeros(0, "int64")]
    for windows, contexts in chunks:
        numbers.append(windows.questions + before)
        before += len(contexts)
    return np.concatenate(numbers)


def _slots_of(chunks, tokens):
    """Returns the `target_slots` of the windows of all chunks."""
    before, slots = 0, [np.zeros((0, 2), "int64")]
    for windows, contexts in chunks:
        after = before + len(contexts)
        slots.append(target_slots(windows, tokens[before:after]))
        before = after
    return np.concatenate(slots)
