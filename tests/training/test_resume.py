import errno
import os
import pathlib
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest

pytest.importorskip("tensorflow")

from kerasbert.training import Recipe
from kerasbert.training import state as state_module
from kerasbert.training.callbacks import counters_of
from kerasbert.training.fit import Run, Validation, fit
from tests.training import toy
from tests.training.killed import KillAfter, Killed

EPOCHS = 2


def train(model=None, callbacks=(), run=None, run_eagerly=True, **options):
    """A run; steps so small take less time than making a graph of them."""
    model = model or toy.model()
    options = {"epochs": EPOCHS, **options}
    history = fit(
        model,
        toy.features(),
        toy.arguments(metrics={"logits": ["accuracy"]}, run_eagerly=run_eagerly),
        batch_size=toy.BATCH,
        callbacks=callbacks,
        run=run,
        verbose=0,
        **options,
    )
    return model, history


@pytest.fixture(scope="module")
def uninterrupted():
    return train()


def test_a_run_that_is_killed_at_every_step_ends_in_the_same_weights(
    tmp_path, uninterrupted
):
    """With dropout, warm-up and decay; every time in a model that knows nothing.

    An epoch's last step is saved with its logs: a run that is killed right after it
    sees it again.
    """
    run = Run(tmp_path, every=1)
    for batches, saved in ((1, 1), (1, 2), (1, 2), (2, 4), (1, 5), (1, 5)):
        with pytest.raises(Killed):
            train(callbacks=[KillAfter(batches)], run=run)
        assert run.load(_compiled(toy.model()))[0] == saved
    model, history = train(run=run)
    toy.assert_same(model, uninterrupted[0])
    assert history.history == uninterrupted[1].history


@pytest.mark.slow
@pytest.mark.parametrize("every", [None, 1])
def test_a_run_goes_on_from_the_last_state_in_graphs_too(tmp_path, every):
    """With the logs of the whole epoch, also of that in which it was killed."""
    run = Run(tmp_path, every)
    uninterrupted, expected = train(run_eagerly=False)
    with pytest.raises(Killed):
        train(callbacks=[KillAfter(toy.STEPS + 2)], run=run, run_eagerly=False)
    model, history = train(run=run, run_eagerly=False)
    toy.assert_same(model, uninterrupted)
    assert history.history == expected.history


def test_a_run_that_has_ended_is_not_run_again(tmp_path, uninterrupted):
    run = Run(tmp_path)
    train(run=run)
    model, history = train(run=run, callbacks=[KillAfter(1)])
    toy.assert_same(model, uninterrupted[0])
    assert history.epoch == [0, 1]


SCRIPT = """
import os, signal, sys
import keras
from kerasbert.training.fit import Run
from tests.training import test_resume

class Kill(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 1:
            os.kill(os.getpid(), signal.SIGKILL)

test_resume.train(run=Run(sys.argv[1], every=1), callbacks=[Kill()])
"""


def test_a_process_that_is_killed_leaves_a_state_to_go_on_from(tmp_path, uninterrupted):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, tmp_path],
        cwd=pathlib.Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    run = Run(tmp_path)
    step, history = run.load(_compiled(toy.model()))
    assert (step, history) == (2, [])
    model, _ = train(run=run)
    toy.assert_same(model, uninterrupted[0])


def _compiled(model):
    optimizer = Recipe(0.01).optimizer(model, EPOCHS * toy.STEPS)
    model.compile(**{**toy.arguments(), "optimizer": optimizer})
    optimizer.build(model.trainable_variables)
    return model


class Scores:
    """A metric with values that are given, one an epoch."""

    def __init__(self, *values):
        self.values = list(values)

    def __call__(self):
        return {"score": self.values.pop(0)}


def scored(values):
    return Validation(toy.features(), Scores(*values), lambda: {"score": 0.0})


@pytest.mark.parametrize("interrupted", [False, True])
def test_the_best_epoch_is_kept_and_patience_ends_a_run(tmp_path, interrupted):
    run = Run(tmp_path, monitor="val_score", patience=2)
    options = {"run": run, "epochs": 6}
    values = [0.1, 0.7, 0.3, 0.7, 0.9]
    if interrupted:
        validation = scored(values)
        with pytest.raises(Killed):
            kill = KillAfter(3 * toy.STEPS + 1)
            train(validation=validation, callbacks=[kill], **options)
        values = values[3:]
    validation = scored(values)
    model, history = train(validation=validation, **options)
    assert history.history["val_score"] == [0.1, 0.7, 0.3, 0.7]

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    toy.assert_same(model, train(callbacks=[Stop()], epochs=6)[0])
    # It has stopped, also for who asks again.
    again, _ = train(validation=validation, **options)
    toy.assert_same(again, model)


