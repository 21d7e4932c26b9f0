"""Tasks that write text: from strings through a decoder to strings."""

import os
from typing import Any

import keras
import tensorflow as tf

from kerasbert.account import quoted
from kerasbert.checkpoints.vocabulary import write_tokenizer
from kerasbert.decoding import BeamSearch, Greedy, Limits, Sampling
from kerasbert.inference.serving_graph import check_precision, mask_of, text_function
from kerasbert.tasks.class_losses import ClassCrossentropy
from kerasbert.tasks.examples import list_of_texts
from kerasbert.tasks.seq2seq_preprocessor import Seq2SeqPreprocessor
from kerasbert.tasks.task import Task
from kerasbert.training.features import IGNORED, EncodedExamples

BATCH_TOKENS = 2048  # of sources that are decoded together
WIDTH = 2  # tokens of an answer for each of its source, beyond which it is cut
MORE = 16  # and so many besides


class TextPairs(EncodedExamples):
    """Examples of sources and targets; their length is that of the longer one."""

    @property
    def lengths(self):
        """Number of tokens of the longer side of each example, int64 `[n]`."""
        rows = self.inputs["decoder_token_ids"]
        targets = [len(row) for row in rows]
        return keras.ops.convert_to_numpy(
            keras.ops.maximum(super().lengths, targets)
        ).astype("int64")


