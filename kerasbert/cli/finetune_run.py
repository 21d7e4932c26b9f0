"""A run of `kerasbert finetune`: data, model, training and results."""

import dataclasses
import functools
import inspect
import sys
import warnings

import keras

from kerasbert.cli.class_report import write_class_report
from kerasbert.cli.devices import on_devices
from kerasbert.cli.run_card import run_card
from kerasbert.cli.task_data import read_data, show_account
from kerasbert.cli.training_run import callbacks_of, check_tensorboard, ended_well
from kerasbert.files import json_text
from kerasbert.models.loading import read_source
from kerasbert.tasks import task_class
from kerasbert.tasks.pretrained_task import NewHeadWarning
from kerasbert.training.callback_checks import sign_of
from kerasbert.training.fit import Run
from kerasbert.training.recipe import freeze_layers

__all__ = ["run"]


def run(config, folder, keep_checkpoints=False, overwrite=False):
    """Runs or resumes a training, writes the folder, and prints the metrics."""
    check_tensorboard(config)
    kind = task_class(config.task)
    _check_options(config, kind)
    train = read_data(kind, config.train, config, learns=True)
    config = _with_labels(config, kind, train)
    validation = None
    if config.validation is not None:
        validation = read_data(
            *(kind, config.validation, config, _are_pairs(train), train.account)
        )
    for data in filter(None, (train, validation)):
        kind.check_labels(data, config.label_names)
        show_account(data.account)

    with on_devices(config.devices, lambda: read_source(config.model).config):
        metrics = _trained(
            config, folder, kind, train, validation, keep_checkpoints, overwrite
        )
    print(json_text(metrics, indent=2))


def _trained(config, folder, kind, train, validation, keep_checkpoints, overwrite):
    """Trains and saves the model; returns the metrics."""
    task = _task(config, kind, train)
    config = dataclasses.replace(config, max_length=task.max_length)
    folder.check(overwrite, config)
    accounts = _accounts(train, validation)
    begin = functools.partial(folder.begin, config, overwrite, accounts)
    with ended_well(folder):
        history = _fit(task, config, folder, begin, train, validation)
        task.save(folder.model, overwrite=True)
        metrics = _metrics(task, config, history, validation)
        if hasattr(task, "report") and validation is not None:
            report = task.report(validation.inputs, validation.targets)
            write_class_report(report, folder.path)
        folder.finish(metrics, run_card(config, folder, metrics), keep_checkpoints)
    return metrics


def _accounts(train, validation):
    """Returns the accounts of the files, for the folder of the run."""
    parts = {"train": train, "validation": validation}
    return {name: data.account.values() for name, data in parts.items() if data}


def _takes(method, name):
    return name in inspect.signature(method).parameters


def _check_options(config, kind):
    """Rejects settings that the task does not have."""
    for name, method in (
        *(("class_weight", kind.fit), ("label_smoothing", kind.compile)),
        *(("multi_label", kind), ("labels", kind.from_pretrained)),
    ):
        if getattr(config, name) and not _takes(method, name):
            raise ValueError(f"Expected no {name}: {config.task} does not take it.")


def _with_labels(config, kind, train):
    """Returns the config with the labels of the data, unless they are set."""
    if config.labels is not None:
        return config
    labels = config.label_column  # several: also those that no text has
    if not isinstance(labels, list):
        labels = kind.labels_in(train)
    return dataclasses.replace(config, labels=labels)


def _task(config, kind, train):
    keras.utils.set_random_seed(config.seed)  # for a new head
    options = dict(config.options)
    given = {"labels": config.label_names, "multi_label": config.multi_label or None}
    given |= {
        name: getattr(config, name) for name in ("max_length", "dropout", "dtype")
    }
    options |= {name: value for name, value in given.items() if value is not None}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NewHeadWarning)  # it is trained here
            task = kind.for_run(config.model, train, **options)
    except TypeError as error:
        raise ValueError(f"The settings do not fit {config.task}: {error}") from None
    if new_head := getattr(task.model, "new_head", None):
        print(f"{config.model}: {new_head}. It is trained here.", file=sys.stderr)
    if config.freeze_layers is not None:
        freeze_layers(task.encoder, config.freeze_layers)
    if config.rematerialize:
        task.encoder.rematerialize()
    if config.lora_rank is not None:
        task.encoder.enable_lora(config.lora_rank)
    return task


def _fit(task, config, folder, begin, train, validation):
    jit = {} if config.jit_compile is None else {"jit_compile": config.jit_compile}
    if config.label_smoothing:
        jit["label_smoothing"] = config.label_smoothing
    task.compile(config.recipe, **jit)
    options = {"sample_weight": train.weights, "class_weight": config.class_weight}
    options = {name: value for name, value in options.items() if value is not None}
    if validation is not None:
        options["validation_data"] = (validation.inputs, validation.targets)
    run = Run(
        *(folder.checkpoints, config.save_every, config.monitor, config.patience),
        *(begin, folder.announce),
    )
    with callbacks_of(folder, config.tensorboard) as callbacks:
        history = task.fit(
            train.inputs,
            train.targets,
            checkpoints=run,
            epochs=config.epochs,
            batch_size=config.batch_size,
            seed=config.seed,
            callbacks=callbacks,
            verbose=0,
            **options,
        )
    return history.history


def _metrics(task, config, history, validation):
    epochs = len(history["loss"])
    best = epochs
    if config.monitor is not None:
        sign = sign_of(config.monitor, task.model)
        values = [sign * value for value in history[config.monitor]]
        best = values.index(max(values)) + 1
    metrics = {
        "epochs": epochs,
        "epoch": best,  # the one that is kept
        "train": {
            name: values[best - 1]
            for name, values in history.items()
            if not name.startswith("val_")
        },
    }
    if validation is not None:
        found = task.evaluate(validation.inputs, validation.targets, config.batch_size)
        metrics["validation"] = {name: float(value) for name, value in found.items()}
    return metrics


def _are_pairs(data):
    return isinstance(data.inputs[0], tuple)