class KillAtEnd(keras.callbacks.Callback):
    """Ends a run in the first step after an epoch."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch
        self.ended = None

    def on_epoch_end(self, epoch, logs=None):
        self.ended = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.ended == self.epoch:
            raise Killed


def counting(folder, best_weights=False):
    watch = {"monitor": "val_score", "mode": "max"}
    stop = keras.callbacks.EarlyStopping
    return [
        stop(patience=3, restore_best_weights=best_weights, **watch),
        keras.callbacks.ReduceLROnPlateau(patience=2, factor=0.5, cooldown=1, **watch),
        keras.callbacks.ModelCheckpoint(
            folder / "{epoch}.weights.h5",
            save_best_only=True,
            save_weights_only=True,
            **watch,
        ),
    ]


def train_counting(folder, values, *others, **options):
    """A run with a rate that callbacks may set; its callbacks, model and history."""
    folder.mkdir(exist_ok=True)
    callbacks = counting(folder, **options)
    model = toy.model()
    history = fit(
        *(model, toy.features()),
        toy.arguments(optimizer=keras.optimizers.SGD(0.1), run_eagerly=True),
        scored(values),
        epochs=8,
        batch_size=toy.BATCH,
        callbacks=[*callbacks, *others],
        run=Run(folder / "run"),
        verbose=0,
    )
    return callbacks, model, history.history


def test_counters_of_callbacks_go_on_where_the_run_does(tmp_path):
    values = [0.5, 0.7, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6]
    whole, model, history = train_counting(tmp_path / "whole", values)
    assert len(history["val_score"]) == 5 and history["learning_rate"][-1] < 0.1
    folder = tmp_path / "parts"
    with pytest.raises(Killed):
        train_counting(folder, values, KillAtEnd(2))
    parts, again, found = train_counting(folder, values[3:])
    assert found == history
    toy.assert_same(again, model)
    for one, two in zip(parts, whole, strict=True):
        assert counters_of(one) == counters_of(two)
    files = {file.name for file in folder.glob("*.h5")}
    assert files == {"1.weights.h5", "2.weights.h5"}


def test_what_of_callbacks_begins_anew_is_warned_of(tmp_path):
    values = [0.7, 0.6, 0.6, 0.6, 0.6]
    with pytest.raises(Killed):
        train_counting(tmp_path, values, KillAtEnd(1), best_weights=True)
    with pytest.warns(
        UserWarning, match="resumes without the best weights, of epoch 1"
    ):
        train_counting(tmp_path, values[2:], best_weights=True)

    stop = keras.callbacks.EarlyStopping("loss")
    with pytest.raises(Killed):
        train(callbacks=[KillAtEnd(0)], epochs=3, run=Run(tmp_path / "other"))
    with pytest.warns(UserWarning, match="counters of EarlyStopping start over"):
        train(callbacks=[stop], epochs=3, run=Run(tmp_path / "other"))


def test_a_loss_is_best_where_it_is_least_and_no_number_never_is(tmp_path):
    for monitor, values, best in (
        ("val_loss", [3.0, 1.0, 2.0], 1),
        ("val_score", [3.0, float("nan"), 2.0], 0),
    ):
        keep = Run(monitor=monitor).callbacks(1, 0, [{monitor: v} for v in values])[0]
        assert int(np.argmax(keep.values)) == best


def test_a_metric_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(ValueError, match="one of accuracy, loss, got 'val_f1'"):
        train(run=Run(monitor="val_f1"))
    with pytest.raises(ValueError, match="monitor"):
        Run(patience=1)


def test_a_full_disk_leaves_the_state_as_it_was(tmp_path, monkeypatch):
    from safetensors import SafetensorError
    from safetensors import numpy as safetensors

    model = _compiled(toy.model())
    file = tmp_path / "state.safetensors"
    state_module.save_state(file, model, 1, [])
    before = file.read_bytes()

    def full(tensors, path, metadata):
        pathlib.Path(path).write_bytes(b"half of it")
        raise SafetensorError(os.strerror(errno.ENOSPC))

    monkeypatch.setattr(safetensors, "save_file", full)
    with pytest.raises(OSError, match="No space left.* previous state is kept"):
        state_module.save_state(file, model, 2, [])
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_a_state_of_another_run_is_refused(tmp_path):
    file = tmp_path / "state.safetensors"
    state_module.save_state(file, _compiled(toy.model()), 1, [])
    other = _compiled(toy.model(intermediate_size=24))
    with pytest.raises(ValueError, match="state of another model or optimizer"):
        state_module.load_state(file, other)
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(ValueError, match="no state of a training run"):
        state_module.load_state(file, other)
