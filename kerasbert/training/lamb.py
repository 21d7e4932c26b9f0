"""LAMB and StableAdamW: AdamW with another length of the update."""

from typing import Any

import keras
from keras import ops

from kerasbert.training.adamw import AdamW, dense


class _ScaledAdamW(AdamW):
    """AdamW whose update of each weight is computed and then scaled."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        index = self._get_variable_index(variable)
        gradient = ops.cast(dense(gradient), variable.dtype)
        rate = ops.cast(learning_rate, variable.dtype) * self._rate_of[index]
        first, second = self._moments(gradient, index, variable.dtype)
        decays = self.weight_decay and self._use_weight_decay(variable)
        update = first / (ops.sqrt(second) + self.epsilon)
        change = self._change(update, gradient, second, variable, rate, decays)
        self.assign(variable, variable - change)


@keras.saving.register_keras_serializable(package="kerasbert")
class LAMB(_ScaledAdamW):
    """LAMB: the update of each weight is as long as the weight.

    Biases and layer norms, which do not decay, have the update of Adam.

    Args:
        learning_rate: A float or a `LearningRateSchedule`.
        weight_decay: The decoupled weight decay.
        **kwargs: As in `AdamW`.

    Reference:
        [You et al., 2019](https://arxiv.org/abs/1904.00962), algorithm 2.
    """

    def __init__(self, learning_rate=5e-5, weight_decay=0.01, **kwargs):
        kwargs.setdefault("epsilon", 1e-6)
        kwargs.setdefault("name", "lamb")
        super().__init__(learning_rate, weight_decay, **kwargs)

    def _change(self, update, gradient, second, variable, rate, decays):
        if not decays:
            return rate * update
        update = update + self.weight_decay * ops.convert_to_tensor(variable)
        weight_norm, update_norm = _norm(variable), _norm(update)
        has_both = ops.logical_and(weight_norm > 0, update_norm > 0)
        divisor = ops.where(update_norm > 0, update_norm, 1.0)
        return rate * ops.where(has_both, weight_norm / divisor, 1.0) * update


@keras.saving.register_keras_serializable(package="kerasbert")
class StableAdamW(_ScaledAdamW):
    """AdamW whose learning rate shrinks where gradients grow suddenly.

    The rate of each weight is divided by the root mean square of gradient over its
    moving average, where that is above 1.

    Args:
        learning_rate: A float or a `LearningRateSchedule`.
        weight_decay: The decoupled weight decay.
        **kwargs: As in `AdamW`.

    Reference:
        [Wortsman et al., 2023](https://arxiv.org/abs/2304.13013), algorithm 2.
    """

    def __init__(self, learning_rate=5e-5, weight_decay=0.01, **kwargs):
        kwargs.setdefault("epsilon", 1e-6)
        kwargs.setdefault("name", "stable_adamw")
        super().__init__(learning_rate, weight_decay, **kwargs)

    def _change(self, update, gradient, second, variable, rate, decays):
        floor = ops.cast(self.epsilon**2, variable.dtype)
        ratio = ops.square(gradient) / ops.maximum(second, floor)
        rate = rate / ops.maximum(1.0, ops.sqrt(ops.mean(ratio)))
        if decays:
            update = update + self.weight_decay * ops.convert_to_tensor(variable)
        return rate * update


def _norm(tensor):
    return ops.sqrt(ops.sum(ops.square(ops.convert_to_tensor(tensor))))
