"""Rematerialization: activations that the backward pass computes again."""

import keras
from keras import ops


def rematerialized(layer, function, inputs):
    """Computes a function of a layer, of which only inputs and outputs are stored.

    `keras.RematScope` traces every argument of a layer, `training` among them, and so
    cannot be used with dropout. Here the function depends on tensors alone: the inputs
    and the variables of the layer, whose seeds are passed on.

    Reference:
        [Chen et al., 2016](https://arxiv.org/abs/1604.06174).
    """
    weights = layer.trainable_variables
    seeds = [v for v in layer.variables if not v.trainable]
    states = [(seed, ops.copy(seed)) for seed in seeds]  # before they go on

    def pure(inputs, *values):
        pairs = zip(weights, values, strict=True)
        with keras.StatelessScope([*pairs, *states]) as scope:
            outputs = function(inputs)
        return outputs, *(scope.get_current_value(seed) for seed in seeds)

    values = [ops.convert_to_tensor(weight) for weight in weights]
    outputs, *found = keras.remat(pure)(inputs, *values)
    for seed, state in zip(seeds, found, strict=True):
        seed.assign(state)
    return outputs
