"""The base class of all tasks: training, evaluation, saving and export."""

import abc
import contextlib
import os
from collections.abc import Iterable
from typing import Any

from kerasbert.checkpoints.packed_writing import pack_folder
from kerasbert.files import new_folder, write_json
from kerasbert.inputs import is_dataset, listed, read_examples
from kerasbert.processes import Portable, check_process
from kerasbert.tasks.example_files import open_texts
from kerasbert.tasks.examples import list_of_texts, split_off, validation_examples
from kerasbert.tasks.pretrained_task import TASK_FILE, warn_of_new_head
from kerasbert.tasks.sample_weights import checked_weights
from kerasbert.training.batches import (
    TrainingOrder,
    epochs_dataset,
    evaluation_dataset,
)
from kerasbert.training.evaluation import evaluate
from kerasbert.training.fit import Run, Validation, fit
from kerasbert.training.recipe import Recipe, recipe_of


class Task(Portable, abc.ABC):
    """A model with preprocessing, training, evaluation and export.

    A subclass turns examples into `kerasbert.training.EncodedExamples` and the outputs
    of the model into answers. `EncoderTask` does more of it for models with an encoder.

    Args:
        model: A `keras.Model`.
    """

    kind = None  # the name of the task in its folder and on the command line
    needs_targets = True  # to be trained and tested
    takes_text = True  # as inputs; else files, as a `MediaTask`
    takes_words = False  # as inputs, besides texts
    run_settings = {}  # of `kerasbert finetune`, where they are not the usual ones
    takes_groups = False  # of texts that belong together, which need no targets

    def __init__(self, model: Any):
        self.model = model
        self._compile_arguments = None

    # What a subclass says.

    @abc.abstractmethod
    def features(
        self, inputs: Any, targets: Any = None, sample_weight: Any = None
    ) -> Any:
        """Tokenizes examples to `kerasbert.training.EncodedExamples`.

        Args:
            inputs: The inputs of the examples, as `predict` takes them.
            targets: What should come out, as `fit` takes it; None: nobody knows.
            sample_weight: How much each example counts, `[n]`; None: all alike.
        """

    @abc.abstractmethod
    def predict(self, inputs: Any) -> Any:
        """Returns one answer per input."""

    @abc.abstractmethod
    def losses(self) -> dict[str, Any]:
        """Returns arguments of `keras.Model.compile`: `loss`, `metrics` and others."""

    @abc.abstractmethod
    def write(self, folder: str | os.PathLike) -> None:
        """Writes everything but `options()` to a new folder."""

    @abc.abstractmethod
    def serving_functions(
        self, precision: str, max_length: int | None = None, calibration: Any = None
    ) -> Any:
        """Returns the graph functions of an export, by signature name.

        Args:
            precision: A name of `kerasbert.inference.serving_graph.PRECISIONS`.
            max_length: The longest sequence in tokens; None: the task's.
            calibration: Texts for `"int8"`; None: those of kerasbert.

        Returns:
            From names to `tf.function`s with an `input_signature`, whose inputs and
            outputs have the batch as their first axis; `serving_default` is one.
        """

    def answer_metrics(self, inputs: Any, targets: Any) -> dict[str, float]:
        """Computes metrics of whole answers; inputs and targets as in `evaluate`."""
        return {}

    def adapt(self, inputs: Any, targets: Any, learns: bool) -> None:
        """Sets what the examples determine, such as whether exports take pairs.

        Args:
            inputs: As in `fit`, a list.
            targets: As in `fit`, a list or None.
            learns: Whether the task is trained on them; else it is tested.
        """

    def options(self) -> dict[str, Any]:
        """Returns the arguments of `from_pretrained` to save."""
        return {}

    @property
    def input_names(self) -> Any:
        """Returns the input names of `serving_default`."""
        return ("text",)

    def example_text(self, words: int = 2) -> str:
        """Returns a text with a number of words, for an input of an export."""
        return "hello world" if words == 2 else " ".join(["word"] * words)

    def facts(self) -> dict[str, Any]:
        """Returns rows about the task for the model card."""
        return {"task": f"`{self.kind}`"}

    # Files, for the command.

    @classmethod
    def read(
        cls,
        file: str | os.PathLike,
        options: Any,
        pairs: bool | None = None,
        learns: bool = False,
    ) -> Any:
        """Reads a file of labeled examples.

        Args:
            file: The file.
            options: How it is read, a `kerasbert.cli.reading.ReaderOptions`.
            pairs: Whether texts are pairs; None: as the file says.
            learns: Whether the task learns from it.

        Returns:
            `kerasbert.data.Examples`.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it does not hold such examples, or they are implausible.
        """
        raise NotImplementedError(f"{cls.__name__} does not read files of examples.")

    @classmethod
    def for_run(cls, model: str, examples: Any, **options: Any) -> Any:
        """Makes the task that `kerasbert finetune` trains, of a source and examples."""
        return cls.from_pretrained(model, **options)

    @classmethod
    def labels_in(cls, examples: Any) -> list[str] | None:
        """Returns the sorted labels in `Examples`; None if the task has none."""

    @classmethod
    def check_labels(cls, examples: Any, labels: Any) -> None:
        """Raises a `ValueError` for labels that are not in `labels`."""

    def reading(self) -> dict[str, Any]:
        """Returns the default reader options of the task."""
        return {}

    @contextlib.contextmanager
    def open_inputs(self, file: str | os.PathLike, options: Any) -> Any:
        """Opens a file of unlabeled inputs.

        Args:
            file: The file; `"-"`: standard input.
            options: As in `read`.

        Yields:
            An iterator of the inputs, as `predict` takes them, each after a dictionary
            that shows it; and the `DataAccount` of what is read.
        """
        names = self.input_names
        with open_texts(file, options, pairs=len(names) > 1) as rows:
            yield ((_shown(row.input, names), row.input) for row in rows), rows.account

    def answer_rows(self, inputs: Any, options: Any) -> Iterable[dict]:
        """Converts answers to JSON-serializable dictionaries, one per input.

        Args:
            inputs: A list of inputs.
            options: As in `read`.
        """
        return self.predict(inputs)

    # What all can do.

    def examples(
        self, inputs: Any, targets: Any = None, sample_weight: Any = None
    ) -> Any:
        """Validates examples and converts them to lists.

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

    def dataset(
        self,
        inputs: Any,
        targets: Any = None,
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int = 0,
        sample_weight: Any = None,
    ) -> Any:
        """Creates a `tf.data.Dataset` for `model.fit` and `model.evaluate`.

        Batches hold examples of like length, in another order in each iteration.

        Args:
            inputs: The inputs of the examples, or a `tf.data.Dataset`, as in `fit`.
            targets: As there.
            batch_size: Examples of a batch.
            shuffle: False: all examples in a fixed order.
            seed: Gives the order.
            sample_weight: As in `fit`.
        """
        inputs, targets, weights = self.examples(inputs, targets, sample_weight)
        if not inputs:
            raise ValueError("Expected training examples, got none.")
        self.adapt(inputs, targets, learns=True)
        features = self.features(inputs, targets, weights)
        if not shuffle:
            return evaluation_dataset(features, batch_size)
        return epochs_dataset(TrainingOrder(features, batch_size, seed))

    def compile(
        self,
        optimizer: Any = None,
        loss: Any = None,
        metrics: Any = None,
        **options: Any,
    ) -> None:
        """Configures the training.

        Args:
            optimizer: A `kerasbert.training.Recipe`, which becomes an AdamW with
                warm-up and decay when the number of steps is known; or a Keras
                optimizer. By default that of `run_settings`, or `Recipe()`.
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
        usual = recipe_of(self.run_settings)
        arguments["optimizer"] = usual if optimizer is None else optimizer
        self._compile_arguments = {**arguments, **options}
        if not isinstance(arguments["optimizer"], Recipe):
            self.model.compile(**self._compile_arguments)

    def fit(
        self,
        inputs: Any,
        targets: Any = None,
        validation_data: Any = None,
        sample_weight: Any = None,
        validation_split: float = 0.0,
        checkpoints: Any = None,
        **options: Any,
    ) -> Any:
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
        inputs, targets, weights = self.examples(inputs, targets, sample_weight)
        self.adapt(inputs, targets, learns=True)
        if self._compile_arguments is None:
            self.compile()
        if validation_split:
            if validation_data is not None:
                raise ValueError("Expected validation_data or validation_split.")
            (inputs, targets, weights), validation_data = split_off(
                validation_split, inputs, targets, weights
            )
        validation = None
        if validation_data is not None:
            tested, known, counts = validation_examples(self, validation_data)
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

    def evaluate(
        self,
        inputs: Any,
        targets: Any = None,
        batch_size: int = 32,
        sample_weight: Any = None,
    ) -> dict[str, float]:
        """Computes loss and metrics on labeled examples.

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
        self.adapt(inputs, targets, learns=False)
        features = self.features(inputs, targets, weights)
        if not self.model.compiled:
            arguments = self._compile_arguments or self.losses()
            self.model.compile(**{**arguments, "optimizer": "sgd"})
        found = evaluate(self.model, features, batch_size)
        return {**found, **self.answer_metrics(inputs, targets)}

    def save(
        self,
        folder: str | os.PathLike,
        overwrite: bool = False,
        bits: int | dict | None = None,
    ) -> None:
        """Saves config, weights, vocabulary and options to one folder.

        `kerasbert.load` reads it; so does transformers, the model and the vocabulary.

        Args:
            folder: The folder to make.
            overwrite: Whether a folder that exists is replaced.
            bits: Bits of packed weights, as in `BertEncoder.save_pretrained`; kerasbert
                alone reads them.

        Raises:
            FileExistsError: If the folder exists and `overwrite` is not given.
            ValueError: If there is no such number of bits.
        """
        warn_of_new_head(self.model, "The folder that is saved")
        with new_folder(folder, overwrite=overwrite) as partial:
            self.write(partial)
            if bits is not None:
                pack_folder(partial, bits)
            description = {"task": self.kind, "options": self.options()}
            write_json(partial / TASK_FILE, description)

    def export(
        self, folder: str | os.PathLike, precision: str = "float32", **options: Any
    ) -> Any:
        """Exports a SavedModel that takes raw text.

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
        """Returns the settings that identify a training of this task."""
        labels = getattr(self, "labels", None)
        return {"task": self.kind, "labels": labels, **self.options()}


def _shown(one, names):
    return {"text": one} if isinstance(one, str) else dict(zip(names, one, strict=True))


def _first(inputs, targets, count=64):
    return inputs[:count], None if targets is None else targets[:count]
