"""Validation of callbacks and monitored metrics before the first step."""

import importlib.util
import string

import keras
from keras.optimizers.schedules import LearningRateSchedule

from kerasbert.account import quoted
from kerasbert.training.batches import for_keras
from kerasbert.training.devices import run_on_devices

# Metrics to minimize, by the last part of their names.
LESS_IS_BETTER = ("loss", "perplexity", "mse", "mae", "rmse", "error", "crossentropy")
RATES = (
    keras.callbacks.ReduceLROnPlateau,
    keras.callbacks.LearningRateScheduler,
)


def checked_callbacks(callbacks):
    """Returns callbacks as a list; raises a `TypeError` if one is no Keras callback."""
    if callbacks is None:
        return []
    callbacks = list(callbacks) if isinstance(callbacks, list | tuple) else [callbacks]
    for callback in callbacks:
        if not isinstance(callback, keras.callbacks.Callback):
            hint = " Instantiate the class." if isinstance(callback, type) else ""
            raise TypeError(
                "Expected callbacks to be keras.callbacks.Callback objects, got "
                f"{quoted(callback, 80)}.{hint}"
            )
    return callbacks


def check_callbacks(callbacks, optimizer, names, model):
    """Raises if a callback cannot work with the optimizer, metrics or data order."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    scheduled = isinstance(getattr(inner, "_learning_rate", None), LearningRateSchedule)
    for callback in callbacks:
        name = type(callback).__name__
        if isinstance(callback, RATES) and scheduled:
            raise ValueError(
                f"Expected no {name} with a learning-rate schedule, such as that of a "
                "Recipe: both set the learning rate. Remove the callback, or "
                "compile(keras.optimizers.AdamW(3e-5)), whose rate it can set."
            )
        if isinstance(callback, keras.callbacks.BackupAndRestore):
            raise ValueError(
                "Expected no BackupAndRestore, which does not restore the order of the "
                "examples. fit(..., checkpoints=folder) resumes exactly."
            )
        if isinstance(callback, keras.callbacks.TensorBoard):
            if importlib.util.find_spec("tensorboard") is None:
                raise ImportError(
                    "The TensorBoard callback needs the package tensorboard, which is "
                    "not installed: pip install 'kerasbert[tensorboard]'"
                )
        if isinstance(callback, keras.callbacks.ModelCheckpoint):
            _check_path(callback, names)
            if not callback.save_best_only:
                continue  # it monitors nothing
        monitor = getattr(callback, "monitor", None)
        if isinstance(monitor, str):
            check_monitor(monitor, names, name)
            _check_mode(callback, monitor, model)


def check_monitor(monitor, names, owner="The run"):
    """Raises a `ValueError` if no metric has the name `monitor`.

    `names` returns the metrics' names, see `kerasbert.training.fit.monitorable`;
    `owner` is what monitors, for the message.
    """
    if monitor in names() or monitor in names(True):
        return
    hint = ""
    known = sorted(names(True))
    if monitor.startswith("val_") and not any(n.startswith("val_") for n in known):
        hint = " Pass validation_data to compute it."
    raise ValueError(
        f"Expected monitor of {owner} to be one of {', '.join(known)}, got "
        f"{monitor!r}.{hint}"
    )


def sign_of(monitor, model=None):
    """Returns 1 for a metric to maximize and -1 for a metric to minimize.

    Example:
        >>> sign_of("val_accuracy"), sign_of("val_perplexity")
        (1, -1)
    """
    name = monitor.removeprefix("val_")
    direction = _direction(name, model)
    if direction is not None:
        return 1 if direction == "up" else -1
    return -1 if name.split("_")[-1] in LESS_IS_BETTER else 1


def metric_names(model, features):
    """Returns the names of the losses and metrics a model logs, from one example."""
    inputs, targets, *weights = for_keras(features.batch([0]))
    weights = weights[0] if weights else None
    names = set()

    def measure():
        outputs = model(inputs, training=False)
        model.compute_loss(inputs, targets, outputs, weights, training=False)
        names.update(model.compute_metrics(inputs, targets, outputs, weights))

    run_on_devices(model, measure)
    model.reset_metrics()
    return names


def _direction(name, model):
    for metric in _metrics_of(model):
        if metric.name == name and hasattr(metric, "_direction"):
            return metric._direction
    return None


def _metrics_of(model):
    for metric in getattr(model, "metrics", None) or ():
        yield from getattr(metric, "metrics", None) or [metric]


def _check_mode(callback, monitor, model):
    mode = getattr(callback, "mode", None)
    name = monitor.removeprefix("val_")
    sign = sign_of(monitor, model)
    if mode == "auto" and name != "loss" and _direction(name, model) is None:
        better = "max" if sign == 1 else "min"
        raise ValueError(
            f"Expected a mode of {type(callback).__name__} for {monitor}, whose "
            f'direction Keras cannot infer. Give mode="{better}".'
        )
    if mode == "max" and name.split("_")[-1] == "loss":
        raise ValueError(
            f'Expected mode="min" of {type(callback).__name__} for {monitor}, which is '
            'to be minimized, got mode="max".'
        )
    if mode == "min" and _direction(name, model) == "up":
        raise ValueError(
            f'Expected mode="max" of {type(callback).__name__} for {monitor}, which is '
            'to be maximized, got mode="min".'
        )


def _check_path(callback, names):
    path = str(callback.filepath)
    fields = {field for _, field, _, _ in string.Formatter().parse(path) if field}
    fields -= {"epoch", "batch"}
    if not fields:
        return
    known = names() if fields <= names() else names(True)
    if callback.save_freq != "epoch":
        known = {name for name in known if not name.startswith("val_")}
    if unknown := sorted(fields - known):
        raise ValueError(
            "Expected the fields in the filepath of ModelCheckpoint to be among epoch, "
            f"batch, {', '.join(sorted(known))}, got {', '.join(unknown)}."
        )
