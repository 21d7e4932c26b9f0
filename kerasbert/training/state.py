"""All that a training run is at a step, in a file: it goes on from there exactly."""

import json
import math
import pathlib

import keras
import numpy as np

from kerasbert.files import json_text, write_atomically

STATE_FILE = "state.safetensors"


def save_state(file, model, step, history, identity=None, stopped=False):
    """Writes weights, optimizer, random state, step and history.

    Args:
        file: The file, which is replaced when the new one is complete.
        model: A compiled model.
        step: Number of batches that were seen.
        history: A list with the logs of each epoch that has ended.
        identity: What the run is, as `run_identity` gives it.
        stopped: Whether a callback has stopped the run.

    Raises:
        OSError: If the disk is full; the file stays as it was.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    tensors = {
        name: np.array(variable.numpy(), order="C")
        for name, variable in (_variables(model) | _metrics(model)).items()
    }
    metadata = {
        "step": str(step),
        "history": json_text([_written(logs) for logs in history]),
        "run": json_text(identity),
        "stopped": json_text(stopped),
    }
    try:
        with write_atomically(file) as partial:
            save_file(tensors, partial, metadata)
    except (OSError, SafetensorError) as error:
        kept = "The one before it is kept" if file.exists() else "There is none yet"
        told = getattr(error, "strerror", None) or error
        raise OSError(
            f"The state of step {step} could not be written to {file}: {told}. "
            f"{kept}; make room, and the run goes on."
        ) from error


def load_state(file, model):
    """Reads what `save_state` wrote into a model and its optimizer.

    Args:
        file: The file.
        model: The model, compiled as it was.

    Returns:
        The step, and the history.

    Raises:
        ValueError: If the file is of another model or optimizer, or broken.
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
            "arguments it was begun with, or name another folder."
        )
    for name, variable in variables.items():
        variable.assign(tensors[name])
    return int(metadata["step"]), _history(metadata)


def add_metrics(file, model):
    """Adds what metrics had seen of an epoch to what they have seen since.

    Args:
        file: The file that `save_state` wrote.
        model: The model, whose metrics are sums.
    """
    from safetensors import safe_open

    with safe_open(file, "numpy") as state:
        for name, variable in _metrics(model).items():
            if name in state.keys():  # noqa: SIM118
                variable.assign(variable + state.get_tensor(name))


def read_history(file):
    """The logs of each epoch that has ended, from what `save_state` wrote.

    Args:
        file: The file.
    """
    from safetensors import safe_open

    with safe_open(file, "numpy") as state:
        return _history(state.metadata())


def read_run(file):
    """What the run of a state is, and whether a callback had stopped it.

    Args:
        file: The file that `save_state` wrote.

    Returns:
        The identity, None where the file has none, and a boolean.

    Raises:
        ValueError: If the file is broken.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "numpy") as state:
            metadata = state.metadata() or {}
    except SafetensorError as error:
        raise _broken(file, error) from None
    run = json.loads(metadata.get("run", "null"))
    return run, json.loads(metadata.get("stopped", "false"))


def read_step(file):
    """The number of batches that were seen, from what `save_state` wrote.

    Args:
        file: The file.
    """
    from safetensors import safe_open

    with safe_open(file, "numpy") as state:
        return int(state.metadata()["step"])


def seed_states(model):
    """The variables that hold the state of a model's random numbers."""
    weights = {id(weight) for weight in model.weights}
    return [variable for variable in model.variables if id(variable) not in weights]


def reset_seeds(model, seed):
    """Makes the random numbers of a model those of a seed.

    Args:
        model: The model.
        seed: An integer.
    """
    for number, state in enumerate(seed_states(model)):
        values = np.random.SeedSequence([seed, number]).generate_state(2)
        state.assign(values.astype(keras.backend.standardize_dtype(state.dtype)))


def _broken(file, error):
    return ValueError(
        f"{file} is no state of a training run: {error}. Remove it to begin anew."
    )


def _history(metadata):
    """The logs of epochs."""
    return [
        {name: float(value) for name, value in logs.items()}
        for logs in json.loads(metadata["history"])
    ]


def _written(logs):
    """The logs of an epoch, with words for numbers that JSON has not."""
    return {n: v if math.isfinite(v) else str(v) for n, v in logs.items()}


def _variables(model):
    """By number: the paths of Keras depend on what else the process has made."""
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
    """The file of the state in a folder of checkpoints."""
    return pathlib.Path(folder) / STATE_FILE
