"""Progress bars of epochs, on a terminal."""

import contextlib

import keras

from kerasbert.tasks.progress import track


class EpochBars(keras.callbacks.Callback):
    """A progress bar per epoch, as a context manager that removes it.

    Args:
        show: Whether to; None: on a terminal.
    """

    def __init__(self, show=None):
        super().__init__()
        self.show = show
        self._bar = contextlib.ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._bar.close()

    def on_epoch_begin(self, epoch, logs=None):
        name = f"Epoch {epoch + 1} of {self.params['epochs']}"
        bar = track(self.params["steps"], self.show, description=name)
        self._advance = self._bar.enter_context(bar)

    def on_train_batch_end(self, batch, logs=None):
        self._advance(1)

    def on_epoch_end(self, epoch, logs=None):
        self._bar.close()
