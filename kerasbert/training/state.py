"""Training checkpoints: weights, optimizer state, RNG state and history.

One safetensors file holds all that an exact resumption needs. Variables are numbered
instead of named, since the paths of Keras depend on what else the process has made. The
step and the seed give the order of the examples, so no iterator state is saved:
`TrainingOrder` skips the batches already seen. Metric accumulators are saved as well,
so that the metrics of an epoch cover all of its batches. The file is replaced
atomically: a crash while saving leaves the state before.
"""

import json
import math
import pathlib

import keras
import numpy as np

from kerasbert.files import json_text, write_atomically
from kerasbert.training.distribution import (
    is_first_process,
    wait_for_processes,
    whole_array,
)

STATE_FILE = "state.safetensors"


def save_state(file, model, step, history, identity=None, stopped=False, counters=()):
    """Writes weights, optimizer, RNG state, step, history and identity to a file.

    `counters` are those of Keras callbacks, see `callbacks.counters_of`.

    Of several processes the first writes, and the others wait. Raises an `OSError` if
    the disk is full; the file before it is kept.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    tensors = {
        name: np.array(whole_array(variable), order="C")
        for name, variable in (_variables(model) | _metrics(model)).items()
    }
    if not is_first_process():
        wait_for_processes(f"state of step {step}")
        return
    metadata = {
        "step": str(step),
        "history": json_text([_written(logs) for logs in history]),
        "run": json_text(identity),
        "stopped": json_text(stopped),
        "callbacks": json_text(list(counters)),
    }
    try:
        with write_atomically(file) as partial:
            save_file(tensors, partial, metadata)
    except (OSError, SafetensorError) as error:
        kept = "The previous state is kept" if file.exists() else "There is none yet"
        reason = getattr(error, "strerror", None) or error
        raise OSError(
            f"The state of step {step} could not be written to {file}: {reason}. "
            f"{kept}; free disk space to resume."
        ) from error
    wait_for_processes(f"state of step {step}")


def load_state(file, model):
    """Loads a state into a compiled model and its optimizer; returns step and history.

    Raises a `ValueError` if the file belongs to another model or is corrupt.
    """
    from safetensors import SafetensorError, safe_open

    variables = _variables(model)
    try:
        with safe_open(file, "numpy") as state:
            metadata = state.metadata()
            names = [name for name in state.keys() if not name.startswith("metrics/")]  # noqa: SIM118
            tensors = {name: state.get_tensor(name) for name in names}
    except SafetensorError as error:
        raise _broken(file, error) from None
    shapes = {name: tuple(variable.shape) for name, variable in variables.items()}
    if shapes != {name: tensor.shape for name, tensor in tensors.items()}:
        raise ValueError(
            f"{file} is the state of another model or optimizer. Train with the "
            "original arguments, or use another folder."
        )
    for name, variable in variables.items():
        variable.assign(tensors[name])
    return int(metadata["step"]), _history(metadata)


def add_metrics(file, model):
    """Adds the saved metric accumulators to those of the model, which are sums."""
    from safetensors import safe_open

    with safe_open(file, "numpy") as state:
        for name, variable in _metrics(model).items():
            if name in state.keys():  # noqa: SIM118
                variable.assign(variable + state.get_tensor(name))


def read_history(file):
    """Returns the logs of the completed epochs."""
    from safetensors import safe_open

    with safe_open(file, "numpy") as state:
        return _history(state.metadata())


def read_counters(file):
    """Returns the counters of Keras callbacks in a state."""
    from safetensors import safe_open

    with safe_open(file, "numpy") as state:
        return json.loads(state.metadata().get("callbacks", "[]"))


def read_run(file):
    """Returns the identity in a state, or None, and whether a callback stopped it."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "numpy") as state:
            metadata = state.metadata() or {}
    except SafetensorError as error:
        raise _broken(file, error) from None
    run = json.loads(metadata.get("run", "null"))
    return run, json.loads(metadata.get("stopped", "false"))


def read_step(file):
    """Returns the number of batches already seen."""
    from safetensors import safe_open

    with safe_open(file, "numpy") as state:
        return int(state.metadata()["step"])


def seed_states(model):
    """Returns the variables that hold the RNG state of a model."""
    weights = {id(weight) for weight in model.weights}
    return [variable for variable in model.variables if id(variable) not in weights]


def reset_seeds(model, seed):
    """Seeds the random number generators of a model."""
    for number, state in enumerate(seed_states(model)):
        values = np.random.SeedSequence([seed, number]).generate_state(2)
        state.assign(values.astype(keras.backend.standardize_dtype(state.dtype)))


def _broken(file, error):
    return ValueError(
        f"{file} is no state of a training run: {error}. Delete it to start over."
    )


def _history(metadata):
    """Parses the logs of the epochs."""
    return [
        {name: float(value) for name, value in logs.items()}
        for logs in json.loads(metadata["history"])
    ]


def _written(logs):
    """Replaces non-finite logs, which JSON lacks, by strings."""
    return {n: v if math.isfinite(v) else str(v) for n, v in logs.items()}


def _variables(model):
    """Numbers the variables of a model and its optimizer."""
    groups = {"model": model.variables, "optimizer": model.optimizer.variables}
    return {
        f"{group}/{number}": variable
        for group, variables in groups.items()
        for number, variable in enumerate(variables)
    }


def _metrics(model):
    return {
        f"metrics/{number}": variable
        for number, variable in enumerate(model.metrics_variables)
    }


def state_file(folder):
    """Returns the path of the state in a folder of checkpoints."""
    return pathlib.Path(folder) / STATE_FILE
