import keras
import numpy as np
import pytest

pytest.importorskip("tensorflow")

from kerasbert.training import AdamW, Recipe, WarmUpDecay
from kerasbert.training.recipe import as_optimizer, freeze_layers
from tests.models import tiny
from tests.training import toy


def numpy(variable):
    return keras.ops.convert_to_numpy(variable)


def updates(optimizer, gradients, start):
    """A weight after each of some gradients."""
    variable = keras.Variable(np.array(start, "float32"), name="weight")
    optimizer.build([variable])
    found = []
    for gradient in gradients:
        optimizer.apply([keras.ops.array(gradient, "float32")], [variable])
        found.append(numpy(variable).copy())
    return found


def adamw_by_hand(gradients, weight, rate=0.1, decay=0.01):
    """Algorithm 2 of Loshchilov and Hutter."""
    weight, m, v = np.array(weight, "float64"), 0.0, 0.0
    for step, gradient in enumerate(np.array(gradients, "float64"), 1):
        m = 0.9 * m + 0.1 * gradient
        v = 0.999 * v + 0.001 * gradient**2
        update = (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
        weight = weight - rate * (update + decay * weight)
        yield weight


START = [[1.0, -2.0], [0.5, 3.0]]
GRADIENTS = np.random.default_rng(0).normal(size=(5, 2, 2))


@pytest.mark.parametrize("size", [1.0, 1e-8])  # as small as epsilon
@pytest.mark.parametrize("amsgrad", [False, True])
def test_adamw_is_that_of_the_paper(amsgrad, size):
    optimizer, gradients = AdamW(0.1, amsgrad=amsgrad), GRADIENTS * size
    found = updates(optimizer, gradients[:1] if amsgrad else gradients, START)
    for one, two in zip(found, adamw_by_hand(gradients, START), strict=False):
        np.testing.assert_allclose(one, two, 1e-4)


def test_a_variable_has_the_rate_of_its_layer():
    found = updates(AdamW(0.1, rates={"weight": 0.5}), GRADIENTS, START)
    expected = adamw_by_hand(GRADIENTS, START, rate=0.05)
    for one, two in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, two, 1e-4)


def test_batches_that_make_one_update_are_as_one_batch_at_every_rate():
    """With warm-up, decay and clipping: the schedule counts updates."""
    model = toy.model()
    whole = Recipe(0.1, warmup=0.4).optimizer(model, 5)
    parts = Recipe(0.1, warmup=0.4, accumulation=2).optimizer(model, 10)
    halves = [part for gradient in GRADIENTS for part in (gradient - 1, gradient + 1)]
    expected = updates(whole, GRADIENTS, START)
    found = updates(parts, halves, START)
    np.testing.assert_allclose(found[1::2], expected, 1e-5)
    for first, before in zip(
        found[0::2], [np.array(START), *found[1::2]], strict=False
    ):
        np.testing.assert_array_equal(first, before.astype("float32"))


def test_biases_and_norms_do_not_decay():
    model = toy.model()
    optimizer = Recipe(0.1, warmup=0, decay="constant").optimizer(model, 10)
    before = {v.path: numpy(v).copy() for v in model.trainable_variables}
    optimizer.build(model.trainable_variables)
    zeros = [keras.ops.zeros_like(v) for v in model.trainable_variables]
    optimizer.apply(zeros, model.trainable_variables)
    for variable in model.trainable_variables:
        factor = 1 - 0.1 * 0.01 if len(variable.shape) > 1 else 1
        np.testing.assert_allclose(
            numpy(variable), before[variable.path] * factor, 1e-6, 1e-9
        )


def test_layers_further_down_learn_more_slowly():
    model = toy.model(num_hidden_layers=2)
    rates = Recipe(layer_decay=0.5).optimizer(model, 10).rates
    for variable in model.trainable_variables:
        expected = {"embeddings": 1 / 8, "layer_0": 1 / 4, "layer_1": 1 / 2}
        [factor] = [f for n, f in expected.items() if n in variable.path] or [None]
        assert rates.get(variable.path) == factor, variable.path
    assert Recipe().optimizer(model, 10).rates == {}


