import keras
import numpy as np
import pytest

pytest.importorskip("tensorflow")

from kerasbert.training import Recipe
from kerasbert.training.lamb import LAMB, StableAdamW
from tests.training import toy

GRADIENTS = np.random.default_rng(0).normal(size=(4, 3, 2))
GRADIENTS[2] *= 20  # a sudden one
START = np.array([[1.0, -2.0], [0.5, 3.0], [0.1, 0.2]])


def updates(optimizer):
    variable = keras.Variable(START.astype("float32"), name="weight")
    optimizer.build([variable])
    for gradient in GRADIENTS:
        optimizer.apply([keras.ops.array(gradient, "float32")], [variable])
        yield keras.ops.convert_to_numpy(variable).copy()


def by_hand(change, rate=0.1, decay=0.01, beta_2=0.999, epsilon=1e-6):
    weight, m, v = START.copy(), 0.0, 0.0
    for step, gradient in enumerate(GRADIENTS, 1):
        m = 0.9 * m + 0.1 * gradient
        v = beta_2 * v + (1 - beta_2) * gradient**2
        second = v / (1 - beta_2**step)
        update = m / (1 - 0.9**step) / (np.sqrt(second) + epsilon) + decay * weight
        weight = weight - rate * change(weight, update, gradient, second) * update
        yield weight


def test_lamb_is_that_of_the_paper():
    """Algorithm 2 of You et al.: the update is as long as the weight."""

    def trust(weight, update, gradient, second):
        return np.linalg.norm(weight) / np.linalg.norm(update)

    for found, expected in zip(updates(LAMB(0.1)), by_hand(trust), strict=True):
        np.testing.assert_allclose(found, expected, 1e-4)


def test_the_rate_of_stable_adamw_shrinks_at_a_sudden_gradient():
    """Algorithm 2 of Wortsman et al."""
    factors = []

    def clipped(weight, update, gradient, second):
        factors.append(1 / max(1, np.sqrt(np.mean(gradient**2 / second))))
        return factors[-1]

    for found, expected in zip(
        updates(StableAdamW(0.1)), by_hand(clipped), strict=True
    ):
        np.testing.assert_allclose(found, expected, 1e-4)
    assert factors[2] < 0.7 < 0.9 < factors[0]


@pytest.mark.parametrize("algorithm", ["lamb", "stable_adamw"])
def test_a_recipe_names_its_algorithm(algorithm):
    recipe = Recipe(1e-2, algorithm=algorithm, beta_2=0.98, epsilon=1e-5)
    optimizer = recipe.optimizer(toy.model(), 10)
    assert type(optimizer) is {"lamb": LAMB, "stable_adamw": StableAdamW}[algorithm]
    assert (optimizer.beta_2, optimizer.epsilon) == (0.98, 1e-5)
    with pytest.raises(ValueError, match="adamw, lamb, stable_adamw"):
        Recipe(algorithm="adam")
