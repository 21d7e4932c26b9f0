"""Tasks on an encoder: from token ids to the outputs of a head."""

import dataclasses
import os
from collections.abc import Callable
from typing import Any

from kerasbert.checkpoints import write_checkpoint
from kerasbert.checkpoints.config_keys import check_vocabulary_size
from kerasbert.checkpoints.vocabulary import write_tokenizer
from kerasbert.inference.encoder_runner import EncoderRunner, batches_of_tokens
from kerasbert.inference.serving_graph import ServingGraph
from kerasbert.models.loading import checkpoint_of
from kerasbert.tasks.task import Task

BATCH_TOKENS = 4096


class EncoderTask(Task):
    """A task whose model is an encoder with a head.

    Args:
        model: A model of `kerasbert.models` with a head.
        tokenizer: The `kerasbert.Tokenizer` of its vocabulary.
        max_length: The longest sequence in tokens, special tokens included; by
            default, that of the tokenizer and the model.
    """

    preprocessor = None  # the `Preprocessor`, which a subclass makes

    def __init__(self, model: Any, tokenizer: Any, max_length: int | None = None):
        super().__init__(model)
        positions = model.config.max_position_embeddings
        check_limits(model.config, tokenizer, max_length)
        self.encoder = model.encoder
        self.tokenizer = tokenizer
        self.max_length = max_length or min(
            positions, tokenizer.max_length or positions
        )
        self._run = EncoderRunner(model, model.outputs_of)

    @property
    def max_positions(self) -> int:
        """The longest sequence that the model takes, in tokens."""
        return self.encoder.config.max_position_embeddings

    def options(self) -> dict[str, Any]:
        return {"max_length": self.max_length}

    def write(self, folder: str | os.PathLike) -> None:
        self._write_model(self.model, folder)

    def _write_model(self, model, folder, pairs=None):
        checkpoint = dataclasses.replace(checkpoint_of(model), folder=None, pairs=pairs)
        write_checkpoint(checkpoint, folder)
        write_tokenizer(self.tokenizer.config, folder, "huggingface")

    def signatures(self, graph: Any) -> dict[str, Callable]:
        """Returns the serving signatures, given the model as a graph.

        Args:
            graph: A `kerasbert.inference.serving_graph.ServingGraph`, with the
                `max_length` of the export.

        Returns:
            As `serving_functions`.
        """
        raise NotImplementedError

    def serving_functions(
        self,
        precision: str,
        max_length: int | None = None,
        calibration: Any = None,
        **options: Any,
    ) -> Any:
        graph = ServingGraph(
            *(self.model, self.tokenizer, precision),
            *(max_length or self.max_length, calibration),
        )
        return self.signatures(graph, **options)

    def facts(self) -> dict[str, Any]:
        config = self.encoder.config
        return {
            **super().facts(),
            "encoder": f"{config.num_hidden_layers} layers, {config.hidden_size} wide, "
            f"{config.num_attention_heads} heads; "
            f"{self.encoder.count_params() / 1e6:.1f} M weights",
        }

    def outputs(self, features: Any) -> Any:
        """Computes the model's outputs on packed tokens.

        Args:
            features: `kerasbert.training.EncodedExamples`.

        Returns:
            A list with a dictionary of arrays for each example; outputs with an axis
            for the tokens are as long as the example.
        """
        token_ids = features.inputs["token_ids"]
        segment_ids = features.inputs["segment_ids"]
        answers = [None] * len(token_ids)
        names = {
            name for name, x in self.model.output.items() if x.shape[1:2] == (None,)
        }
        for batch in batches_of_tokens(features.lengths, BATCH_TOKENS):
            outputs = self._run(
                [token_ids[row] for row in batch], [segment_ids[row] for row in batch]
            )
            for place, row in enumerate(batch):
                answers[row] = {
                    name: values[place, : len(token_ids[row])]
                    if name in names
                    else values[place]
                    for name, values in outputs.items()
                }
        return answers


def check_limits(config, tokenizer, max_length):
    """Raises a `ValueError` if a length or vocabulary exceeds the model's."""
    positions = config.max_position_embeddings
    least = tokenizer.num_special_tokens() + 1
    if max_length is not None and not least <= max_length <= positions:
        raise ValueError(
            f"Expected max_length from {least} to {positions} (the model's "
            f"positions), got {max_length}."
        )
    segments = {segment for _, segment in tokenizer.template.single}
    segments |= {segment for _, segment in tokenizer.template.pair}
    if max(segments) >= config.type_vocab_size and config.type_vocab_size > 1:
        raise ValueError(
            f"Expected segments from 0 to {config.type_vocab_size - 1} (the model's "
            f"type_vocab_size is {config.type_vocab_size}), got {max(segments)} in the "
            "template of the tokenizer. Are the tokenizer and the model of the same "
            "release?"
        )
    check_vocabulary_size(tokenizer.vocabulary_size, config)
