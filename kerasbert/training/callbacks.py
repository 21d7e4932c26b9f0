"""Keras callbacks of a run: stop at a loss that is no number, keep the best, save."""

import math

import keras
import numpy as np

from kerasbert.files import write_atomically
from kerasbert.training.callback_checks import sign_of
from kerasbert.training.devices import run_on_devices
from kerasbert.training.state import add_metrics, save_state


class Diverged(ArithmeticError):
    """The loss is not a number any more."""


class StopOnNaN(keras.callbacks.Callback):
    """Ends a run whose loss is not finite, before anything of it is saved.

    Args:
        state_file: Where the state before it lies, if anywhere.
        step: Number of batches that were seen before this run.
    """

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
            where = f"The last state that was saved is {self.state_file}."
        raise Diverged(
            f"The loss is {loss} at step {self.step}. {where} Lower the learning rate, "
            "clip the gradients, or look for examples that are broken."
        )


class EpochMetrics(keras.callbacks.Callback):
    """Adds metrics that a function computes to the logs of every epoch.

    Args:
        function: Gives a dictionary of numbers; their names get the prefix `val_`.
    """

    def __init__(self, function):
        super().__init__()
        self.function = function

    def on_epoch_end(self, epoch, logs=None):
        logs.update({f"val_{name}": value for name, value in self.function().items()})


class KeepBest(keras.callbacks.Callback):
    """Gives the model the weights of its best epoch when training ends.

    Args:
        monitor: Name of what is watched, such as `"val_accuracy"`; the least is the
            best of losses, errors and perplexities, else the greatest.
        patience: Number of epochs without a better one after which training stops;
            None: it goes on.
        file: Where the weights are kept; None: in memory.
        history: The logs of the epochs before, when a run goes on.
        sign: 1 where the greatest is the best, -1 where the least is; None: as the
            name says.

    Raises:
        FileNotFoundError: If a run goes on whose best weights are gone.
    """

    def __init__(self, monitor, patience=None, file=None, history=(), sign=None):
        super().__init__()
        if file is not None and history and not file.exists():
            raise FileNotFoundError(
                f"Expected the weights of the best epoch so far in {file}, but there "
                "is no such file. Name another folder, or remove this one to begin "
                "anew."
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
        """Whether there was no better epoch for as long as patience waits."""
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
    """Saves the state of a run after every epoch, and every so many steps.

    Args:
        file: The file of the state.
        steps_per_epoch: Number of steps of an epoch.
        every: Number of steps from one time to the next; None: epochs alone.
        step: Number of batches that were seen before.
        history: The logs of the epochs before.
        identity: What the run is, as `run_identity` gives it.
    """

    def __init__(
        self, file, steps_per_epoch, every=None, step=0, history=(), identity=None
    ):
        super().__init__()
        self.identity = identity
        self.file = file
        self.steps_per_epoch = steps_per_epoch
        self.every = every
        self.step = step
        self.history = list(history)

    def on_train_batch_end(self, batch, logs=None):
        self.step += 1
        ends_epoch = self.step % self.steps_per_epoch == 0  # saved with its logs
        if self.every and self.step % self.every == 0 and not ends_epoch:
            self._save()

    def on_epoch_end(self, epoch, logs=None):
        if self.step % self.steps_per_epoch == 0:  # else it was stopped within
            logs = {name: float(value) for name, value in logs.items()}
            self.history.append(logs)
        self._save()

    def stopped(self):
        """Saves the weights of a run that a callback has ended, as it has left them."""
        if self.step % self.steps_per_epoch == 0:
            self._save(stopped=True)

    def _save(self, stopped=False):
        save_state(
            *(self.file, self.model, self.step, self.history, self.identity),
            stopped=stopped,
        )


class LastUpdate(keras.callbacks.Callback):
    """Makes an update of the gradients that are left when a run ends.

    Args:
        optimizer: The `AdamW` that accumulates them.
        batches: Number of batches to the end of the run.
    """

    def __init__(self, optimizer, batches):
        super().__init__()
        self.optimizer = optimizer
        self.batches = batches

    def on_train_batch_end(self, batch, logs=None):
        self.batches -= 1
        if self.batches == 0:
            run_on_devices(self.model, self.optimizer.apply_rest)


class RestoreMetrics(keras.callbacks.Callback):
    """Gives metrics what they had seen of the epoch in which a run was ended.

    Args:
        file: The file of the state.
    """

    def __init__(self, file):
        super().__init__()
        self.file = file

    def on_train_batch_end(self, batch, logs=None):  # Keras makes them in a batch
        if self.file is not None:
            add_metrics(self.file, self.model)
        self.file = None
