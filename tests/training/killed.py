"""Runs that are ended at a step, as a signal would."""

import keras


class Killed(Exception):
    pass


class KillAfter(keras.callbacks.Callback):
    """Ends a run when so many batches more have been seen."""

    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def on_train_batch_end(self, batch, logs=None):
        self.batches -= 1
        if self.batches == 0:
            self.end()

    def end(self):
        raise Killed
