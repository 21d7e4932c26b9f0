"""Training: `keras.Model.fit` with length-grouped batches and exact resumption."""

import functools
import os
import pathlib
import sys
from collections.abc import Callable, Sequence

import keras

from kerasbert.training.batches import TrainingOrder, training_dataset
from kerasbert.training.callback_checks import (
    check_callbacks,
    check_monitor,
    checked_callbacks,
    metric_names,
    sign_of,
)
from kerasbert.training.callbacks import (
    EpochMetrics,
    FlushGradients,
    RestoreBest,
    RestoreMetrics,
    SaveState,
    TerminateOnNaN,
)
from kerasbert.training.counts import check_count
from kerasbert.training.devices import divided, is_mirrored, scope_of
from kerasbert.training.distribution import sharing
from kerasbert.training.evaluation import batches_to_validate
from kerasbert.training.features import EncodedExamples
from kerasbert.training.identity import RunRegistry, check_identity, run_identity
from kerasbert.training.memory import keep_freed_memory
from kerasbert.training.recipe import as_optimizer
from kerasbert.training.run_checks import (
    RunPlan,
    check_trainable,
    check_updates,
    flushes_remainder,
    inner_optimizer,
)
from kerasbert.training.state import load_state, read_run, reset_seeds, state_file

# Arguments of `keras.Model.fit` that are rejected, and what replaces them.
UNSUPPORTED_FIT_OPTIONS = {
    "initial_epoch": "training resumes from `checkpoints` automatically",
    "steps_per_epoch": "an epoch is one pass over all examples",
    "shuffle": "every epoch is shuffled, with `seed`",
    "class_weight": "only TextClassifier takes it; others take `sample_weight`",
    "validation_batch_size": "`batch_size` applies to validation as well",
}

