"""Callbacks of a training: NaN check, best epoch, checkpoints, remaining gradients."""

import math
import warnings

import keras
import numpy as np

from kerasbert.files import write_atomically
from kerasbert.training.callback_checks import sign_of
from kerasbert.training.devices import run_on_devices
from kerasbert.training.state import add_metrics, read_counters, save_state

# Keras callbacks that count epochs, and the attributes that hold the counts.
COUNTING = (
    keras.callbacks.EarlyStopping,
    keras.callbacks.ModelCheckpoint,
    keras.callbacks.ReduceLROnPlateau,
)
COUNTERS = ("wait", "best", "best_epoch", "cooldown_counter")


class Diverged(ArithmeticError):
    """The training loss is NaN or infinite."""


class TerminateOnNaN(keras.callbacks.Callback):
    """Raises `Diverged` at a non-finite loss, before the state is saved."""

    def __init__(self, state_file=None, step=0):
        super().__init__()
        self.state_file = state_file
        self.step = step

    def on_train_batch_end(self, batch, logs=None):
        self.step += 1
        loss = float((logs or {}).get("loss", 0.0))
        if math.isfinite(loss):
            return
        where = "Nothing of this run was saved."
        if self.state_file is not None and self.state_file.exists():
            where = f"The last saved state is {self.state_file}."
        raise Diverged(
            f"The loss is {loss} at step {self.step}. {where} Lower the learning rate, "
            "clip the gradients, or look for corrupt examples."
        )


class EpochMetrics(keras.callbacks.Callback):
    """Adds the metrics returned by `function` to an epoch's logs, prefixed `val_`."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def on_epoch_end(self, epoch, logs=None):
        logs.update({f"val_{name}": value for name, value in self.function().items()})


class RestoreBest(keras.callbacks.Callback):
    """Restores the weights of the best epoch when training ends.

    Args:
        monitor: Name of the monitored metric, such as `"val_accuracy"`.
        patience: Number of epochs without improvement after which training stops; None
            disables early stopping.
        file: File for the best weights; None keeps them in memory.
        history: Logs of the epochs before training resumed.
        sign: 1 to maximize the metric, -1 to minimize it; None infers it from the name.

    Raises:
        FileNotFoundError: If training resumes and the best weights are missing.
    """

    def __init__(self, monitor, patience=None, file=None, history=(), sign=None):
        super().__init__()
        if file is not None and history and not file.exists():
            raise FileNotFoundError(
                f"Expected the weights of the best epoch so far in {file}, but there "
                "is no such file. Use another folder, or delete this one to start over."
            )
        self.sign = sign_of(monitor) if sign is None else sign
        self.monitor = monitor
        self.patience = patience
        self.file = file
        self.values = [self._value(logs) for logs in history]
        self.weights = None

    def on_epoch_end(self, epoch, logs=None):
        self.values.append(self._value(logs))
        if np.argmax(self.values) == len(self.values) - 1:
            self._keep()
        self.model.stop_training |= self.is_over

    @property
    def is_over(self):
        """Whether the last `patience` epochs brought no improvement."""
        if not self.patience or not self.values:
            return False
        return len(self.values) - 1 - int(np.argmax(self.values)) >= self.patience

    def on_train_end(self, logs=None):
        if self.file is not None and self.file.exists():
            with np.load(self.file) as arrays:
                self.model.set_weights([arrays[name] for name in arrays.files])
        elif self.weights is not None:
            self.model.set_weights(self.weights)

    def _keep(self):
        if self.file is None:
            self.weights = self.model.get_weights()
            return
        with write_atomically(self.file) as partial:
            np.savez(partial, *self.model.get_weights())

    def _value(self, logs):
        if self.monitor not in logs:
            raise ValueError(
                f"Expected monitor to be one of {', '.join(sorted(logs))}, got "
                f"{self.monitor!r}."
            )
        value = float(logs[self.monitor])
        if math.isnan(value):
            return -math.inf
        return self.sign * value


class SaveState(keras.callbacks.Callback):
    """Saves the training state after every epoch, and every `every` steps.

    Steps are saved before the user's callbacks run. Epochs are saved by the callback
    that `at_the_end` returns, which runs after them: the learning rate that they set is
    part of the state. It also saves and restores the counters of Keras' `callbacks`.
    """

    def __init__(
        self,
        file,
        steps_per_epoch,
        every=None,
        step=0,
        history=(),
        identity=None,
        callbacks=(),
    ):
        super().__init__()
        self.counting = [one for one in callbacks if isinstance(one, COUNTING)]
        self.identity = identity
        self.file = file
        self.steps_per_epoch = steps_per_epoch
        self.every = every
        self.step = step
        self.goes_on = step > 0
        self.history = list(history)

    def at_the_end(self):
        """Returns the callback that runs after the user's."""
        return keras.callbacks.LambdaCallback(
            on_epoch_begin=self._restore_counters, on_epoch_end=self._save_epoch
        )

    def on_train_batch_end(self, batch, logs=None):
        self.step += 1
        ends_epoch = self.step % self.steps_per_epoch == 0  # saved with its logs
        if self.every and self.step % self.every == 0 and not ends_epoch:
            self._save()

    def _restore_counters(self, epoch, logs=None):
        if self.goes_on and self.counting:
            restore_counters(self.counting, read_counters(self.file), self.file)
        self.goes_on = False

    def _save_epoch(self, epoch, logs=None):
        if self.step % self.steps_per_epoch == 0:  # else it was stopped within
            logs = {name: float(value) for name, value in logs.items()}
            self.history.append(logs)
        self._save()

    def stopped(self):
        """Saves the weights as left by the callback that stopped training."""
        if self.step % self.steps_per_epoch == 0:
            self._save(stopped=True)

    def _save(self, stopped=False):
        save_state(
            *(self.file, self.model, self.step, self.history, self.identity),
            stopped=stopped,
            counters=[counters_of(callback) for callback in self.counting],
        )


