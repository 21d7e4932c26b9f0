import keras
import numpy as np
import pytest

pytest.importorskip("tensorflow")

from kerasbert.models.loading import variables_of
from kerasbert.packed.rounding import bits_of, integers_of, largest, scales_of
from kerasbert.training.fit import Run, fit
from kerasbert.training.rounded import RoundedOptimizer, RoundedRecipe
from tests.training import toy
from tests.training.killed import KillAfter, Killed

BITS = {"token_embedding": 4, "kernel": 6}


def train(run=None, callbacks=()):
    model = toy.model()
    fit(
        *(model, toy.features(), toy.arguments(RoundedRecipe(0.01, bits=BITS))),
        epochs=2,
        batch_size=toy.BATCH,
        callbacks=callbacks,
        run=run,
        verbose=0,
    )
    return model


@pytest.fixture(scope="module")
def trained():
    return train()


def test_gradients_are_applied_to_exact_weights_by_hand():
    kernel = keras.Variable([[0.5, -3.0], [3.5, 1.4]], name="kernel")
    optimizer = RoundedOptimizer(keras.optimizers.SGD(0.1), {kernel.path: 4})
    optimizer.build([kernel])
    rows = np.array([[0.5, 3.5], [-3.0, 1.4]], "float32")  # a scale a column
    scales = scales_of(rows, 4)
    exact = np.array([[0.5, -3.0], [3.5, 1.4]], "float32")
    for gradient in ([[1.0, 1.0], [-2.0, 0.3]], [[1.0, -1.0], [20.0, 0.3]]):
        rounded = integers_of(exact.T, scales, 4).T * scales
        np.testing.assert_array_equal(kernel, rounded)
        optimizer.apply([keras.ops.array(gradient)], [kernel])
        exact = exact - np.float32(0.1) * np.array(gradient, "float32")
    np.testing.assert_allclose(
        kernel, integers_of(exact.T, scales, 4).T * scales, rtol=1e-6
    )
    assert np.abs(np.asarray(kernel) / scales).max() <= largest(4)


def test_trained_weights_are_rounded_and_saving_changes_none(trained, tmp_path):
    start = variables_of(toy.model())
    trained.save_pretrained(tmp_path / "packed", bits=BITS)
    again = type(trained).from_pretrained(tmp_path / "packed")
    moved = 0
    for path, variable in variables_of(trained).items():
        np.testing.assert_array_equal(variable, variables_of(again)[path], path)
        bits = bits_of(path, BITS)
        if bits is not None:
            rows = np.asarray(start[path])
            rows = rows if path.endswith("embeddings") else rows.T
            scales = scales_of(rows, bits)
            rows = integers_of(rows, scales, bits) * scales[:, None]
            rows = rows if path.endswith("embeddings") else rows.T
            moved += np.any(rows != np.asarray(variable))
    assert moved > 5


def test_a_run_that_is_killed_ends_in_the_same_weights(trained, tmp_path):
    run = Run(tmp_path, every=1)
    with pytest.raises(Killed):
        train(run, [KillAfter(toy.STEPS + 1)])
    toy.assert_same(train(run), trained)


def test_the_optimizer_is_serializable():
    optimizer = RoundedOptimizer(keras.optimizers.SGD(0.1), {"kernel": 4})
    config = keras.saving.serialize_keras_object(optimizer)
    again = keras.saving.deserialize_keras_object(config)
    assert again.bits == {"kernel": 4}
    assert float(again.learning_rate) == pytest.approx(0.1)
    again.learning_rate = 0.2
    assert float(again.inner_optimizer.learning_rate) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"bits": 9}, "Expected bits to be a number from 4 to 8"),
        ({"bits": 4, "accumulation": 2}, "Expected accumulation=1 with bits, got 2"),
        ({"bits": 4, "learning_rate": 0}, "Expected learning_rate to be above 0"),
    ],
)
def test_bad_settings_are_refused(options, told):
    with pytest.raises(ValueError, match=told):
        RoundedRecipe(**options)


def test_float16_and_absent_weights_are_refused():
    with pytest.raises(ValueError, match="float32 or mixed_bfloat16 with bits"):
        RoundedRecipe(bits=4).optimizer(toy.model("mixed_float16"), 1)
    with pytest.raises(ValueError, match="'kernal', which no kernel or table"):
        RoundedRecipe(bits={"kernal": 4}).optimizer(toy.model(), 1)