class Seq2SeqTask(Task):
    """A task whose model has an encoder and a decoder.

    Args:
        model: A `kerasbert.models.Seq2SeqTransformer`.
        tokenizer: The `kerasbert.Tokenizer` of sources and targets.
        max_length: The longest source and the longest answer, in tokens.
        num_beams: Number of beams; 1: the likeliest token each time.
        length_penalty: As in `kerasbert.decoding.BeamSearch`.

    Raises:
        ValueError: If the tokenizer is not that of the model.
    """

    answer_name = "text"  # what the answer is called

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        max_length: int | None = None,
        num_beams: int = 5,
        length_penalty: float = 1.0,
    ):
        super().__init__(model)
        self.tokenizer = tokenizer
        self.encoder = model.encoder
        longest = self.max_positions
        self.max_length = min(longest, 128) if max_length is None else max_length
        if type(self.max_length) is not int or not 3 <= self.max_length <= longest:
            raise ValueError(
                f"Expected max_length from 3 to {longest} (the model's positions), got "
                f"{self.max_length}."
            )
        self.strategy = _strategy(num_beams, length_penalty)
        self.num_beams = num_beams
        self.length_penalty = length_penalty
        self.preprocessor = Seq2SeqPreprocessor(tokenizer, self.max_length)
        size = model.decoder.config.vocab_size
        if tokenizer.vocabulary_size > size:
            raise ValueError(
                f"Expected a vocabulary of at most {size} tokens (the model's "
                f"vocab_size), got {tokenizer.vocabulary_size}. Is it the vocabulary "
                "of this model?"
            )
        if num_beams > size:
            raise ValueError(
                f"Expected at most {size} beams, as many as the vocabulary has tokens, "
                f"got num_beams={num_beams}."
            )

    @property
    def max_positions(self):
        """The longest source or answer that the model takes, in tokens."""
        return min(
            self.model.encoder.config.max_position_embeddings,
            self.model.decoder.config.max_position_embeddings,
        )

    # Training.

    def features(
        self, inputs: Any, targets: Any = None, sample_weight: Any = None
    ) -> Any:
        inputs = list_of_texts(inputs)
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

    def compile(
        self,
        optimizer: Any = None,
        loss: Any = None,
        metrics: Any = None,
        label_smoothing: float = 0.1,
        **options: Any,
    ) -> None:
        """Configures the training, see `Task.compile`.

        Args:
            optimizer: As in `Task.compile`.
            loss: As there.
            metrics: As there.
            label_smoothing: Which part of each target is spread over all tokens.
            **options: As there.
        """
        loss = {"logits": _loss(label_smoothing)} if loss is None else loss
        super().compile(optimizer, loss, metrics, **options)

    def losses(self) -> dict[str, Any]:
        return {"loss": {"logits": _loss()}, "metrics": None}

    # Answers.

    def predict(
        self,
        inputs: Any,
        strategy: Any = None,
        min_length: int = 0,
        repetition_penalty: float = 1.0,
        seed: int = 0,
    ) -> Any:
        """Writes an answer for each text.

        Args:
            inputs: A list of strings.
            strategy: A `kerasbert.decoding.BeamSearch`, `Greedy` or `Sampling`; None:
                that of the task.
            min_length: Minimum number of tokens of an answer.
            repetition_penalty: As in `kerasbert.decoding.Limits`.
            seed: Of a `Sampling`.

        Returns:
            A dictionary a text: its answer, under the name of the task's output, its
            `score`, the mean log probability of its tokens, its `length` in tokens, and
            whether it `is_complete` or was cut at the longest. With several results
            also `results`, a list of all of them.
        """
        inputs = list_of_texts(inputs)
        limits = self._limits(min_length, repetition_penalty)
        decode = self._decoder(strategy or self.strategy, limits, seed)
        rows = self.preprocessor.sources(inputs)
        answers = [None] * len(rows)
        order = sorted(range(len(rows)), key=lambda row: -len(rows[row]))
        start = 0
        while start < len(order):
            count = max(1, BATCH_TOKENS // max(1, len(rows[order[start]])))
            batch = order[start : start + count]
            start += count
            source = tf.ragged.constant(
                [rows[row].tolist() for row in batch], tf.int32, ragged_rank=1
            )
            found = [x.numpy() for x in decode(source)]
            for row, *values in zip(batch, *found, strict=True):
                answers[row] = self._answer(*values)
        return answers

    def _answer(self, texts, lengths, scores, ended):
        results = [
            {
                self.answer_name: text.decode("utf-8", "replace"),
                "score": float(score),
                "length": int(length),
                "is_complete": bool(end),
            }
            for text, length, score, end in zip(
                texts, lengths, scores, ended, strict=True
            )
        ]
        if len(results) == 1:
            return results[0]
        return {**results[0], "results": results}

    def _limits(self, min_length=0, repetition_penalty=1.0):
        if min_length > self.max_length:
            raise ValueError(
                f"Expected min_length of at most {self.max_length} (max_length), got "
                f"{min_length}."
            )
        return Limits(
            self.preprocessor.end_token_id,
            self.tokenizer.pad_token_id,
            min_length,
            repetition_penalty,
        )

    def _decoder(self, strategy, limits, seed=0):
        """Returns a graph function from rows of tokens to texts and numbers."""
        key = (strategy, limits, seed)
        if key not in self._decoders:
            spec = tf.RaggedTensorSpec([None, None], tf.int32, 1)

            @tf.function(input_signature=[spec], autograph=False)
            def decode(rows):
                return self.decode(self.model, rows, strategy, limits, seed)

            self._decoders[key] = decode
        return self._decoders[key]

    @property
    def _decoders(self):
        return self.__dict__.setdefault("_graphs_of_strategies", {})

    def decode(self, model, rows, strategy, limits, seed=0, max_length=None):
        """Decodes in the graph.

        Args:
            model: The `Seq2SeqTransformer`, or a copy.
            rows: Token ids of the sources, ragged int32 `[B, (S)]`.
            strategy: How to search.
            limits: The `Limits`.
            seed: Of a `Sampling`, an integer.
            max_length: The longest answer; None: the task's.

        Returns:
            Texts, string `[B, R]`; lengths, int32 `[B, R]`; scores, float32 `[B, R]`;
            whether they are complete, bool `[B, R]`.
        """
        mask = mask_of(rows)  # [B, S]
        token_ids = rows.to_tensor(self.tokenizer.pad_token_id, shape=tf.shape(mask))
        bound = WIDTH * tf.shape(mask)[1] + MORE
        length = tf.minimum(max_length or self.max_length, bound)
        start = self.preprocessor.start_token_id
        continuation = model.continuation(token_ids, mask, start, length)
        uniforms = None
        if isinstance(strategy, Sampling):
            shape = [tf.shape(token_ids)[0], length]
            uniforms = tf.random.stateless_uniform(shape, [seed, 0])
        prompt = tf.fill([tf.shape(token_ids)[0], 1], start)
        size = model.decoder.config.vocab_size
        seen = limits.seen_in(prompt, None, size)
        found = strategy(continuation, limits, seen, uniforms)
        texts = self.preprocessor.texts_of(found.token_ids, found.lengths)
        special = self.tokenizer.num_special_tokens()
        empty = (rows.row_lengths() <= special)[:, tf.newaxis]  # [B, 1]
        texts = tf.where(empty, "", texts)  # of nothing there is nothing to say
        lengths = tf.where(empty, 0, found.lengths)
        return texts, lengths, found.scores, found.has_ended | empty

    # Files and exports.

    def options(self) -> dict[str, Any]:
        return {
            "max_length": self.max_length,
            "num_beams": self.num_beams,
            "length_penalty": self.length_penalty,
        }

    def write(self, folder: str | os.PathLike) -> None:
        self.model.write(folder)
        write_tokenizer(self.tokenizer.config, folder, "huggingface")

    def serving_functions(
        self, precision: str, max_length: int | None = None, calibration: Any = None
    ) -> Any:
        check_precision(precision)
        if precision == "int8":
            raise ValueError(
                "Expected float32 or bfloat16 for a model that writes text, got int8: "
                "what is measured is the encoder of other tasks."
            )
        model, constants = _frozen(self.model, precision)
        longest = max_length or self.max_length
        preprocessor = self.preprocessor.with_length(longest)

        def serve(text):
            rows = preprocessor(text).token_ids
            with keras.StatelessScope(constants):
                texts, lengths, scores, ended = self.decode(
                    model, rows, self.strategy, self._limits(), max_length=longest
                )
            return {
                self.answer_name: texts[:, 0],  # [B]
                "score": scores[:, 0],
                "length": lengths[:, 0],
                "is_complete": ended[:, 0],
            }

        return {"serving_default": text_function(serve, "text")}

    def facts(self) -> dict[str, Any]:
        model = self.model
        return {
            **super().facts(),
            "model": f"{len(model.encoder.layer_blocks)} encoder layers and "
            f"{len(model.decoder.blocks)} decoder layers, "
            f"{model.decoder.config.hidden_size} wide; "
            f"{model.count_params() / 1e6:.1f} M weights",
            "search": f"{self.strategy}",
        }


def _loss(label_smoothing=0.1):
    return ClassCrossentropy(label_smoothing, ignore_class=IGNORED)


def _strategy(num_beams, length_penalty):
    if type(num_beams) is not int or num_beams < 1:
        raise ValueError(f"Expected num_beams of 1 or more, got {quoted(num_beams)}.")
    return Greedy() if num_beams == 1 else BeamSearch(num_beams, length_penalty)


def _frozen(model, precision):
    """Returns a model in a precision, and its weights as constants."""
    values = [variable.numpy() for variable in model.weights]
    if precision != "float32":
        config = model.get_config()
        config["dtype"] = keras.dtype_policies.serialize(
            keras.dtype_policies.get(precision)
        )
        model = type(model).from_config(config)
    return model, [
        (variable, tf.constant(value, variable.dtype))
        for variable, value in zip(model.weights, values, strict=True)
    ]
