import numpy as np

from kerasbert.visualize.logistic import LogisticRegression, minimum


def examples():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 5)) * [1, 10, 0.1, 3, 1] + [0, 5, 0, -2, 0]
    noise = rng.normal(size=60)
    y = (x[:, 0] + 0.3 * x[:, 3] + noise > 0).astype(int) + (x[:, 1] > 9)
    return x, y


def test_weights_are_where_the_loss_has_no_slope():
    x, y = examples()
    model = LogisticRegression(l2=2.0, tolerance=1e-9).fit(x, y)
    normal = (x - x.mean(axis=0)) / x.std(axis=0)
    inputs = np.concatenate([normal, np.ones((60, 1))], axis=1)
    logits = inputs @ model.weights
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    slope = inputs.T @ (probs - np.eye(3)[y])
    slope[:-1] += 2.0 * model.weights[:-1]
    assert np.abs(slope).max() < 1e-7


def test_one_weight_is_found_by_hand():
    # Two examples at -1 and 1: the loss 2 ln(1 + e^-2w) + w^2 has no slope where
    # w = 2 / (1 + e^2w), with w for one class and -w for the other.
    model = LogisticRegression(l2=1.0, tolerance=1e-10)
    model.fit(np.array([[-1.0], [1.0]]), np.array([0, 1]))
    w = model.weights[0, 1]
    np.testing.assert_allclose(model.weights[:, 0], -model.weights[:, 1], atol=1e-9)
    np.testing.assert_allclose(w, 2 / (1 + np.exp(2 * w)), rtol=1e-8)


def test_units_and_constant_features_change_nothing():
    x, y = examples()
    other = np.concatenate([x * 1000 + 7, np.full((60, 1), 3.0)], axis=1)
    np.testing.assert_array_equal(
        LogisticRegression().fit(x, y).predict(x),
        LogisticRegression().fit(other, y).predict(other),
    )


def test_the_least_of_a_quadratic_is_found():
    matrix = np.diag([1.0, 30.0, 900.0])
    goal = np.array([3.0, -2.0, 1.0])

    def loss(x):
        return (x - goal) @ matrix @ (x - goal) / 2, matrix @ (x - goal)

    found = minimum(loss, np.zeros(3), 100, 1e-9)
    np.testing.assert_allclose(found, goal, atol=1e-8)
