"""Evaluation of a model, on one device or several."""

import keras

from kerasbert.training.batches import evaluation_arrays, evaluation_dataset
from kerasbert.training.devices import device_count
from kerasbert.training.distribution import sharing


def evaluate(model, features, batch_size):
    """Returns loss and metrics of a compiled model, as a dictionary of numbers."""
    devices = device_count(model)
    if keras.backend.backend() == "tensorflow":
        dataset = evaluation_dataset(features, batch_size, devices)
        return model.evaluate(dataset, return_dict=True, verbose=0)
    return evaluate_parts(model, evaluation_arrays(features, batch_size, devices))


def evaluate_parts(model, parts):
    """Returns loss and metrics of `NumpyBatches` together.

    Accumulators of metrics are sums, so those of the parts are added.
    """
    sums = None
    for part in parts:
        with sharing(part.whole):
            found = model.evaluate(part, return_dict=True, verbose=0)
        if sums is not None:
            for variable, value in zip(model.metrics_variables, sums, strict=True):
                variable.assign(variable + value)
            found = model.get_metrics_result()
        sums = [variable.value for variable in model.metrics_variables]
    return {name: float(value) for name, value in found.items()}


class ValidateParts(keras.callbacks.Callback):
    """Adds the metrics of several `NumpyBatches` to an epoch's logs."""

    def __init__(self, parts, every=1):
        super().__init__()
        self.parts = parts
        self.every = every

    def on_epoch_end(self, epoch, logs=None):
        every = self.every
        chosen = range(0, epoch + 2, every) if isinstance(every, int) else every
        if epoch + 1 not in chosen:
            return
        found = evaluate_parts(self.model, self.parts)
        logs.update({f"val_{name}": value for name, value in found.items()})


def batches_to_validate(model, validation, batch_size, every=1):
    """Returns the batches that Keras validates on, and callbacks where it cannot."""
    if validation is None:
        return None, []
    features, devices = validation.features, device_count(model)
    if keras.backend.backend() == "tensorflow":
        return evaluation_dataset(features, batch_size, devices), []
    parts = evaluation_arrays(features, batch_size, devices)
    if len(parts) == 1 and not parts[0].whole:
        return parts[0], []
    return None, [ValidateParts(parts, every)]
