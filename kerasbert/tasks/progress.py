"""Progress bars on stderr, if it is a terminal, for long work."""

import contextlib
import sys
import time

import keras


@contextlib.contextmanager
def track(total, show=None, threshold=0, description="Embedding"):
    """Shows a progress bar for a block."""
    if show is None:
        show = sys.stderr.isatty() and (total is None or total > threshold)
    if not show:
        yield lambda steps: None
        return
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(description, total=total)
        yield lambda steps: bar.update(task, advance=int(steps))


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


class TimeLeft(keras.callbacks.Callback):
    """Prints a line with the metrics and the time left after every epoch, on stderr.

    Args:
        name: What an epoch is called.
    """

    def __init__(self, name="part"):
        super().__init__()
        self.name = name

    def on_train_begin(self, logs=None):
        self._begun, self._done = time.monotonic(), 0

    def on_epoch_end(self, epoch, logs=None):
        self._done += 1
        left = self.params["epochs"] - epoch - 1
        seconds = (time.monotonic() - self._begun) / self._done * left
        shown = ", ".join(f"{name} {value:.4g}" for name, value in (logs or {}).items())
        print(
            f"{self.name} {epoch + 1} of {self.params['epochs']}: {shown}; "
            f"{_duration(seconds)} left",
            file=sys.stderr,
        )


def _duration(seconds):
    """Formats a duration.

    Example:
        >>> _duration(59), _duration(3720)
        ('59 s', '1 h 2 min')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
