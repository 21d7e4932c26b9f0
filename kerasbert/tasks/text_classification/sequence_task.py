"""Tasks with logits per text or pair."""

import abc
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from kerasbert.inference.serving_graph import text_function
from kerasbert.tasks.encoder_task import EncoderTask
from kerasbert.tasks.examples import are_pairs, list_of_texts
from kerasbert.tasks.preprocessor import TextPreprocessor
from kerasbert.training.features import EncodedExamples


class SequenceTask(EncoderTask):
    """A task on a `kerasbert.models.SequenceClassificationModel`.

    Args:
        model: The model.
        tokenizer: The `kerasbert.Tokenizer` of its vocabulary.
        max_length: The longest sequence in tokens, special tokens included.
        pairs: Whether an export takes pairs; `fit` and `dataset` set it.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        max_length: int | None = None,
        pairs: bool = False,
    ):
        super().__init__(model, tokenizer, max_length)
        self.pairs = pairs
        self.preprocessor = TextPreprocessor(tokenizer, self.max_length)

    @abc.abstractmethod
    def encoded_targets(self, targets: Any, count: int) -> Any:
        """Converts targets to an array `[n, ...]` for the loss."""

    @abc.abstractmethod
    def answers(self, logits: Any) -> dict[str, Any]:
        """Converts logits `[B, C]` to the outputs of an export, in the graph."""

    @property
    def input_names(self) -> Any:
        return ("text", "pair") if self.pairs else ("text",)

    def features(
        self, inputs: Any, targets: Any = None, sample_weight: Any = None
    ) -> EncodedExamples:
        inputs = list_of_texts(inputs)
        encoded = self.preprocessor.encode(inputs)
        known = {}
        if targets is not None:
            known = {"logits": self.encoded_targets(targets, len(inputs))}
        return EncodedExamples.of_rows(encoded, known, sample_weight, self.tokenizer)

    def adapt(self, inputs: Any, targets: Any, learns: bool) -> None:
        if learns:
            self.pairs = are_pairs(inputs)

    def signatures(self, graph: Any) -> dict[str, Callable]:
        """`serving_default`, of `text`, or of `text` and `pair` where `pairs` is set.

        It gives the `answers` of each, and `token_count`.
        """
        preprocessor = self.preprocessor.with_length(graph.max_length)

        def of_texts(*texts):
            encoded = preprocessor(*texts)
            outputs = graph.outputs(encoded.token_ids, encoded.segment_ids)
            answers = self.answers(outputs["logits"])
            return {**answers, "token_count": encoded.token_count}

        return {"serving_default": text_function(of_texts, *self.input_names)}

    def options(self) -> dict[str, Any]:
        return {**super().options(), "pairs": self.pairs}

    def write(self, folder: str | os.PathLike) -> None:
        self._write_model(self.model, folder, self.pairs)

    def _logits(self, inputs):
        """Computes the logits of texts, float32 `[n, C]`."""
        outputs = self.outputs(self.features(inputs))
        logits = [output["logits"] for output in outputs]
        return np.stack(logits) if logits else np.zeros((0, len(self.model.labels)))
