"""`keras.Model.fit` for features: batches of like length, and runs that go on."""

import pathlib

import keras

from kerasbert.training.batches import (
    TrainingOrder,
    evaluation_dataset,
    training_dataset,
)
from kerasbert.training.callbacks import (
    EpochMetrics,
    KeepBest,
    RestoreMetrics,
    SaveState,
    StopOnNaN,
)
from kerasbert.training.counts import check_count
from kerasbert.training.devices import device_count, divided, scope_of
from kerasbert.training.memory import keep_freed_memory
from kerasbert.training.recipe import as_optimizer
from kerasbert.training.state import load_state, reset_seeds, state_file

# What Keras is told here, and what says it instead.
OURS = {
    "initial_epoch": "a run goes on from its checkpoints",
    "steps_per_epoch": "an epoch is all examples; epochs says how many there are",
    "shuffle": "every epoch has an order of its own, which seed gives",
}


def fit(
    model,
    features,
    compile_arguments,
    validation=None,
    epochs=3,
    batch_size=32,
    seed=0,
    callbacks=(),
    run=None,
    **keras_options,
):
    """Trains a model on features.

    The order of the examples and the random numbers of dropout are those of the
    seed. A run that was ended goes on at the step that was saved last, and ends in
    the weights that it would have had, bit for bit on a CPU. The process keeps memory
    that it frees from here on: see `kerasbert.training.memory.keep_freed_memory`.

    A model that was made in the scope of a `tf.distribute.MirroredStrategy` is trained
    on its devices, in the steps that one device would take; `batch_size` counts the
    examples on all of them. What would be other steps is refused, such as clipping by
    an optimizer of Keras. The losses and metrics of training that are reported count
    an example twice where the last batch of an epoch cannot be shared out evenly.
    Adam and AdamW of Keras, not that of a `Recipe`, train tables of embeddings a
    little otherwise there: of a token that a device sees twice they square each
    gradient alone.

    Args:
        model: A model of `kerasbert.models`.
        features: `kerasbert.training.Features`.
        compile_arguments: Those of `keras.Model.compile`; `optimizer` may be a
            `Recipe`.
        validation: A `Validation`, or None.
        epochs: Number of epochs.
        batch_size: Examples of a batch.
        seed: Gives the order, and dropout.
        callbacks: Keras callbacks.
        run: A `Run`: where the state is saved, and which epoch is kept.
        **keras_options: Others of `keras.Model.fit`, such as `verbose`.

    Returns:
        A `keras.callbacks.History`, of all epochs, those before the run was ended
        included.

    Raises:
        ValueError: If there are no examples, an option is none of a run, or several
            devices cannot take the steps of one; the message says why.
        kerasbert.training.callbacks.Diverged: If the loss is not finite.
    """
    if not len(features):
        raise ValueError("Expected examples to train on, got none.")
    check_count("epochs", epochs)
    check_count("batch_size", batch_size)
    for name, reason in OURS.items():
        if name in keras_options:
            raise ValueError(f"Expected no {name}: {reason}.")
    keep_freed_memory()
    run = run or Run()
    steps_per_epoch = -(-len(features) // batch_size)
    with scope_of(model):
        optimizer = as_optimizer(
            compile_arguments["optimizer"], model, epochs * steps_per_epoch
        )
        compile_arguments = {**compile_arguments, "optimizer": optimizer}
        features = divided(features, model, compile_arguments, batch_size)
        model.compile(**compile_arguments)
        optimizer.build(model.trainable_variables)
    reset_seeds(model, seed)

    step, history = run.load(model)
    order = TrainingOrder(features, batch_size, seed, step)
    saving = run.callbacks(steps_per_epoch, step, history)
    if any(isinstance(c, KeepBest) and c.is_over for c in saving):
        epochs = order.epoch  # it had stopped before it was ended
    report = keras.callbacks.History()
    verbose = keras_options.pop("verbose", "auto")
    verbose = 1 if verbose == "auto" else verbose
    whole = WholeTraining(
        order,
        [
            StopOnNaN(run.state_file, step),
            *validation_callbacks(validation),
            *saving,
            *callbacks,
            report,
        ],
        add_progbar=verbose != 0,
        model=model,
        verbose=verbose,
        epochs=epochs,
        steps=steps_per_epoch,
    )
    # Keras takes all epochs to be as long as the first: what is left of one is alone.
    starts = [order.epoch, *([order.epoch + 1] if order.skip else [])]
    validation_data = validation and evaluation_dataset(
        validation.features, batch_size, device_count(model)
    )
    for start, end in zip(starts, [*starts[1:], epochs], strict=True):
        if start >= end:
            break
        order.epoch = start
        model.fit(
            training_dataset(order),
            validation_data=validation_data,
            initial_epoch=start,
            epochs=end,
            shuffle=False,  # the order does
            callbacks=whole,
            verbose=verbose,
            **keras_options,
        )
        if model.stop_training:
            break
    whole.end()
    return _with_epochs_before(report, history)


class WholeTraining(keras.callbacks.CallbackList):
    """Callbacks for which several calls of `keras.Model.fit` are one training.

    Args:
        order: The `TrainingOrder`, which goes with the epochs.
        callbacks: The callbacks.
        **options: Those of `keras.callbacks.CallbackList`.
    """

    has_begun = False

    def __init__(self, order, callbacks, **options):
        super().__init__(callbacks, **options)
        self.order = order

    def on_epoch_begin(self, epoch, logs=None):
        self.order.epoch = epoch
        super().on_epoch_begin(epoch, logs)

    def on_train_begin(self, logs=None):
        if not self.has_begun:
            super().on_train_begin(logs)
        self.has_begun = True

    def on_train_end(self, logs=None):
        pass  # there may be another call

    def end(self):
        """Ends the training, also one of which nothing was left."""
        self.on_train_begin()
        super().on_train_end()


class Validation:
    """What a model is tested on after every epoch.

    Args:
        features: `kerasbert.training.Features`.
        metrics: A function that gives further metrics, a dictionary of numbers.
    """

    def __init__(self, features, metrics=None):
        self.features = features
        self.metrics = metrics


class Run:
    """Where the state of a run is saved, and which of its epochs is kept.

    Args:
        folder: The folder of its files; None: nothing is saved.
        every: Number of steps after which the state is saved, besides every epoch.
        monitor: As in `KeepBest`; None: the last epoch is kept.
        patience: As there.
        begin: Function that is called when a run begins or goes on: all examples and
            settings have been checked, and no file been read or written.
    """

    def __init__(
        self, folder=None, every=None, monitor=None, patience=None, begin=None
    ):
        if patience is not None and monitor is None:
            raise ValueError("Expected monitor, the metric that patience waits for.")
        self.folder = None if folder is None else pathlib.Path(folder)
        self.every = every
        self.monitor = monitor
        self.patience = patience
        self.begin = begin

    @property
    def state_file(self):
        """The file of the state, or None."""
        return None if self.folder is None else state_file(self.folder)

    def load(self, model):
        """Begins the run: reads the state into a model, if there is one.

        Args:
            model: The model, compiled.

        Returns:
            The step and the history; 0 and none where nothing was saved.
        """
        if self.begin is not None:
            self.begin()
        if self.state_file is None or not self.state_file.exists():
            return 0, []
        return load_state(self.state_file, model)

    def callbacks(self, steps_per_epoch, step, history):
        """The Keras callbacks that save and keep.

        Args:
            steps_per_epoch: Number of batches of an epoch.
            step: Number of batches that were seen before.
            history: The logs of the epochs before.
        """
        callbacks = []
        if self.monitor is not None:
            file = self.folder and self.folder / "best.npz"
            callbacks.append(KeepBest(self.monitor, self.patience, file, history))
        if self.state_file is not None:
            if step % steps_per_epoch:
                callbacks.append(RestoreMetrics(self.state_file))
            callbacks.append(
                SaveState(self.state_file, steps_per_epoch, self.every, step, history)
            )
        return callbacks


def validation_callbacks(validation):
    """The callbacks that a `Validation`, or None, asks for."""
    if validation is None or validation.metrics is None:
        return []
    return [EpochMetrics(validation.metrics)]


def _with_epochs_before(report, history):
    for logs in reversed(history):
        for name, value in logs.items():
            report.history.setdefault(name, []).insert(0, value)
    report.epoch[:0] = range(len(history))
    return report
