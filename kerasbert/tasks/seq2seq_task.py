"""Tasks whose model has an encoder and a decoder: from a source to a target."""

from typing import Any

import numpy as np
import tensorflow as tf

from kerasbert.checkpoints.config_keys import check_vocabulary_size
from kerasbert.tasks.examples import list_of_texts
from kerasbert.tasks.generation_task import GenerationTask, strategy_of
from kerasbert.tasks.seq2seq_preprocessor import Seq2SeqPreprocessor
from kerasbert.training.features import EncodedExamples

WIDTH = 2  # tokens of an answer for each of its source, beyond which it is cut
MORE = 16  # and so many besides


class TextPairs(EncodedExamples):
    """Examples of sources and targets; their length is that of the longer one."""

    @property
    def lengths(self):
        """Number of tokens of the longer side of each example, int64 `[n]`."""
        targets = [len(row) for row in self.inputs["decoder_token_ids"]]
        return np.maximum(super().lengths, targets)


class Seq2SeqTask(GenerationTask):
    """A task whose model has an encoder and a decoder.

    Args:
        model: A `kerasbert.models.Seq2SeqTransformer`.
        tokenizer: The `kerasbert.Tokenizer` of sources and targets.
        max_length: The longest source, in tokens, special tokens included; by default
            128, or what the model has.
        max_target_length: The longest answer, in tokens; by default `max_length`.
        num_beams: Number of beams; 1: the likeliest token each time.
        length_penalty: As in `kerasbert.decoding.BeamSearch`.

    Raises:
        ValueError: If the tokenizer is not that of the model.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        max_length: int | None = None,
        max_target_length: int | None = None,
        num_beams: int = 5,
        length_penalty: float = 1.0,
    ):
        super().__init__(model)
        self.tokenizer = tokenizer
        self.encoder = model.encoder
        positions = self.max_positions
        usual = min(positions, 128)
        self.max_length = checked_length("max_length", max_length, usual, positions)
        positions = model.decoder.config.max_position_embeddings
        usual = min(self.max_length, positions)
        self.max_target_length = checked_length(
            "max_target_length", max_target_length, usual, positions
        )
        strategy_of(num_beams, length_penalty)  # raises where they cannot be
        self.num_beams = num_beams
        self.length_penalty = length_penalty
        self.preprocessor = Seq2SeqPreprocessor(
            tokenizer, self.max_length, self.max_target_length
        )
        size = self.vocab_size
        check_vocabulary_size(tokenizer.vocabulary_size, model.decoder.config)
        if num_beams > size:
            raise ValueError(
                f"Expected at most {size} beams, as many as the vocabulary has tokens, "
                f"got num_beams={num_beams}."
            )

    @property
    def strategy(self):
        """How answers are searched: what `num_beams` and `length_penalty` say now."""
        return strategy_of(self.num_beams, self.length_penalty)

    @property
    def max_positions(self):
        """The longest source that the model takes, in tokens."""
        return self.model.encoder.config.max_position_embeddings

    @property
    def longest_answer(self):
        """The longest answer, in tokens."""
        return self.max_target_length

    @property
    def vocab_size(self):
        """Number of tokens that the decoder may give."""
        return self.model.decoder.config.vocab_size

    def features(
        self, inputs: Any, targets: Any = None, sample_weight: Any = None
    ) -> Any:
        inputs = self.texts_of(inputs)
        targets = list_of_texts(targets)
        if len(inputs) != len(targets):
            raise ValueError(
                f"Expected a target for each of {len(inputs)} sources, got "
                f"{len(targets)}."
            )
        sources = self.preprocessor.sources(inputs)
        before, after = self.preprocessor.targets(targets)
        return TextPairs(
            {"token_ids": sources, "decoder_token_ids": before},
            {"logits": after},
            sample_weight,
            self.tokenizer.pad_token_id,
        )

    def begin(self, model: Any, token_ids: Any, mask: Any, longest: int) -> Any:
        bound = WIDTH * tf.shape(mask)[1] + MORE
        start = self.preprocessor.start_token_id
        length = tf.minimum(longest, bound)
        prompt = tf.fill([tf.shape(token_ids)[0], 1], start)
        return model.continuation(token_ids, mask, start, length), prompt, None

    def options(self) -> dict[str, Any]:
        return {
            "max_length": self.max_length,
            "max_target_length": self.max_target_length,
            "num_beams": self.num_beams,
            "length_penalty": self.length_penalty,
        }

    def facts(self) -> dict[str, Any]:
        model = self.model
        return {
            **super().facts(),
            "model": f"{len(model.encoder.layer_blocks)} encoder layers and "
            f"{len(model.decoder.blocks)} decoder layers, "
            f"{model.decoder.config.hidden_size} wide; "
            f"{model.count_params() / 1e6:.1f} M weights",
            "search": f"`{self.strategy}`",
            "longest answer": f"{self.max_target_length} tokens",
        }


def checked_length(name, given, usual, positions):
    """Returns a length that a model's positions allow; the usual one if none is given.

    Raises a `ValueError` for others.
    """
    if given is None:
        return usual
    if type(given) is not int or not 3 <= given <= positions:
        raise ValueError(
            f"Expected {name} from 3 to {positions} (the model's positions), got "
            f"{given}."
        )
    return given
