"""What the tasks share: a model and its text, trained, tested, saved and exported."""

import abc

from kerasbert.checkpoints.config_keys import check_vocabulary_size
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
        features = self.features(inputs, targets)
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
        targets,
        validation_data=None,
        sample_weight=None,
        validation_split=0.0,
        checkpoints=None,
        **options,
    ):
        """Trains the model.

        Args:
            inputs: The inputs of the examples, as `predict` takes them.
            targets: What should come out of each.
            validation_data: Inputs and targets to test on after every epoch, and how
                much each of these counts, if they do not count alike.
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
        inputs = list_of_texts(inputs)
        weights = checked_weights(sample_weight, len(inputs))
        if validation_split:
            if validation_data is not None:
                raise ValueError("Expected validation_data or validation_split.")
            (inputs, targets, weights), validation_data = split_off(
                validation_split, inputs, targets, weights
            )
        validation = None
        if validation_data is not None:
            tested, known, counts = (*validation_data, None, None)[:3]
            tested = list_of_texts(tested)
            validation = Validation(
                self.features(tested, known, checked_weights(counts, len(tested))),
                lambda: self.answer_metrics(tested, known),
            )
        run = checkpoints if isinstance(checkpoints, Run) else Run(checkpoints)
        return fit(
            self.model,
            self.features(inputs, targets, weights),
            self._compile_arguments,
            validation,
            run=run,
            **options,
        )

    def evaluate(self, inputs, targets, batch_size=32):
        """Loss and metrics on examples whose answers are known.

        Args:
            inputs: The inputs of the examples.
            targets: What should come out of each.
            batch_size: Examples of a batch.

        Returns:
            A dictionary of numbers.
        """
        dataset = evaluation_dataset(
            self.features(inputs, targets), batch_size, device_count(self.model)
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
    if max_length is not None and not 3 <= max_length <= positions:
        raise ValueError(
            f"Expected max_length from 3 to {positions} (the model's positions), "
            f"got {max_length}."
        )
    check_vocabulary_size(tokenizer.vocabulary_size, config)