def test_shared_layers_have_the_rate_of_the_first():
    encoder = tiny.albert(num_hidden_layers=3)
    model = type(toy.model())(encoder, 2)
    rates = Recipe(layer_decay=0.5).optimizer(model, 10).rates
    assert {rates[v.path] for v in encoder.blocks[0].trainable_variables} == {1 / 8}
    assert {rates[v.path] for v in encoder.embeddings.variables} == {1 / 16}


@pytest.mark.parametrize(
    ("decay", "middle"), [("linear", 0.5), ("cosine", 0.5), ("constant", 1.0)]
)
def test_the_rate_rises_and_falls(decay, middle):
    schedule = WarmUpDecay(2.0, steps=12, warmup_steps=2, decay=decay)
    found = [float(schedule(step)) for step in (0, 1, 2, 7, 12, 20)]
    end = 2.0 if decay == "constant" else 0.0
    np.testing.assert_allclose(found, [0, 1, 2, 2 * middle, end, end], atol=1e-6)


def test_the_inverse_square_root_is_that_of_the_transformer():
    schedule = WarmUpDecay(2.0, steps=100, warmup_steps=4, decay="inverse_sqrt")
    found = [float(schedule(step)) for step in (0, 2, 4, 16, 64, 400)]
    np.testing.assert_allclose(found, [0, 1, 2, 1, 0.5, 0.2], 1e-6)


def test_the_stable_rate_decays_at_the_end():
    schedule = WarmUpDecay(
        2.0, 100, warmup_steps=10, decay="warmup_stable_decay", decay_steps=16
    )
    found = [float(schedule(step)) for step in (5, 10, 84, 88, 93, 100, 120)]
    expected = [1, 2, 2, 2 * (1 - 0.25**0.5), 2 * (1 - (9 / 16) ** 0.5), 0, 0]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    again = WarmUpDecay.from_config(schedule.get_config())
    assert float(again(88)) == float(schedule(88))


def test_a_recipe_gives_the_schedule_its_fractions():
    recipe = Recipe(
        0.1,
        warmup=0.05,
        decay="warmup_stable_decay",
        decay_fraction=0.25,
        accumulation=2,
    )
    schedule = recipe.optimizer(toy.model(), 200)._learning_rate
    wanted = {"peak": 0.1, "steps": 100, "warmup_steps": 5, "decay_steps": 25}
    assert schedule.get_config() == {**wanted, "decay": "warmup_stable_decay"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"decay": "inverse_sqrt", "warmup": 0}, "Expected warmup to be above 0"),
        ({"decay": "warmup_stable_decay", "decay_fraction": 0}, "decay_fraction"),
        ({"decay": "warmup_stable_decay", "decay_fraction": 0.95}, "warmup of 0.1"),
    ],
)
def test_fractions_that_a_schedule_cannot_have_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        Recipe(**values)


@pytest.mark.parametrize(
    "values",
    [
        {"learning_rate": 0},
        {"warmup": 1},
        {"weight_decay": -1},
        {"layer_decay": 0},
        {"accumulation": 0},
        {"clip_norm": 0},
        {"decay": "steps"},
    ],
)
def test_a_number_out_of_its_range_is_refused(values):
    [name] = values
    with pytest.raises(ValueError, match=name):
        Recipe(**values)


@pytest.mark.parametrize("value", ["1e-4", None, True])
def test_what_is_no_number_is_refused(value):
    for name in ("learning_rate", "weight_decay"):
        with pytest.raises(TypeError, match=f"Expected {name} to be a number, got "):
            Recipe(**{name: value})
    assert Recipe(np.float32(0.5), weight_decay=0).learning_rate == 0.5


def test_an_optimizer_of_keras_is_taken_as_it_is():
    optimizer = keras.optimizers.SGD(0.1)
    assert as_optimizer(optimizer, toy.model(), 1) is optimizer


def test_frozen_layers_are_none_of_the_trainable():
    encoder = tiny.bert(num_hidden_layers=2)
    freeze_layers(encoder, 1)
    left = {variable.path.split("/")[0] for variable in encoder.trainable_variables}
    assert left == {"layer_1", "pooler"}
    freeze_layers(tiny.albert(), 0)
    with pytest.raises(ValueError, match="share their weights"):
        freeze_layers(tiny.albert(), 1)
    with pytest.raises(ValueError, match="from 0 to 2 layers"):
        freeze_layers(encoder, 3)
