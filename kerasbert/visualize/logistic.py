"""Logistic regression for linear probes."""

import numpy as np

MEMORY = 10  # history size of L-BFGS


class LogisticRegression:
    """Multinomial logistic regression, trained to convergence.

    The loss is the sum of the cross-entropies plus `l2 / 2` times the sum of the
    squared weights, without biases. Features are standardized. `fit` takes features
    `[n, D]` and labels `[n]` from 0; `tolerance` bounds the gradient of the mean loss.

    Example:
        >>> features = np.array([[0.0], [1.0], [2.0], [3.0]])
        >>> model = LogisticRegression().fit(features, np.array([0, 0, 1, 1]))
        >>> model.predict(np.array([[0.2], [2.9]])).tolist()
        [0, 1]
    """

    def __init__(self, l2=1.0, iterations=500, tolerance=1e-5):
        self.l2 = l2
        self.iterations = iterations
        self.tolerance = tolerance

    def fit(self, features, labels):
        """Fits the weights; returns the model."""
        self.mean = features.mean(axis=0)
        deviation = features.std(axis=0)
        self.scale = 1 / np.where(deviation > 0, deviation, 1)
        x = self._inputs(features)  # [n, D + 1]
        one_hot = np.eye(labels.max() + 1)[labels]  # [n, C]
        penalty = np.full((x.shape[1], 1), self.l2)
        penalty[-1] = 0  # of the bias

        def loss(flat):
            weights = flat.reshape(x.shape[1], -1)  # [D + 1, C]
            log_probs = _log_softmax(x @ weights)  # [n, C]
            value = (penalty * weights**2).sum() / 2 - (one_hot * log_probs).sum()
            gradient = x.T @ (np.exp(log_probs) - one_hot) + penalty * weights
            return value / len(x), gradient.reshape(-1) / len(x)

        start = np.zeros(x.shape[1] * one_hot.shape[1])
        flat = minimum(loss, start, self.iterations, self.tolerance)
        self.weights = flat.reshape(x.shape[1], -1)
        return self

    def predict(self, features):
        """Returns the most probable class of each example, int `[n]`."""
        return np.argmax(self._inputs(features) @ self.weights, axis=1)

    def _inputs(self, features):
        normal = (features - self.mean) * self.scale
        return np.concatenate([normal, np.ones((len(normal), 1))], axis=1)


def minimum(loss, start, iterations, tolerance):
    """Minimizes a smooth convex function with L-BFGS.

    `loss` returns value and gradient; the search ends when no component of the gradient
    exceeds `tolerance`.

    Reference:
        Nocedal and Wright, Numerical Optimization, algorithms 7.4 and 7.5.
    """
    point, (value, gradient) = start, loss(start)
    history = []
    for _ in range(iterations):
        if np.abs(gradient).max() <= tolerance:
            break
        direction = _direction(gradient, history)
        slope = gradient @ direction
        step = 1.0 if history else 1 / max(1.0, np.linalg.norm(gradient))
        while True:
            new_point = point + step * direction
            new_value, new_gradient = loss(new_point)
            if new_value <= value + 1e-4 * step * slope or step < 1e-12:
                break
            step /= 2
        moved, changed = new_point - point, new_gradient - gradient
        if moved @ changed > 0:
            history = [*history[1 - MEMORY :], (moved, changed)]
        point, value, gradient = new_point, new_value, new_gradient
    return point


def _direction(gradient, history):
    """Returns the L-BFGS direction: minus the inverse Hessian times the gradient."""
    direction, factors = -gradient, []
    for moved, changed in reversed(history):
        factor = moved @ direction / (moved @ changed)
        direction = direction - factor * changed
        factors.append(factor)
    if history:
        moved, changed = history[-1]
        direction = direction * (moved @ changed) / (changed @ changed)
    for (moved, changed), factor in zip(history, reversed(factors), strict=True):
        direction = direction + (
            (factor - changed @ direction / (moved @ changed)) * moved
        )
    return direction


def _log_softmax(logits):
    logits = logits - logits.max(axis=1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
