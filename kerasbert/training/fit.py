"""`keras.Model.fit` for features: batches of like length, and runs that go on."""

import functools
import pathlib
import sys

import keras

from kerasbert.training.batches import (
    TrainingOrder,
    evaluation_dataset,
    training_dataset,
)
from kerasbert.training.callback_checks import (
    check_callbacks,
    check_monitor,
    checked_callbacks,
    metric_names,
    sign_of,
)
from kerasbert.training.callbacks import (
    EpochMetrics,
    KeepBest,
    LastUpdate,
    RestoreMetrics,
    SaveState,
    StopOnNaN,
)
from kerasbert.training.counts import check_count
from kerasbert.training.devices import device_count, divided, scope_of
from kerasbert.training.identity import RunsOfProcess, check_identity, run_identity
from kerasbert.training.memory import keep_freed_memory
from kerasbert.training.recipe import as_optimizer
from kerasbert.training.run_checks import (
    RunPlan,
    check_learns,
    check_updates,
    uses_rest,
    without_scaling,
)
from kerasbert.training.state import load_state, read_run, reset_seeds, state_file

# What Keras is told here, and what says it instead.
OURS = {
    "initial_epoch": "a run goes on from its checkpoints",
    "steps_per_epoch": "an epoch is all examples; epochs says how many there are",
    "shuffle": "every epoch has an order of its own, which seed gives",
    "class_weight": "a TextClassifier takes it; others take sample_weight",
    "validation_batch_size": "batch_size is that of validation, too",
}

