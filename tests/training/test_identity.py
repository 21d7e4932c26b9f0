import json

import keras
import numpy as np
import pytest

pytest.importorskip("tensorflow")

from kerasbert.training import Recipe, identity
from kerasbert.training.fit import Run, Validation, fit
from kerasbert.training.state import read_run, save_state
from tests.training import toy
from tests.training.killed import KillAfter, Killed


def train(folder, model=None, features=None, recipe=None, callbacks=(), **options):
    model = model or toy.model()
    fit(
        *(model, features or toy.features(), toy.arguments(recipe, run_eagerly=True)),
        **{"batch_size": toy.BATCH, "epochs": 1, **options},
        run=Run(folder),
        callbacks=callbacks,
        verbose=0,
    )
    return model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    train(folder, about={"labels": ["no", "yes"]})
    return folder


def other_weights():
    model = toy.model()
    model.head.weights[-1].assign([0.5, 0.0])
    return model


def other_targets():
    features = toy.features()
    features.targets["logits"][3] = 0
    return features


def other_order():
    features = toy.features()
    for values in features.inputs.values():
        values.reverse()
    return features


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"features": toy.features(seed=1)}, "other examples"),
        ({"features": other_targets()}, "other examples' targets"),
        ({"features": other_order()}, "other examples"),
        ({"model": other_weights()}, "starting weights. Is it the model"),
        ({"recipe": Recipe(0.02)}, "learning_rate '0.01', now '0.02'"),
        ({"epochs": 2}, r"epochs \(1, now 2\).*decays to 0 at the last epoch"),
        ({"batch_size": 5}, r"batch_size \(4, now 5\)"),
        ({"seed": 1}, r"seed \(0, now 1\)"),
        ({"about": {"labels": ["yes", "no"]}}, "labels"),
        ({"validation": Validation(toy.features())}, "validation"),
    ],
)
def test_the_state_of_another_run_is_refused_and_told_apart(folder, options, told):
    before = (folder / "state.safetensors").read_bytes()
    options = {"about": {"labels": ["no", "yes"]}, **options}
    with pytest.raises(ValueError, match=f"{told}.*Use another folder"):
        train(folder, **options)
    assert (folder / "state.safetensors").read_bytes() == before


def test_the_state_of_another_version_or_of_none_is_refused(tmp_path, monkeypatch):
    train(tmp_path)
    monkeypatch.setattr(identity, "__version__", "99.0")
    with pytest.raises(ValueError, match="now 'kerasbert 99.0.*that started the run"):
        train(tmp_path)
    model = toy.model()
    model.compile("adam")
    save_state(tmp_path / "state.safetensors", model, 1, [])
    with pytest.raises(ValueError, match="of an earlier kerasbert"):
        train(tmp_path)


def test_a_model_that_was_ended_in_this_process_goes_on_in_it(tmp_path):
    expected = train(tmp_path / "whole", epochs=2)
    model = toy.model()
    with pytest.raises(Killed):
        train(tmp_path / "run", model, epochs=2, callbacks=[KillAfter(toy.STEPS + 1)])
    train(tmp_path / "run", model, epochs=2)
    toy.assert_same(model, expected)
    model.head.weights[-1].assign([0.5, 0.0])
    with pytest.raises(ValueError, match="starting weights"):
        train(tmp_path / "run", model, epochs=2)


def test_more_epochs_are_the_same_run_where_the_rate_does_not_end_with_them(tmp_path):
    def adam():
        return keras.optimizers.Adam(0.01)

    expected = train(tmp_path / "three", recipe=adam(), epochs=3)
    train(tmp_path / "run", recipe=adam(), epochs=1)
    model = train(tmp_path / "run", recipe=adam(), epochs=3)
    toy.assert_same(model, expected)
    with pytest.raises(ValueError, match="epochs to be 3 or more"):
        train(tmp_path / "run", recipe=adam(), epochs=2)


class StopAt(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = epoch == 0

    def on_train_end(self, logs=None):
        self.model.head.weights[-1].assign([0.25, -0.25])  # as of the best epoch


def test_a_run_that_a_callback_has_stopped_stays_as_it_was_left(tmp_path):
    one = train(tmp_path, epochs=3, callbacks=[StopAt()])
    assert read_run(tmp_path / "state.safetensors")[1]
    two = train(tmp_path, epochs=3)
    toy.assert_same(one, two)
    np.testing.assert_array_equal(two.head.weights[-1], [0.25, -0.25])


def test_an_identity_is_json_and_the_same_in_every_process():
    features = toy.features()
    arguments = toy.arguments(keras.optimizers.Adam(0.01))
    one = identity.run_identity(toy.model(), features, None, arguments, {"seed": 0})
    two = identity.run_identity(
        toy.model(), toy.features(), None, arguments, {"seed": 0}
    )
    assert one == two == json.loads(json.dumps(one))
    assert "0x" not in json.dumps(one)  # the address of an object
