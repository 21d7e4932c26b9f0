"""Tasks that write text: strings in, tokens one by one, strings out."""

import abc
import functools
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from kerasbert.account import quoted
from kerasbert.checkpoints.vocabulary import write_tokenizer
from kerasbert.decoding import BeamSearch, Greedy, Limits, Sampling, stream
from kerasbert.inference.frozen_model import frozen_model
from kerasbert.inference.serving_graph import mask_of, text_function
from kerasbert.tasks.class_losses import ClassCrossentropy
from kerasbert.tasks.examples import list_of_texts
from kerasbert.tasks.task import Task
from kerasbert.training.features import IGNORED

# Ends of a text that the next token may change: " '" in "it '", half a character.
UNSETTLED = " '\ufffd"
STRATEGIES = (BeamSearch, Greedy, Sampling)
BATCH_TOKENS = 2048  # of texts whose answers are decoded together


class GenerationTask(Task):
    """A task whose model writes an answer token by token.

    A subclass makes the `preprocessor`, whose `sources` tokenizes texts, and says how
    the decoder begins. It has a `tokenizer`, a `strategy` and a `max_length`.

    Args:
        model: A model of `kerasbert.models` with a decoder.
    """

    answer_name = "text"  # what the answer is called
    goes_on_from_nothing = False  # whether an empty text has an answer
    seed = 0  # of a `Sampling` in an export; None: another one in every request

    @abc.abstractmethod
    def begin(self, model: Any, token_ids: Any, mask: Any, longest: int) -> Any:
        """Begins the answers of a batch, in the graph.

        Args:
            model: The model, or a copy.
            token_ids: Those of the texts, int32 `[B, S]`.
            mask: Their padding mask, int32 `[B, S]`.
            longest: The longest answer, in tokens.

        Returns:
            A `kerasbert.models.decoder.Continuation`; the tokens that count for the
            repetition penalty, `[B, P]`; and their mask, or None.
        """

    @property
    def longest_answer(self) -> int:
        """The longest answer, in tokens."""
        return self.max_length

    @property
    def vocab_size(self) -> int:
        """Number of tokens that the decoder may give."""
        return self.model.config.vocab_size

    def texts_of(self, inputs: Any) -> list[str]:
        """Returns the texts that are tokenized for inputs."""
        return list_of_texts(inputs)

    # Training.

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
            label_smoothing: Which part of each target is spread over all tokens. The
                loss of `evaluate` has it, too; a task that is not compiled, as after
                loading, is evaluated without it.
            **options: As there.
        """
        loss = {"logits": token_loss(label_smoothing)} if loss is None else loss
        super().compile(optimizer, loss, metrics, **options)

    def losses(self) -> dict[str, Any]:
        return {"loss": {"logits": token_loss(0.0)}, "metrics": None}

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
            min_length: Minimum number of tokens of an answer, within the bound that a
                model with an encoder takes from its source.
            repetition_penalty: As in `kerasbert.decoding.Limits`.
            seed: Of a `Sampling`.

        Returns:
            A dictionary a text: its answer, under the name of the task's output, its
            `score`, the mean log probability of its tokens, its `length` in tokens, and
            whether it `is_complete` or was cut at the longest. With several results
            also `results`, a list of all of them.
        """
        if strategy is not None and not isinstance(strategy, STRATEGIES):
            raise TypeError(
                "Expected a kerasbert.decoding.BeamSearch, Greedy or Sampling as the "
                f"strategy, got {quoted(strategy)}."
            )
        if type(seed) is not int or not -(2**31) <= seed < 2**31:
            raise ValueError(
                f"Expected a seed that is an integer of 32 bits, got {quoted(seed)}."
            )
        inputs = self.texts_of(inputs)
        limits = self.limits(min_length, repetition_penalty)
        decode = self._decoder(strategy or self.strategy, limits)
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
            found = [x.numpy() for x in decode(source, seed)]
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

    def limits(self, min_length=0, repetition_penalty=1.0):
        """Returns the `kerasbert.decoding.Limits` of answers."""
        if min_length > self.longest_answer:
            raise ValueError(
                f"Expected min_length of at most {self.longest_answer}, the longest "
                f"answer, got {min_length}."
            )
        return Limits(
            self.preprocessor.end_token_id,
            self.tokenizer.pad_token_id,
            min_length,
            repetition_penalty,
        )

    def _decoder(self, strategy, limits):
        """Returns a graph function from rows of tokens and a seed to answers."""
        key = (strategy, limits)
        if key not in self._decoders:
            rows = tf.RaggedTensorSpec([None, None], tf.int32, 1)
            seed = tf.TensorSpec([], tf.int32)

            @tf.function(input_signature=[rows, seed], autograph=False)
            def decode(rows, seed):
                return self.decode(self.model, rows, strategy, limits, seed)

            self._decoders[key] = decode
        return self._decoders[key]

    @functools.cached_property
    def _decoders(self):
        return {}

    def decode(self, model, rows, strategy, limits, seed=0, longest=None):
        """Decodes in the graph.

        Args:
            model: The `Seq2SeqTransformer`, or a copy.
            rows: Token ids of the sources, ragged int32 `[B, (S)]`.
            strategy: How to search.
            limits: The `Limits`.
            seed: Of a `Sampling`, an int32; None: another one each time.
            longest: The longest answer; None: the task's.

        Returns:
            Texts, string `[B, R]`; lengths, int32 `[B, R]`; scores, float32 `[B, R]`;
            whether they are complete, bool `[B, R]`.
        """
        mask = mask_of(rows)  # [B, S]
        token_ids = rows.to_tensor(self.tokenizer.pad_token_id, shape=tf.shape(mask))
        longest = longest or self.longest_answer
        begun, prompt, prompt_mask = self.begin(model, token_ids, mask, longest)
        rows_and_length = [tf.shape(token_ids)[0], begun.length]
        uniforms = uniforms_for(strategy, rows_and_length, seed)
        seen = limits.seen_in(prompt, prompt_mask, self.vocab_size)
        found = strategy(begun, limits, seen, uniforms)
        texts = self.preprocessor.texts_of(found.token_ids, found.lengths)
        if not self.goes_on_from_nothing:  # of nothing there is nothing to say
            special = self.tokenizer.num_special_tokens()
            empty = (rows.row_lengths() <= special)[:, tf.newaxis]  # [B, 1]
            texts = tf.where(empty, "", texts)
            lengths = tf.where(empty, 0, found.lengths)
            found = found._replace(lengths=lengths, has_ended=found.has_ended | empty)
        return texts, found.lengths, found.scores, found.has_ended

    def stream(
        self,
        text: Any,
        strategy: Any = None,
        repetition_penalty: float = 1.0,
        seed: int | None = None,
    ) -> Iterator[str]:
        """Yields an answer piece by piece, as it is written.

        Args:
            text: One input, as in `predict`.
            strategy: A `Greedy` or `Sampling`; None: that of the task, or `Greedy()`
                where it is a beam search.
            repetition_penalty: As in `predict`.
            seed: Of a `Sampling`; None: another one each time.

        Yields:
            Strings, which joined are the answer.
        """
        strategy = strategy or self.strategy
        if isinstance(strategy, BeamSearch):
            strategy = Greedy()
        limits = self.limits(0, repetition_penalty)
        [row] = self.preprocessor.sources(self.texts_of([text]))
        token_ids = tf.constant([row], tf.int32)
        mask = tf.ones_like(token_ids)
        begun, prompt, _ = self.begin(self.model, token_ids, mask, self.longest_answer)
        seen = limits.seen_in(prompt, None, self.vocab_size)
        uniforms = uniforms_for(strategy, [1, int(begun.length)], seed)
        tokens, text, written = [], "", 0
        for [token] in stream(begun, strategy, limits, seen, uniforms):
            if token == limits.end_token_id:
                break
            tokens.append(int(token))
            text = self._text_of(tokens)
            settled = len(text.rstrip(UNSETTLED))
            if settled > written:
                yield text[written:settled]
                written = settled
        if len(text) > written:
            yield text[written:]

    def _text_of(self, tokens):
        """Returns the text of a list of tokens."""
        table = tf.constant([tokens], tf.int32)
        [text] = self.preprocessor.texts_of(table, [len(tokens)]).numpy()
        return text.decode("utf-8", "replace")

    # Files and exports.

    def write(self, folder: Any) -> None:
        self.model.write(folder)
        write_tokenizer(self.tokenizer.config, folder, "huggingface")

    def serving_functions(
        self, precision: str, max_length: int | None = None, calibration: Any = None
    ) -> Any:
        model, weights = frozen_model(self.model, precision, calibration)
        max_length = max_length or self.max_length
        preprocessor = self.preprocessor.with_length(max_length)
        longest = min(self.longest_answer, max_length)

        def serve(text):
            rows = preprocessor(text).token_ids
            how = self.strategy, self.limits(), self.seed, longest
            with weights():
                texts, lengths, scores, ended = self.decode(model, rows, *how)
            return {
                self.answer_name: texts[:, 0],  # [B]
                "score": scores[:, 0],
                "length": lengths[:, 0],
                "is_complete": ended[:, 0],
            }

        return {"serving_default": text_function(serve, "text")}


def token_loss(label_smoothing):
    """Returns the loss of tokens, without padding."""
    return ClassCrossentropy(label_smoothing, ignore_class=IGNORED)


def strategy_of(num_beams, length_penalty):
    """Returns the search with a number of beams."""
    if type(num_beams) is not int or num_beams < 1:
        raise ValueError(f"Expected num_beams of 1 or more, got {quoted(num_beams)}.")
    return Greedy() if num_beams == 1 else BeamSearch(num_beams, length_penalty)


def uniforms_for(strategy, shape, seed):
    """Draws the random numbers of a search, which only a `Sampling` needs."""
    if not isinstance(strategy, Sampling):
        return None
    if seed is None:
        return tf.random.uniform(shape)
    return tf.random.stateless_uniform(shape, [seed, 0])
