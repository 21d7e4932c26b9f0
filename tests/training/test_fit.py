import keras
import numpy as np
import pytest

pytest.importorskip("tensorflow")

from kerasbert.training import EncodedExamples, Recipe
from kerasbert.training.callbacks import Diverged
from kerasbert.training.fit import Run, fit
from tests.training import toy


def train(model, features=None, recipe=None, seed=0, epochs=1, run=None, **others):
    """A run; steps so small take less time than making a graph of them."""
    others.setdefault("run_eagerly", "jit_compile" not in others)
    return fit(
        model,
        toy.features() if features is None else features,
        toy.arguments(recipe, **others),
        batch_size=toy.BATCH,
        epochs=epochs,
        seed=seed,
        run=run,
        verbose=0,
    )


def test_a_seed_gives_the_same_weights_and_another_seed_others():
    one, two, other = toy.model(), toy.model(), toy.model()
    keras.utils.set_random_seed(1)
    train(one, seed=3)
    keras.utils.set_random_seed(2)
    train(two, seed=3)
    train(other, seed=4)
    toy.assert_same(one, two)
    assert any(
        np.any(one != two)
        for one, two in zip(one.get_weights(), other.get_weights(), strict=True)
    )


def test_the_loss_falls():
    history = train(toy.model(dropout=0.0), epochs=6, recipe=Recipe(0.05))
    losses = history.history["loss"]
    assert losses[-1] < 0.7 * losses[0]


class Break(keras.callbacks.Callback):
    """Makes a weight no number, at a step."""

    def __init__(self, step):
        super().__init__()
        self.step = step

    def on_train_batch_begin(self, batch, logs=None):
        if self.step == 0:
            bias = self.model.head.weights[-1]
            bias.assign(np.full(bias.shape, np.nan))
        self.step -= 1


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_the_state(tmp_path):
    model = toy.model()
    run = Run(tmp_path, every=1)
    with pytest.raises(Diverged, match="nan at step 3. .*state.safetensors") as caught:
        fit(
            *(model, toy.features(), toy.arguments(run_eagerly=True)),
            batch_size=toy.BATCH,
            callbacks=[Break(2)],
            run=run,
            verbose=0,
        )
    assert "learning rate" in str(caught.value)
    fresh = toy.model()
    optimizer = Recipe(0.01).optimizer(fresh, 9)
    fresh.compile(optimizer)
    optimizer.build(fresh.trainable_variables)
    assert run.load(fresh)[0] == 2
    assert all(np.isfinite(array).all() for array in fresh.get_weights())


def test_without_a_folder_a_run_that_ends_says_that_nothing_was_saved():
    with pytest.raises(Diverged, match="Nothing of this run was saved"):
        fit(
            *(toy.model(), toy.features(), toy.arguments(run_eagerly=True)),
            callbacks=[Break(0)],
            verbose=0,
        )


def test_no_examples_are_refused():
    with pytest.raises(ValueError, match="training examples, got none"):
        train(toy.model(), EncodedExamples({"token_ids": []}))


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_trains_float32_weights(dtype):
    model = toy.model(dtype, dropout=0.0)
    losses = train(model, epochs=6, recipe=Recipe(0.05)).history["loss"]
    assert np.isfinite(losses).all()
    assert losses[-1] < 0.7 * losses[0]
    assert {v.dtype for v in model.trainable_variables} == {"float32"}
    scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (dtype == "mixed_float16")


def test_a_run_in_float16_goes_on_exactly(tmp_path):
    one, two = toy.model("mixed_float16"), toy.model("mixed_float16")
    train(one, epochs=2)
    stop = keras.callbacks.LambdaCallback(on_epoch_end=_stop)
    with pytest.raises(KeyboardInterrupt):
        fit(
            *(
                toy.model("mixed_float16"),
                toy.features(),
                toy.arguments(run_eagerly=True),
            ),
            epochs=2,
            batch_size=toy.BATCH,
            run=Run(tmp_path),
            callbacks=[stop],
            verbose=0,
        )
    train(two, epochs=2, run=Run(tmp_path))
    toy.assert_same(one, two)


def _stop(epoch, logs):
    raise KeyboardInterrupt


@pytest.mark.slow
def test_xla_gives_the_weights_that_it_gives_without():
    plain, compiled = toy.model(dropout=0.0), toy.model(dropout=0.0)
    train(plain, jit_compile=False)
    train(compiled, jit_compile=True)
    for one, two in zip(plain.get_weights(), compiled.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, 0, 2e-5)


def test_lora_trains_its_matrices_and_the_head_alone():
    model = toy.model()
    model.encoder.enable_lora(2)
    before = {variable.path: variable.numpy() for variable in model.weights}
    train(model)
    changed = {v.path for v in model.weights if np.any(v.numpy() != before[v.path])}
    assert changed and all(
        "lora_kernel" in path or "classification_head" in path for path in changed
    )
    assert sum("lora_kernel_b" in path for path in changed) == 2


def test_weights_of_examples_count():
    """An example that counts nothing is as good as none."""
    features = toy.features(8)
    weights = np.array([1, 1, 0, 0] * 2, "float32")
    weighted = EncodedExamples(features.inputs, features.targets, weights)
    report = train(toy.model(dropout=0.0), weighted, Recipe(1e-9))
    rows = [0, 1, 4, 5]
    alone = EncodedExamples(
        {
            name: [values[row] for row in rows]
            for name, values in weighted.inputs.items()
        },
        {"logits": weighted.targets["logits"][rows]},
    )
    alone = train(toy.model(dropout=0.0), alone, Recipe(1e-9))
    # Keras divides by the number of examples, whatever their weights.
    np.testing.assert_allclose(
        report.history["loss"][0], alone.history["loss"][0] / 2, 1e-5
    )


def test_a_row_of_padding_alone_does_no_harm_to_others():
    model, features = toy.model(dropout=0.0), toy.features(3)
    inputs, _, _ = features.batch([0, 1, 2])
    expected = model(inputs)["logits"].numpy()
    inputs["padding_mask"][1] = 0
    found = model(inputs)["logits"].numpy()
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[[0, 2]], expected[[0, 2]], atol=1e-6)

    class PaddingAlone(EncodedExamples):
        def batch(self, rows):
            inputs, targets, weights = super().batch(rows)
            inputs["padding_mask"] *= (np.arange(len(rows)) != 1)[:, None]
            return inputs, targets, weights

    features = PaddingAlone(features.inputs, features.targets)
    history = train(model, features).history
    assert np.isfinite(history["loss"]).all()
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
