"""Pretraining of encoders with masked tokens and pairs of segments."""

import os
from typing import Any

import keras
import numpy as np

from kerasbert.config import AlbertConfig, check_initialization
from kerasbert.models import (
    AlbertEncoder,
    BertEncoder,
    MaskedLMModel,
    PretrainingModel,
)
from kerasbert.models.encoder import Encoder
from kerasbert.models.initialization import initialize_local
from kerasbert.models.loading import assign_weights
from kerasbert.tasks.masked_language_model.masked_lm import MaskedLM
from kerasbert.tasks.masked_language_model.masking import MaskedExamples, Masking
from kerasbert.tasks.pretrained_task import load_parts
from kerasbert.tasks.pretraining.corpus import Corpus, TokenizedDocuments
from kerasbert.tasks.pretraining.metrics import MaskedAccuracy
from kerasbert.tasks.pretraining.packed_model import PackedModel
from kerasbert.tasks.pretraining.rows import check_rows, rows_of
from kerasbert.tasks.pretraining.stream import stream_of
from kerasbert.training.counts import check_count
from kerasbert.training.evaluation import evaluate
from kerasbert.training.fit import Run, Validation, fit


class Pretrainer(MaskedLM):
    """Pretrains BERT and ALBERT on documents, from random weights or published ones.

    Documents are lists of sentences. They are cut into sequences once, by
    `corpus_seed`; tokens are hidden anew in every epoch, by the seed of `fit`. What a
    pretrainer saves is a model for every other task, and it fills masks itself.

    Args:
        model: A `kerasbert.models.PretrainingModel`; without a pair task a
            `kerasbert.models.MaskedLMModel`.
        tokenizer: The `kerasbert.Tokenizer` of its vocabulary.
        max_length: The longest sequence in tokens, special tokens included.
        mask_rate: Which part of the tokens is hidden.
        whole_words: Whether all pieces of a word are hidden together.
        max_ngram: The most words in a row that are hidden together; n words are chosen
            with a probability proportional to 1 / n. ALBERT's is 3; above 1, words are
            whole.
        pair_task: `"next_sentence"` (BERT), `"sentence_order"` (ALBERT) or `"none"`.
        short_probability: Which part of the sequences is cut to a random length.
        corpus_seed: Seed of the sequences, and of the pairs among them.

    Raises:
        ValueError: If an argument is out of range, the model and `pair_task` do not
            fit, or the vocabulary lacks a special token.

    Example:
        >>> pretrainer = kerasbert.Pretrainer.from_pretrained(tiny_bert)
        >>> documents = [["the river", "a good day"], ["a bank", "the film"]]
        >>> pretrainer.compile(kerasbert.Recipe(1e-4))
        >>> history = pretrainer.fit(documents, epochs=1, verbose=0)
        >>> sorted(pretrainer.evaluate(documents))
        ['accuracy', 'loss', 'perplexity']

    Reference:
        [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), section 3.1;
        [Lan et al., 2019](https://arxiv.org/abs/1909.11942), sections 3.1 and 4.1.
    """

    kind = "pretrain"

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        max_length: int | None = None,
        mask_rate: float = 0.15,
        whole_words: bool = False,
        max_ngram: int = 1,
        pair_task: str = "none",
        short_probability: float = 0.1,
        corpus_seed: int = 0,
    ):
        _check_special_tokens(tokenizer)
        check_count("max_ngram", max_ngram)
        check_count("corpus_seed", corpus_seed, 0)
        super().__init__(model, tokenizer, max_length, mask_rate, whole_words)
        self._masking = Masking(tokenizer, mask_rate, whole_words, max_ngram)
        self.max_ngram = max_ngram
        self.pair_task = pair_task
        self.short_probability = short_probability
        self.corpus_seed = corpus_seed
        check_rows(tokenizer, self.max_length, pair_task, short_probability)
        self._packed_model = None
        if self._has_pairs != isinstance(model, PretrainingModel):
            raise ValueError(
                "Expected a PretrainingModel with a pair_task and a MaskedLMModel "
                f"without, got {type(model).__name__} with pair_task={pair_task!r}."
            )

    @property
    def _has_pairs(self):
        return self.pair_task != "none"

    @classmethod
    def from_pretrained(
        cls,
        source: str | os.PathLike,
        dtype: str | None = None,
        pair_task: str = "none",
        **options: Any,
    ) -> "Pretrainer":
        """Loads an encoder, to go on with its pretraining.

        Heads that the source does not have are new.

        Args:
            source: As in `BertEncoder.from_pretrained`.
            dtype: A dtype policy of the encoder, such as `"mixed_bfloat16"`.
            pair_task: As in the constructor.
            **options: Others of the constructor.

        Raises:
            FileNotFoundError: If there is no such source.
            ValueError: If the source is broken, or its head cannot be trained further.
        """
        folder, checkpoint, tokenizer = load_parts(source)
        if "masked_lm_head" in checkpoint.set_aside:
            raise ValueError(
                f"{folder} has a masked language model head that cannot be computed: "
                f"{checkpoint.set_aside['masked_lm_head']}."
            )
        pairs = pair_task != "none"
        arguments = MaskedLMModel.checkpoint_arguments(checkpoint)
        if pairs and arguments:
            raise ValueError(
                f"Expected pair_task none: the head of {folder} has an activation or "
                "epsilon of its own, which a model for pairs does not have."
            )
        encoder = Encoder.from_checkpoint(checkpoint, dtype, add_pooler=pairs)
        model = PretrainingModel(encoder) if pairs else None
        model = model or MaskedLMModel(encoder, **arguments)
        assign_weights(model, checkpoint)
        return cls(model, tokenizer, pair_task=pair_task, **options)

    @classmethod
    def from_config(
        cls,
        config: Any,
        tokenizer: Any,
        dtype: str | None = None,
        pair_task: str = "none",
        seed: int = 0,
        initialization: str = "normal",
        **options: Any,
    ) -> "Pretrainer":
        """Makes an encoder with random weights, to pretrain it from scratch.

        Args:
            config: A `kerasbert.BertConfig` or `kerasbert.AlbertConfig`, whose
                `vocab_size` is at least that of the tokenizer.
            tokenizer: A `kerasbert.Tokenizer`.
            dtype: A dtype policy of the encoder, such as `"mixed_bfloat16"`.
            pair_task: As in the constructor.
            seed: Seed of the weights. It also sets the global seed of Keras.
            initialization: What the weights are at first: `"normal"` as published; or
                `"local"`, with which heads attend to the tokens around, for little
                text, see `kerasbert.models.initialization.initialize_local`.
            **options: Others of the constructor.

        Raises:
            ValueError: If the config and the vocabulary do not fit, or there is no such
                initialization.
        """
        check_initialization(initialization)
        keras.utils.set_random_seed(seed)
        pairs = pair_task != "none"
        kind = AlbertEncoder if isinstance(config, AlbertConfig) else BertEncoder
        encoder = kind(config, dtype=dtype, add_pooler=True)
        if initialization == "local":
            initialize_local(encoder, seed)
        model = (PretrainingModel if pairs else MaskedLMModel)(encoder)
        return cls(model, tokenizer, pair_task=pair_task, **options)

    # Training.

    def examples(
        self, inputs: Any, targets: Any = None, sample_weight: Any = None
    ) -> Any:
        """Validates documents.

        Args:
            inputs: A list of documents, each a list of strings.
            targets: None: the documents are their own.
            sample_weight: None: all documents count alike.

        Returns:
            The documents, None and None.

        Raises:
            TypeError: If an input is no list of strings.
            ValueError: If there are targets or weights.
        """
        if targets is not None or sample_weight is not None:
            raise ValueError(
                "Expected documents alone, got targets or weights. Call "
                "fit(documents), with a list of sentences for each document."
            )
        documents = list(inputs)
        for position, document in enumerate(documents):
            if not isinstance(document, list | tuple) or not all(
                isinstance(sentence, str) for sentence in document
            ):
                raise TypeError(
                    "Expected documents, each a list of sentences, got "
                    f"{str(document)[:60]!r} at position {position}."
                )
        return documents, None, None

    def features(
        self, inputs: Any, targets: Any = None, sample_weight: Any = None
    ) -> Any:
        documents, _, _ = self.examples(inputs, targets, sample_weight)
        found = TokenizedDocuments.of(documents, self.tokenizer)
        rows = rows_of(self, found, self.max_length)
        random = np.random.default_rng(self.corpus_seed)
        drawn = (rows.row(number, random) for number in range(len(rows)))
        token_ids, segment_ids, _, pairs = map(list, zip(*drawn, strict=True))
        targets = {"mlm_logits": token_ids}
        if self._has_pairs:
            targets["pair_logits"] = np.array(pairs, "int32")
        return MaskedExamples(
            {"token_ids": token_ids, "segment_ids": segment_ids},
            targets,
            pad_token_id=self.tokenizer.pad_token_id,
            masking=self._masking,
        )

    def fit(
        self,
        inputs: Any,
        targets: Any = None,
        validation_data: Any = None,
        **options: Any,
    ) -> Any:
        """Trains the model on documents.

        Args:
            inputs: A list of documents, each a list of strings; or a `Corpus`, which
                need not fit into memory, as in `fit_corpus`.
            targets: None: the documents are their own.
            validation_data: Documents to test on after every epoch.
            **options: As in `Task.fit`; of a corpus as in `fit_corpus`.

        Returns:
            A `keras.callbacks.History`.

        Raises:
            ValueError: If there are no documents, or one alone for next-sentence pairs.
        """
        if isinstance(inputs, Corpus):
            return self.fit_corpus(inputs, validation_data, **options)
        if validation_data is not None:
            validation_data = (list(validation_data), None)
        return super().fit(inputs, targets, validation_data, **options)

    def fit_corpus(
        self,
        corpus: Corpus,
        validation_data: Corpus | None = None,
        checkpoints: Any = None,
        steps: int = 1000,
        validate_every: int | None = None,
        batch_size: int = 32,
        batch_ramp: int = 0,
        first_mask_rate: float | None = None,
        first_max_length: int | None = None,
        first_fraction: float = 0.9,
        seed: int = 0,
        **options: Any,
    ) -> Any:
        """Trains the model on a corpus for a number of steps.

        Tokens of a batch follow each other without padding, attention stays inside
        each sequence, and pairs are drawn anew in every pass; on JAX rows are padded. A
        step depends on the seed and its number alone, so that memory is that of a
        batch.

        Args:
            corpus: The `Corpus`, of which as many passes are made as the steps take.
            validation_data: Another, held out.
            checkpoints: A folder in which the state is saved and from which a run goes
                on that was ended; or a `kerasbert.training.fit.Run`.
            steps: Number of batches, rounded up to a multiple of `validate_every`.
            validate_every: Number of steps between two validations, which the history
                calls an epoch; None: all steps.
            batch_size: Number of sequences of a batch.
            batch_ramp: Number of first steps in which the batch grows from an eighth.
            first_mask_rate: The masking rate of the first step, from which it changes
                evenly to `mask_rate` at the last; None: it does not change.
            first_max_length: The longest sequence of the first steps, of whose batches
                each has as many more sequences as they are shorter; None: it does not
                change.
            first_fraction: Which part of all steps these are; 0.9 as in BERT.
            seed: Gives order, pairs, masking and dropout.
            **options: `callbacks` and others of `keras.Model.fit`, such as `verbose`.

        Returns:
            A `keras.callbacks.History`.

        Raises:
            ValueError: If the corpus is too small for a batch, or has no pairs.
        """
        check_count("steps", steps)
        check_count("batch_ramp", batch_ramp, 0)
        every = min(validate_every or steps, steps)
        check_count("validate_every", every)
        epochs = -(-steps // every)
        stream = stream_of(
            *(self, corpus, every, epochs * every, batch_ramp, first_mask_rate),
            *(first_max_length, first_fraction),
        )
        stream.check(batch_size)
        validation = None
        if validation_data is not None:
            validation = Validation(stream_of(self, validation_data))
        if self._compile_arguments is None:
            self.compile()
        run = checkpoints if isinstance(checkpoints, Run) else Run(checkpoints)
        arguments = {**_without_xla(), **self._compile_arguments}
        return fit(
            *(self._streamed_model, stream, arguments, validation),
            epochs=epochs,
            batch_size=batch_size,
            seed=seed,
            run=run,
            about={**self._about(), "steps": steps},
            **options,
        )

    def evaluate(self, inputs: Any, *args: Any, **options: Any) -> dict[str, float]:
        """Computes loss and metrics on held-out documents, masked always alike.

        Args:
            inputs: Documents as in `fit`, or a `Corpus`.
            *args: As in `Task.evaluate`.
            **options: As there; of a corpus `batch_size`.

        Returns:
            A dictionary of numbers.
        """
        if not isinstance(inputs, Corpus):
            return super().evaluate(inputs, *args, **options)
        model = self._streamed_model
        if not model.compiled:
            model.compile(**self.losses(), **_without_xla(), optimizer="sgd")
        stream = stream_of(self, inputs)
        return evaluate(model, stream, options.get("batch_size", 32))

    @property
    def _streamed_model(self):
        """The model of the batches of a corpus: on JAX they are padded."""
        on_tensorflow = keras.backend.backend() == "tensorflow"
        return self.packed_model if on_tensorflow else self.model

    @property
    def packed_model(self) -> PackedModel:
        """The model on packed tokens, which shares all weights."""
        if self._packed_model is None:
            self._packed_model = PackedModel(self.model)
        return self._packed_model

    def losses(self) -> dict[str, Any]:
        arguments = super().losses()
        arguments["metrics"]["mlm_logits"].append(MaskedAccuracy())
        if self._has_pairs:
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            arguments["loss"]["pair_logits"] = loss
            arguments["metrics"]["pair_logits"] = [
                keras.metrics.SparseCategoricalAccuracy(name="accuracy")
            ]
        return arguments

    # Other uses.

    def masked_lm(self) -> MaskedLM:
        """Returns a `MaskedLM` of the encoder and a copy of the head."""
        if not self._has_pairs:
            model = self.model
        else:
            model = MaskedLMModel(self.encoder)
            model.head.set_weights(self.model.head.get_weights())
        options = (self.max_length, self.mask_rate, self.whole_words)
        return MaskedLM(model, self.tokenizer, *options)

    def serving_functions(
        self,
        precision: str,
        max_length: int | None = None,
        calibration: Any = None,
        **options: Any,
    ) -> Any:
        if self._has_pairs:
            return self.masked_lm().serving_functions(
                precision, max_length, calibration, **options
            )
        return super().serving_functions(precision, max_length, calibration, **options)

    @classmethod
    def read(
        cls,
        file: str | os.PathLike,
        options: Any,
        pairs: bool | None = None,
        learns: bool = False,
    ) -> Any:
        raise ValueError(
            f"Expected another task: {file} would be read as examples, and a "
            "pretrainer learns from documents. Use `kerasbert pretrain --corpus`."
        )

    def options(self) -> dict[str, Any]:
        names = ("max_ngram", "pair_task", "short_probability", "corpus_seed")
        return super().options() | {name: getattr(self, name) for name in names}


def _check_special_tokens(tokenizer):
    """Raises a `ValueError` if the vocabulary lacks a special token."""
    special = tokenizer.special_tokens
    names = (special.cls, special.sep, special.pad, special.mask, special.unk)
    lacking = [name for name in names if name not in tokenizer.vocabulary]
    if lacking:
        raise ValueError(
            f"Expected a vocabulary with {', '.join(lacking)}, which pretraining "
            "needs, got one without."
        )


def _without_xla():
    """Returns arguments of `compile` for packed tokens, whose shapes XLA would fix."""
    return {"jit_compile": False} if keras.backend.backend() == "tensorflow" else {}
