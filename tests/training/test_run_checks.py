import dataclasses

import keras
import numpy as np
import pytest

pytest.importorskip("tensorflow")

import tensorflow as tf

from kerasbert.training import Recipe
from kerasbert.training.batches import TrainingOrder
from kerasbert.training.callback_checks import sign_of
from kerasbert.training.fit import Run, Validation, fit
from tests.training import toy

callbacks_of = keras.callbacks


class NoStep(keras.callbacks.Callback):
    def on_train_batch_begin(self, batch, logs=None):
        raise AssertionError("A step was begun.")


def train(model=None, features=None, optimizer=None, callbacks=(), **options):
    model = model or toy.model(dropout=0.0)
    fit(
        *(
            model,
            features or toy.features(),
            toy.arguments(optimizer, run_eagerly=True),
        ),
        **{"batch_size": toy.BATCH, "epochs": 1, "verbose": 0, **options},
        callbacks=callbacks,
    )
    return model


@pytest.mark.parametrize("accumulation", [2, 16])
def test_the_last_group_of_gradients_is_an_update_of_their_mean(accumulation):
    """Compared with updates of the exact mean of the gradients of each group."""
    recipe = Recipe(0.01, accumulation=accumulation, warmup=0)
    trained = train(optimizer=recipe)
    model = toy.model(dropout=0.0)
    updates = -(-toy.STEPS // accumulation)
    optimizer = dataclasses.replace(recipe, accumulation=1).optimizer(model, updates)
    optimizer.build(model.trainable_variables)
    batches = list(TrainingOrder(toy.features(), toy.BATCH)())
    for start in range(0, len(batches), accumulation):
        group = [gradients(model, *batch) for batch in batches[start:][:accumulation]]
        means = [tf.add_n(parts) / len(parts) for parts in zip(*group, strict=True)]
        optimizer.apply(means)
    for one, other in zip(trained.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, 0, 1e-6)
    assert int(trained.optimizer.iterations) == updates


def gradients(model, inputs, targets):
    with tf.GradientTape() as tape:
        loss = toy.LOSS["logits"](targets["logits"], model(inputs)["logits"])
    found = tape.gradient(loss, model.trainable_variables)
    return [tf.convert_to_tensor(gradient) for gradient in found]


def frozen():
    model = toy.model()
    model.trainable = False
    return model


def weighed(value):
    features = toy.features()
    weights = np.full(len(features), value, "float32")
    return dataclasses.replace(features, weights=weights)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"model": frozen()}, "all weights of the model are frozen"),
        ({"features": weighed(0)}, "sample_weight above 0"),
        ({"epochs": 0}, "epochs to be 1 or more"),
        ({"seed": -1}, "seed to be 0 or more"),
        ({"optimizer": keras.optimizers.Adam(0.0)}, "learning rate above 0"),
        (
            {"optimizer": keras.optimizers.Adam(gradient_accumulation_steps=16)},
            "Keras' Adam would make no update",
        ),
        ({"validation": Validation(toy.features(0))}, "validation examples, got none"),
        ({"class_weight": {0: 1.0}}, "class_weight. is not supported"),
        ({"validation_batch_size": 2}, "validation_batch_size. is not"),
    ],
)
def test_what_would_learn_nothing_is_refused_before_a_step(options, told):
    with pytest.raises(ValueError, match=told):
        train(callbacks=[NoStep()], **options)


def test_an_optimizer_whose_schedule_has_ended_is_refused():
    schedule = keras.optimizers.schedules.PolynomialDecay(0.01, toy.STEPS, 0.0)
    optimizer = keras.optimizers.Adam(schedule)
    optimizer.iterations.assign(toy.STEPS)
    with pytest.raises(ValueError, match="after the 3 steps it has already taken"):
        train(optimizer=optimizer, callbacks=[NoStep()])


def test_what_is_left_of_groups_that_keras_accumulates_is_told():
    optimizer = keras.optimizers.Adam(gradient_accumulation_steps=2)
    with pytest.warns(UserWarning, match="drops those of the last 1 of 3"):
        train(optimizer=optimizer)


@pytest.mark.parametrize(
    ("callback", "error", "told"),
    [
        (lambda: callbacks_of.ReduceLROnPlateau("loss"), ValueError, "AdamW.3e-5"),
        (
            lambda: callbacks_of.LearningRateScheduler(lambda epoch, rate: rate),
            ValueError,
            "learning-rate schedule",
        ),
        (lambda: callbacks_of.BackupAndRestore("b"), ValueError, "checkpoints=folder"),
        (
            lambda: callbacks_of.EarlyStopping("val_loss"),
            ValueError,
            "accuracy, loss, got 'val_loss'. Pass validation_data",
        ),
        (
            lambda: callbacks_of.EarlyStopping("acc"),
            ValueError,
            "one of accuracy, loss, got 'acc'",
        ),
        (
            lambda: callbacks_of.EarlyStopping("loss", mode="max"),
            ValueError,
            'mode="min"',
        ),
        (
            lambda: callbacks_of.EarlyStopping("accuracy", mode="min"),
            ValueError,
            'mode="max"',
        ),
        (
            lambda: callbacks_of.ModelCheckpoint("m-{val_f1:.2f}.keras"),
            ValueError,
            "among epoch, batch, accuracy, loss, got val_f1",
        ),
        (lambda: callbacks_of.EarlyStopping, TypeError, "Instantiate the class"),
        (lambda: "early", TypeError, "got 'early'"),
    ],
)
def test_callbacks_that_cannot_work_are_refused_before_a_step(callback, error, told):
    model = toy.model()
    arguments = toy.arguments(metrics={"logits": ["accuracy"]}, run_eagerly=True)
    with pytest.raises(error, match=told):
        fit(
            *(model, toy.features(), arguments),
            callbacks=[NoStep(), callback()],
            verbose=0,
        )


def test_metrics_of_answers_can_be_watched_and_need_a_mode():
    validation = Validation(toy.features(), lambda: {"f1": 0.5})
    stop = callbacks_of.EarlyStopping("val_f1")
    with pytest.raises(ValueError, match='Give mode="max"'):
        train(validation=validation, callbacks=[NoStep(), stop])
    train(
        validation=validation,
        callbacks=callbacks_of.EarlyStopping("val_f1", mode="max"),
    )


def test_a_monitor_that_will_not_be_there_is_refused_before_a_step():
    with pytest.raises(ValueError, match="one of loss, got 'val_f1'"):
        train(run=Run(monitor="val_f1"), callbacks=[NoStep()])


@pytest.mark.parametrize(
    ("name", "sign"),
    [("val_loss", -1), ("val_perplexity", -1), ("val_mse", -1), ("val_f1", 1)],
)
def test_less_is_better_of_losses_errors_and_perplexities(name, sign):
    assert sign_of(name) == sign


def test_a_run_says_what_it_is_about_to_do(capsys):
    train(verbose=2, optimizer=Recipe(0.01, accumulation=2), epochs=2)
    told = capsys.readouterr().err
    assert "10 examples; 2 epochs of 3 batches of up to 4 on 1 device" in told
    assert "3 updates of 2 batches each, learning rate up to 0.01" in told