_runs = RunsOfProcess()


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
    about=None,
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
        about: What else the run is, such as the labels, by name: a run with other
            such settings is another.
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
    if validation is not None and not len(validation.features):
        raise ValueError("Expected examples to test on, got none.")
    check_count("epochs", epochs)
    check_count("batch_size", batch_size)
    check_count("seed", seed, 0)
    for name, reason in OURS.items():
        if name in keras_options:
            raise ValueError(f"Expected no {name}: {reason}.")
    callbacks = checked_callbacks(callbacks)
    check_learns(model, features)
    keep_freed_memory()
    run = run or Run()
    steps_per_epoch = -(-len(features) // batch_size)
    steps = epochs * steps_per_epoch
    given = compile_arguments["optimizer"]
    identity = None
    if run.state_file is not None:
        identity = run_identity(
            *(model, features, validation and validation.features, compile_arguments),
            {**(about or {}), "epochs": epochs, "batch_size": batch_size, "seed": seed}
            | {"monitor": run.monitor},
        )
        identity = _runs.same_run(model, given, run.state_file, identity)
    with scope_of(model):
        optimizer = as_optimizer(given, model, steps)
        check_updates(optimizer, steps)
        compile_arguments = {**compile_arguments, "optimizer": optimizer}
        features = divided(features, model, compile_arguments, batch_size)
        model.compile(**compile_arguments)
        optimizer.build(model.trainable_variables)
    names = watchable(model, features, validation)
    if run.monitor is not None:
        check_monitor(run.monitor, names)
        if run.monitor.startswith("val_") and keras_options.get("validation_freq"):
            raise ValueError(f"Expected no validation_freq with {run.monitor} watched.")
    check_callbacks(callbacks, optimizer, names, model)
    reset_seeds(model, seed)

    step, history = run.load(model, identity)
    order = TrainingOrder(features, batch_size, seed, step)
    if step > steps:
        raise ValueError(
            f"Expected epochs to be {-(-step // steps_per_epoch)} or more, which "
            f"{run.state_file} has seen, got {epochs}. Name another folder, or remove "
            "this one to begin anew."
        )
    saving = run.callbacks(steps_per_epoch, step, history, identity, model)
    if run.has_stopped or any(isinstance(c, KeepBest) and c.is_over for c in saving):
        epochs = order.epoch  # it had stopped before it was ended
    report = keras.callbacks.History()
    verbose = keras_options.pop("verbose", "auto")
    verbose = 1 if verbose == "auto" else verbose
    plan = RunPlan.of(
        *(model, features, validation and validation.features, epochs, batch_size),
        *(step, (about or {}).get("max_length")),
    )
    if run.announce is not None:
        run.announce(plan)
    elif verbose:
        print(f"run: {plan.line()}", file=sys.stderr)
    whole = WholeTraining(
        order,
        [
            StopOnNaN(run.state_file, step),
            *_last_update(optimizer, steps - step),
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
    try:
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
        if model.stop_training:
            _save_as_stopped(saving)
    finally:
        if identity is not None:
            _runs.leave(model, given, run.state_file, identity)
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
        sample: One that gives them of some of the examples; None: there is none.
    """

    def __init__(self, features, metrics=None, sample=None):
        self.features = features
        self.metrics = metrics
        self.sample = sample

    def names(self, whole=False):
        """The names of the further metrics.

        Args:
            whole: Whether to compute them on all examples.
        """
        if self.metrics is None:
            return set()
        if self.sample is None or whole:
            return set(self.metrics())
        return set(self.sample())


class Run:
    """Where the state of a run is saved, and which of its epochs is kept.

    Args:
        folder: The folder of its files; None: nothing is saved.
        every: Number of steps after which the state is saved, besides every epoch.
        monitor: As in `KeepBest`; None: the last epoch is kept.
        patience: As there.
        begin: Function that is called when a run begins or goes on: all examples and
            settings have been checked, and no file been read or written.
        announce: Function that takes the `RunPlan` before the first step; None: it is
            a line on the error stream, unless the run is silent.
    """

    has_stopped = False  # whether a callback has ended the run that was saved

    def __init__(
        self,
        folder=None,
        every=None,
        monitor=None,
        patience=None,
        begin=None,
        announce=None,
    ):
        if patience is not None and monitor is None:
            raise ValueError("Expected monitor, the metric that patience waits for.")
        self.folder = None if folder is None else pathlib.Path(folder)
        self.every = every
        self.monitor = monitor
        self.patience = patience
        self.begin = begin
        self.announce = announce

    @property
    def state_file(self):
        """The file of the state, or None."""
        return None if self.folder is None else state_file(self.folder)

    def load(self, model, identity=None):
        """Begins the run: reads the state into a model, if there is one.

        Args:
            model: The model, compiled.
            identity: What the run is, as `run_identity` gives it; None: the state is
                not compared with it.

        Returns:
            The step and the history; 0 and none where nothing was saved.
        """
        if self.begin is not None:
            self.begin()
        if self.state_file is None or not self.state_file.exists():
            return 0, []
        before, self.has_stopped = read_run(self.state_file)
        if identity is not None:
            check_identity(self.state_file, before, identity)
        return load_state(self.state_file, model)

    def callbacks(self, steps_per_epoch, step, history, identity=None, model=None):
        """The Keras callbacks that save and keep.

        Args:
            steps_per_epoch: Number of batches of an epoch.
            step: Number of batches that were seen before.
            history: The logs of the epochs before.
            identity: As in `load`.
            model: The model, whose metrics know whether more is better.
        """
        callbacks = []
        if self.monitor is not None:
            file = self.folder and self.folder / "best.npz"
            sign = sign_of(self.monitor, model)
            callbacks.append(KeepBest(self.monitor, self.patience, file, history, sign))
        if self.state_file is not None:
            if step % steps_per_epoch:
                callbacks.append(RestoreMetrics(self.state_file))
            callbacks.append(
                SaveState(
                    *(self.state_file, steps_per_epoch, self.every, step, history),
                    identity,
                )
            )
        return callbacks


def validation_callbacks(validation):
    """The callbacks that a `Validation`, or None, asks for."""
    if validation is None or validation.metrics is None:
        return []
    return [EpochMetrics(validation.metrics)]


def watchable(model, features, validation):
    """The names of the metrics that a run logs.

    Args:
        model: The model, compiled.
        features: `kerasbert.training.Features` to train on.
        validation: A `Validation`, or None.

    Returns:
        A function that gives a set of names. Those of metrics of whole answers are
        found on some of the examples; with `True`, on all.
    """

    @functools.cache
    def names(whole=False):
        found = metric_names(model, features)
        if validation is None:
            return found
        tested = found | validation.names(whole)
        return found | {f"val_{name}" for name in tested}

    return names


def _last_update(optimizer, batches):
    if not uses_rest(optimizer):
        return []
    return [LastUpdate(without_scaling(optimizer), batches)]


def _save_as_stopped(callbacks):
    """Saves what a callback of the user's has stopped; KeepBest knows it by itself."""
    if not any(isinstance(c, KeepBest) and c.is_over for c in callbacks):
        for callback in callbacks:
            if isinstance(callback, SaveState):
                callback.stopped()


def _with_epochs_before(report, history):
    for logs in reversed(history):
        for name, value in logs.items():
            report.history.setdefault(name, []).insert(0, value)
    report.epoch[:0] = range(len(history))
    return report
