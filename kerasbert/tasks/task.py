"""What the tasks share: a model and its text, trained, tested, saved and exported."""

import abc

from kerasbert.account import quoted
from kerasbert.checkpoints.config_keys import check_vocabulary_size
from kerasbert.inputs import is_dataset, listed, read_examples
from kerasbert.inputs.columns import refuse_other
from kerasbert.processes import Portable, check_process
from kerasbert.tasks.batching import batches_of_tokens
from kerasbert.tasks.encoder_runner import EncoderRunner
from kerasbert.tasks.examples import split_off
from kerasbert.tasks.pretrained_task import warn_of_new_head
from kerasbert.tasks.sample_weights import checked_weights
from kerasbert.tasks.text_rows import list_of_texts
from kerasbert.training.batches import (
    TrainingOrder,
    epochs_dataset,
    evaluation_dataset,
)
from kerasbert.training.devices import device_count
from kerasbert.training.fit import Run, Validation, fit
from kerasbert.training.recipe import Recipe

BATCH_TOKENS = 4096


class Task(Portable, abc.ABC):
    """Text in, answers out, with a functional `keras.Model` inside.

    A subclass turns examples into `kerasbert.training.Features` and the outputs of the
    model into answers.

    Args:
        model: A model of `kerasbert.models` with a head.
        tokenizer: The `kerasbert.Tokenizer` of its vocabulary.
        max_length: The longest sequence in tokens, special tokens included; by
            default, that of the tokenizer and the model.
    """

    kind = None  # the name of the task in its folder and on the command line
    needs_targets = True  # to be trained and tested
    takes_words = False  # as inputs, besides texts
    takes_groups = False  # of texts that belong together, which need no targets

    def __init__(self, model, tokenizer, max_length=None):
        positions = model.config.max_position_embeddings
        check_limits(model.config, tokenizer, max_length)
        self.model = model
        self.tokenizer = tokenizer
        self.max_length = max_length or min(
            positions, tokenizer.max_length or positions
        )
        self._compile_arguments = None
        self._run = EncoderRunner(model, model.outputs_of)

    # What a subclass says.

    @abc.abstractmethod
    def features(self, inputs, targets=None, sample_weight=None):
        """The `kerasbert.training.Features` of examples.

        Args:
            inputs: The inputs of the examples, as `predict` takes them.
            targets: What should come out, as `fit` takes it; None: nobody knows.
            sample_weight: How much each example counts, `[n]`; None: all alike.
        """

    @abc.abstractmethod
    def predict(self, inputs):
        """One answer an input."""

    @abc.abstractmethod
    def losses(self):
        """The arguments `loss`, `loss_weights` and `metrics` of `compile`."""

    def answer_metrics(self, inputs, targets):
        """Metrics of whole answers, which no metric of Keras computes from logits.

        Args:
            inputs: As in `evaluate`.
            targets: As there.
        """
        return {}

    def options(self):
        """What its folder says of a task besides the model and the vocabulary."""
        return {"max_length": self.max_length}

    # What all can do.

    def examples(self, inputs, targets=None, sample_weight=None):
        """Examples as lists, checked to be such.

        Args:
            inputs: As in `fit`.
            targets: As there.
            sample_weight: As there.

        Returns:
            Inputs, a list; targets, a list or None; weights, float32 `[n]` or None.

        Raises:
            TypeError: If something is no list or column; the message says what to
                give.
            ValueError: If there are no targets where the task needs them.
        """
        if is_dataset(inputs):
            if targets is not None or sample_weight is not None:
                raise TypeError(
                    "Expected targets and weights in the tf.data.Dataset, as (inputs, "
                    "targets, weights), got some beside it."
                )
            inputs, targets, sample_weight = read_examples(
                inputs, self.takes_words, self.takes_groups
            )
        inputs = list_of_texts(inputs, self.takes_words)
        if targets is not None:
            targets = listed(targets, "targets")
        elif self.needs_targets:
            raise ValueError(
                f"Expected targets, what should come out of each of {len(inputs)} "
                "inputs, got none. Give fit(inputs, targets), or a tf.data.Dataset of "
                "(inputs, targets)."
            )
        return inputs, targets, checked_weights(sample_weight, len(inputs))

    @property
    def encoder(self):
        """The `BertEncoder` or `AlbertEncoder` in the model."""
        return self.model.encoder

    def dataset(self, inputs, targets, batch_size=32, shuffle=True, seed=0):
        """A `tf.data.Dataset` for `model.fit` and `model.evaluate`.

        Batches hold examples of like length; every iteration is an epoch in another
        order.

        Args:
            inputs: The inputs of the examples, as `predict` takes them.
            targets: What should come out of each.
            batch_size: Examples of a batch.
            shuffle: False: all examples in a fixed order.
            seed: Gives the order.
        """
        features = self.features(*self.examples(inputs, targets))
        if not shuffle:
            return evaluation_dataset(features, batch_size)
        return epochs_dataset(TrainingOrder(features, batch_size, seed))

    def compile(self, optimizer=None, loss=None, metrics=None, **options):
        """Says how the model is trained.

        Args:
            optimizer: A `kerasbert.training.Recipe`, which becomes an AdamW with
                warm-up and decay when the number of steps is known; or a Keras
                optimizer. By default `Recipe()`.
            loss: As in `keras.Model.compile`; by default that of the task.
            metrics: As there. They see what the model gives, which is logits, and the
                targets as numbers that it learns.
            **options: Others of `keras.Model.compile`, such as `jit_compile`.
        """
        arguments = self.losses()
        if loss is not None:
            arguments |= {"loss": loss, "loss_weights": None}
        if metrics is not None:
            arguments["metrics"] = metrics
        arguments["optimizer"] = Recipe() if optimizer is None else optimizer
        self._compile_arguments = {**arguments, **options}
        if not isinstance(arguments["optimizer"], Recipe):
            self.model.compile(**self._compile_arguments)

    def fit(
        self,
        inputs,
        targets=None,
        validation_data=None,
        sample_weight=None,
        validation_split=0.0,
        checkpoints=None,
        **options,
    ):
        """Trains the model.

        Args:
            inputs: The inputs of the examples, as `predict` takes them; or a finite
                `tf.data.Dataset` of `(inputs, targets)`, batched or not, maybe with
                weights, which is read into memory once.
            targets: What should come out of each.
            validation_data: Inputs and targets to test on after every epoch, and how
                much each of these counts, if they do not count alike; or such a
                dataset.
            sample_weight: How much each example counts, `[n]`.
            validation_split: Instead of `validation_data`, which part of the examples,
                from 0 to 1, to test on and not to train on: the last ones, as in
                `keras.Model.fit`.
            checkpoints: A folder, in which the state is saved after every epoch and
                from which a run goes on that was ended; or a
                `kerasbert.training.fit.Run`, which also keeps the best epoch.
            **options: `epochs` (3), `batch_size` (32), `seed` (0), `callbacks`, and
                others of `keras.Model.fit`, such as `verbose`.

        Returns:
            A `keras.callbacks.History`.

        Raises:
            ValueError: If an example is none of this task; the message says which.
        """
        check_process()
        if self._compile_arguments is None:
            self.compile()
        inputs, targets, weights = self.examples(inputs, targets, sample_weight)
        if validation_split:
            if validation_data is not None:
                raise ValueError("Expected validation_data or validation_split.")
            (inputs, targets, weights), validation_data = split_off(
                validation_split, inputs, targets, weights
            )
        validation = None
        if validation_data is not None:
            tested, known, counts = self._validation(validation_data)
            validation = Validation(
                self.features(tested, known, counts),
                lambda: self.answer_metrics(tested, known),
                lambda: self.answer_metrics(*_first(tested, known)),
            )
        run = checkpoints if isinstance(checkpoints, Run) else Run(checkpoints)
        features = self.features(inputs, targets, weights)
        return fit(
            *(self.model, features, self._compile_arguments, validation),
            run=run,
            about=self._about(),
            **options,
        )

    def evaluate(self, inputs, targets=None, batch_size=32, sample_weight=None):
        """Loss and metrics on examples whose answers are known.

        Args:
            inputs: The inputs of the examples, or a `tf.data.Dataset`, as in `fit`.
            targets: What should come out of each.
            batch_size: Examples of a batch.
            sample_weight: How much each example counts in the loss, `[n]`.

        Returns:
            A dictionary of numbers.

        Raises:
            ValueError: If there are no examples, or one is none of this task.
        """
        inputs, targets, weights = self.examples(inputs, targets, sample_weight)
        if not inputs:
            raise ValueError("Expected examples to test on, got none.")
        dataset = evaluation_dataset(
            self.features(inputs, targets, weights),
            batch_size,
            device_count(self.model),
        )
        if not self.model.compiled:
            arguments = self._compile_arguments or self.losses()
            self.model.compile(**{**arguments, "optimizer": "sgd"})
        found = self.model.evaluate(dataset, return_dict=True, verbose=0)
        return {**found, **self.answer_metrics(inputs, targets)}

    def save(self, folder, overwrite=False):
        """Writes one folder: configuration, weights, vocabulary, and what the task is.

        `kerasbert.load` reads it; so does transformers, the model and the vocabulary.

        Args:
            folder: The folder to make.
            overwrite: Whether a folder that exists is replaced.

        Raises:
            FileExistsError: If the folder exists and `overwrite` is not given.
        """
        from kerasbert.tasks.task_files import write_task

        write_task(self, folder, overwrite)

    def export(self, folder, precision="float32", **options):
        """Writes a SavedModel that takes raw text, for TF Serving and others.

        Args:
            folder: The folder of the model; the next version folder in it is made.
            precision: `"float32"`, `"bfloat16"` or `"int8"`.
            **options: Those of `kerasbert.export.export_task`.

        Returns:
            The version folder, a `pathlib.Path`.
        """
        from kerasbert.export import export_task

        warn_of_new_head(self.model, "The SavedModel")
        return export_task(self, folder, precision, **options)

    # For subclasses.

    def _about(self):
        """What a run of this task is, besides its examples and its model."""
        labels = getattr(self, "labels", None)
        return {"task": self.kind, "labels": labels, **self.options()}

    def _validation(self, data):
        """The examples of `validation_data`."""
        if is_dataset(data):
            return self.examples(data)
        if not isinstance(data, tuple | list) or not 1 <= len(data) <= 3:
            refuse_other(data, "validation data")
            raise TypeError(
                "Expected validation_data=(inputs, targets), maybe with weights, or a "
                f"tf.data.Dataset, got {quoted(data, 80)}."
            )
        examples = self.examples(*data)
        if not examples[0]:
            raise ValueError("Expected examples in validation_data, got none.")
        return examples

    def outputs(self, features):
        """The model's outputs for features, without work on padding.

        Args:
            features: `kerasbert.training.Features`.

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


def _first(inputs, targets, count=64):
    return inputs[:count], None if targets is None else targets[:count]


def check_one_segment(tokenizer):
    """Refuses a template that gives a single text another segment than 0.

    Args:
        tokenizer: The tokenizer of a task whose rows have no segments of their own.

    Raises:
        ValueError: If it does.
    """
    segments = {segment for _, segment in tokenizer.template.single}
    if segments != {0}:
        raise ValueError(
            "Expected segment 0 for all tokens of a single text, got "
            f"{sorted(segments)} in the template of the tokenizer. Set type_id to 0 in "
            "the post_processor of tokenizer.json if the model was trained so."
        )


def check_limits(config, tokenizer, max_length):
    """Refuses a length or a vocabulary that a model has no weights for.

    Args:
        config: The model's configuration.
        tokenizer: The tokenizer.
        max_length: The longest sequence in tokens, or None.

    Raises:
        ValueError: If the model has fewer positions, or fewer tokens.
    """
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