class FlushGradients(keras.callbacks.Callback):
    """Applies the remaining accumulated gradients after the last batch."""

    def __init__(self, optimizer, batches):
        super().__init__()
        self.optimizer = optimizer
        self.batches = batches

    def on_train_batch_end(self, batch, logs=None):
        self.batches -= 1
        if self.batches == 0:
            run_on_devices(self.model, self.optimizer.apply_rest)


class RestoreMetrics(keras.callbacks.Callback):
    """Restores metric accumulators when training resumes within an epoch."""

    def __init__(self, file):
        super().__init__()
        self.file = file

    def on_train_batch_end(self, batch, logs=None):  # Keras makes them in a batch
        if self.file is not None:
            add_metrics(self.file, self.model)
        self.file = None


def counters_of(callback):
    """Returns the class name of a Keras callback and its counters, for JSON."""
    found = {name: vars(callback).get(name) for name in COUNTERS}
    numbers = {
        name: value if isinstance(value, int) else str(float(value))
        for name, value in found.items()
        if value is not None
    }
    return {"callback": type(callback).__name__, **numbers}


def restore_counters(callbacks, saved, file):
    """Sets the counters of Keras callbacks to those that `counters_of` returned.

    Warns about callbacks that have none, and about best weights, which are not saved.
    """
    saved = list(saved)
    anew = []
    for callback in callbacks:
        name = type(callback).__name__
        counters = next((one for one in saved if one["callback"] == name), None)
        if counters is None:
            anew.append(name)
            continue
        saved.remove(counters)
        for key in COUNTERS:
            if key in counters:
                value = counters[key]
                value = float(value) if isinstance(value, str) else value
                setattr(callback, key, value)
        if getattr(callback, "restore_best_weights", False) and "best" in counters:
            warnings.warn(
                f"{name}(restore_best_weights=True) resumes without the best weights, "
                f"of epoch {counters['best_epoch'] + 1}: {file} does not have them. "
                "kerasbert.training.fit.Run(folder, monitor=..., patience=...) saves "
                "the best weights.",
                stacklevel=2,
            )
    if anew:
        warnings.warn(
            f"The counters of {', '.join(anew)} start over: {file} has none.",
            stacklevel=2,
        )
