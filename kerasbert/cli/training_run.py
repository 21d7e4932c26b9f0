"""What all runs that train have in common: logs, interruption, a table of metrics."""

import contextlib
import importlib.util
import sys

import keras
import typer

from kerasbert.tasks.progress import EpochBars
from kerasbert.training.callbacks import Diverged

__all__ = ["callbacks_of", "check_tensorboard", "ended_well", "metrics_table"]


def check_tensorboard(config):
    """Raises an `ImportError` if logs are wanted that cannot be written."""
    if config.tensorboard and importlib.util.find_spec("tensorboard") is None:
        raise ImportError(
            "Expected the package tensorboard, which writes its logs. Install: "
            "pip install 'kerasbert[tensorboard]'"
        )


@contextlib.contextmanager
def callbacks_of(folder, tensorboard=False, others=()):
    """Yields the callbacks that log and show a training; closes the log at its end."""
    log = keras.callbacks.CSVLogger(folder.log, append=True)
    callbacks = [log, *others]
    if tensorboard:
        callbacks.append(keras.callbacks.TensorBoard(folder.tensorboard))
    try:
        with EpochBars() as bars:
            yield [*callbacks, bars]
    finally:
        if log.csv_file is not None:
            log.csv_file.close()


@contextlib.contextmanager
def ended_well(folder):
    """Prints how to resume an interrupted run."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        print(f"kerasbert: stopped. {folder.says_how_it_goes_on()}", file=sys.stderr)
        raise
    except ValueError:  # such as that of a metric to monitor which there is not
        folder.forget()
        raise
    except OSError as error:  # such as that of a full disk
        told = str(error).rstrip(".")
        raise OSError(f"{told}. {folder.says_how_it_goes_on()}") from error
    except Diverged as error:
        print(f"kerasbert: error: {error}", file=sys.stderr)
        raise typer.Exit(1) from None


def metrics_table(metrics):
    """Returns metrics as a Markdown table."""
    rows = [("metric", "value"), ("---", "---")]
    rows += [(name, f"{value:.4f}") for name, value in metrics.items()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