_runs = RunRegistry()


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
    """Trains a model on tokenized examples.

    The seed fixes the order of the examples and dropout. A training with `run` resumes
    from the last saved state, and ends with the weights of an uninterrupted training,
    bit for bit on a CPU. The process keeps memory that it frees: see
    `keep_freed_memory`.

    A model made in the scope of a `tf.distribute.MirroredStrategy`, or on JAX after
    `keras.distribution.set_distribution`, is trained on its devices with the steps of
    one device; `batch_size` counts the examples on all of them. Options with other
    steps are rejected, such as gradient clipping by a Keras optimizer in the scope of a
    strategy. Reported training losses and metrics count an example twice where the
    last batch of an epoch does not divide evenly. Keras' own Adam and AdamW, unlike a
    `Recipe`, update embedding tables slightly differently on several devices: they
    square the gradients of a repeated token one by one.

    Args:
        model: A model of `kerasbert.models`.
        features: The `EncodedExamples` to train on, or a `TrainingStream`.
        compile_arguments: Arguments of `keras.Model.compile`; `optimizer` may be a
            `Recipe`.
        validation: A `Validation`, or None.
        epochs: Number of epochs.
        batch_size: Number of examples per batch.
        seed: Seed of the example order and of dropout.
        callbacks: Keras callbacks. When training resumes, the counters of
            `EarlyStopping`, `ReduceLROnPlateau` and `ModelCheckpoint` are restored;
            the state of other callbacks is not.
        run: A `Run`: where the state is saved, and which epoch is restored.
        about: Further settings that identify the training, by name, such as labels: a
            state with other settings is rejected.
        **keras_options: Other arguments of `keras.Model.fit`, such as `verbose`.

    Returns:
        A `keras.callbacks.History` of all epochs, including those before resumption.

    Raises:
        ValueError: If there are no examples, an option is not supported, or several
            devices cannot take the steps of one.
        kerasbert.training.callbacks.Diverged: If the loss is not finite.
    """
    # One training is a fixed sequence of steps: the examples, settings and seed define
    # it, whether or not it is interrupted.
    # - Checks come first: nothing is written or trained before all of them pass.
    # - `identity` digests everything the sequence depends on. A saved state of another
    #   identity is rejected. `_runs` recognizes a model that this process has already
    #   trained, whose weights are no longer the initial ones.
    # - Seeds: `reset_seeds` seeds dropout, then `run.load` overwrites the RNG state,
    #   weights and optimizer if there is a saved state. The order of an epoch depends
    #   on (seed, epoch) alone, so `TrainingOrder` just skips the batches already seen.
    # - `model.fit` is called twice when training resumes within an epoch: Keras takes
    #   all epochs to be as long as the first, so the rest of that epoch is a call of
    #   its own. `ContinuedCallbackList` makes both calls one training for callbacks.
    # - Callback order: the NaN check precedes saving, so that no diverged state is
    #   saved; remaining gradients are applied before validation; the metrics of
    #   `validation` precede RestoreBest, which monitors them; RestoreBest precedes
    #   SaveState, so that a saved epoch has its best weights; the user's come after
    #   it, and what saves the epoch after them, so that its state has their changes.
    if not len(features):
        raise ValueError("Expected training examples, got none.")
    if validation is not None and not len(validation.features):
        raise ValueError("Expected validation examples, got none.")
    check_count("epochs", epochs)
    check_count("batch_size", batch_size)
    check_count("seed", seed, 0)
    for name, reason in UNSUPPORTED_FIT_OPTIONS.items():
        if name in keras_options:
            raise ValueError(f"`{name}` is not supported: {reason}.")
    callbacks = checked_callbacks(callbacks)
    check_trainable(model, features)
    keep_freed_memory()
    run = run or Run()
    steps_per_epoch = TrainingOrder.of(features, batch_size).steps_per_epoch
    steps = epochs * steps_per_epoch
    given = compile_arguments["optimizer"]
    identity = None
    if run.state_file is not None:
        identity = run_identity(
            *(model, features, validation and validation.features, compile_arguments),
            {**(about or {}), "epochs": epochs, "batch_size": batch_size, "seed": seed}
            | {"monitor": run.monitor},
        )
        identity = _runs.resumed_identity(model, given, run.state_file, identity)
    with scope_of(model):
        optimizer = as_optimizer(given, model, steps)
        check_updates(optimizer, steps)
        compile_arguments = {**compile_arguments, "optimizer": optimizer}
        features = divided(features, model, compile_arguments, batch_size)
        model.compile(**compile_arguments)
        optimizer.build(model.trainable_variables)
    names = monitorable(model, features, validation)
    if is_mirrored(model):
        metric_names(model, features)  # Keras would make them of averaged token ids
    if run.monitor is not None:
        check_monitor(run.monitor, names)
        if run.monitor.startswith("val_") and keras_options.get("validation_freq"):
            raise ValueError(
                f"Expected no validation_freq: {run.monitor} is monitored every epoch."
            )
    check_callbacks(callbacks, optimizer, names, model)
    reset_seeds(model, seed)

    step, history = run.load(model, identity)
    order = TrainingOrder.of(features, batch_size, seed, step)
    if step > steps:
        raise ValueError(
            f"Expected epochs to be {-(-step // steps_per_epoch)} or more, as many as "
            f"{run.state_file} has completed, got {epochs}. Use another folder, or "
            "delete this one to start over."
        )
    saving = run.callbacks(steps_per_epoch, step, history, identity, model, callbacks)
    if run.has_stopped or any(isinstance(c, RestoreBest) and c.is_over for c in saving):
        epochs = order.epoch  # early stopping had already ended it
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
    validation_data, parts = batches_to_validate(
        model, validation, batch_size, keras_options.get("validation_freq", 1)
    )
    whole = ContinuedCallbackList(
        order,
        [
            TerminateOnNaN(run.state_file, step),
            *_flushing(optimizer, steps - step),
            *parts,
            *validation_callbacks(validation),
            *saving,
            *callbacks,
            *(one.at_the_end() for one in saving if isinstance(one, SaveState)),
            report,
        ],
        add_progbar=verbose != 0,
        model=model,
        verbose=verbose,
        epochs=epochs,
        steps=steps_per_epoch,
    )
    starts = [order.epoch, *([order.epoch + 1] if order.skip else [])]
    try:
        for start, end in zip(starts, [*starts[1:], epochs], strict=True):
            if start >= end:
                break
            order.epoch = start
            with sharing():
                model.fit(
                    training_dataset(order),
                    validation_data=validation_data,
                    initial_epoch=start,
                    epochs=end,
                    shuffle=False,  # `order` shuffles
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


class ContinuedCallbackList(keras.callbacks.CallbackList):
    """A callback list for which several calls of `keras.Model.fit` are one training."""

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
        """Ends the training, even if no step was left."""
        self.on_train_begin()
        super().on_train_end()


class Validation:
    """Validation data of a training.

    Args:
        features: The `EncodedExamples` to evaluate on.
        metrics: A function that returns further metrics, a dictionary of floats.
        sample: A function that returns them for some of the examples, or None.
    """

    def __init__(
        self,
        features: EncodedExamples,
        metrics: Callable[[], dict[str, float]] | None = None,
        sample: Callable[[], dict[str, float]] | None = None,
    ):
        self.features = features
        self.metrics = metrics
        self.sample = sample

    def names(self, whole: bool = False) -> set[str]:
        """Returns the names of the further metrics.

        Args:
            whole: Whether to compute them on all examples.
        """
        if self.metrics is None:
            return set()
        if self.sample is None or whole:
            return set(self.metrics())
        return set(self.sample())


class Run:
    """Checkpointing of a training: where its state is saved, which epoch is restored.

    Args:
        folder: Folder of the state; None saves nothing.
        every: Number of steps between saves, in addition to one after every epoch.
        monitor: Metric whose best epoch is restored, such as `"val_accuracy"`; None
            keeps the last epoch.
        patience: Number of epochs without improvement after which training stops.
        begin: Function called when training starts or resumes: after all checks, and
            before a file is read or written.
        announce: Function that takes the `RunPlan` before the first step; None prints
            it to stderr, unless `verbose=0`.
    """

    has_stopped = False  # whether a callback stopped the training of the saved state

    def __init__(
        self,
        folder: str | os.PathLike | None = None,
        every: int | None = None,
        monitor: str | None = None,
        patience: int | None = None,
        begin: Callable[[], None] | None = None,
        announce: Callable[[RunPlan], None] | None = None,
    ):
        if patience is not None and monitor is None:
            raise ValueError("Expected monitor with patience: the metric to improve.")
        self.folder = None if folder is None else pathlib.Path(folder)
        self.every = every
        self.monitor = monitor
        self.patience = patience
        self.begin = begin
        self.announce = announce

    @property
    def state_file(self) -> pathlib.Path | None:
        """The file of the state, or None."""
        return None if self.folder is None else state_file(self.folder)

    def load(
        self, model: keras.Model, identity: dict | None = None
    ) -> tuple[int, list[dict]]:
        """Loads the saved state into a compiled model, if there is one.

        Args:
            model: The compiled model.
            identity: The identity of this training, see `run_identity`; None skips the
                comparison with that of the state.

        Returns:
            The step and the history; 0 and an empty list without a saved state.
        """
        if self.begin is not None:
            self.begin()
        if self.state_file is None or not self.state_file.exists():
            return 0, []
        before, self.has_stopped = read_run(self.state_file)
        if identity is not None:
            check_identity(self.state_file, before, identity)
        return load_state(self.state_file, model)

    def callbacks(
        self,
        steps_per_epoch: int,
        step: int,
        history: list[dict],
        identity: dict | None = None,
        model: keras.Model | None = None,
        callbacks: Sequence[keras.callbacks.Callback] = (),
    ) -> list[keras.callbacks.Callback]:
        """Returns the Keras callbacks that save the state and restore the best epoch.

        Args:
            steps_per_epoch: Number of batches of an epoch.
            step: Number of batches already seen.
            history: Logs of the epochs before.
            identity: The identity of this training, see `run_identity`.
            model: The model, whose metrics know whether to maximize them.
            callbacks: The user's callbacks, whose counters are saved.
        """
        found = []
        if self.monitor is not None:
            file = self.folder and self.folder / "best.npz"
            sign = sign_of(self.monitor, model)
            found.append(RestoreBest(self.monitor, self.patience, file, history, sign))
        if self.state_file is not None:
            if step % steps_per_epoch:
                found.append(RestoreMetrics(self.state_file))
            found.append(
                SaveState(
                    *(self.state_file, steps_per_epoch, self.every, step, history),
                    *(identity, callbacks),
                )
            )
        return found


def validation_callbacks(validation):
    """Returns the callbacks of a `Validation`, or of None."""
    if validation is None or validation.metrics is None:
        return []
    return [EpochMetrics(validation.metrics)]


def monitorable(model, features, validation):
    """Returns a function that returns the names of all logged metrics.

    It evaluates metrics of whole answers on a sample of the examples; on all if it is
    called with `True`.
    """

    @functools.cache
    def names(whole=False):
        found = metric_names(model, features)
        if validation is None:
            return found
        tested = found | validation.names(whole)
        return found | {f"val_{name}" for name in tested}

    return names


def _flushing(optimizer, batches):
    if not flushes_remainder(optimizer):
        return []
    return [FlushGradients(inner_optimizer(optimizer), batches)]


def _save_as_stopped(callbacks):
    """Saves the state if a callback of the user stopped training, not `RestoreBest`."""
    if not any(isinstance(c, RestoreBest) and c.is_over for c in callbacks):
        for callback in callbacks:
            if isinstance(callback, SaveState):
                callback.stopped()


def _with_epochs_before(report, history):
    for logs in reversed(history):
        for name, value in logs.items():
            report.history.setdefault(name, []).insert(0, value)
    report.epoch[:0] = range(len(history))
    return report
