import math

import numpy as np
import pytest
from keras import ops

from kerasbert.config import ACTIVATIONS
from kerasbert.layers import get_activation
from tests.harness import numpy

X = [-6.0, -3.0, -1.0, -0.5, 0.0, 1e-4, 0.5, 1.0, 2.0, 3.0, 6.0]


def by_hand(name, x):
    cubic = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    return {
        "gelu": 0.5 * x * (1 + math.erf(x / math.sqrt(2))),
        "gelu_tanh": 0.5 * x * (1 + math.tanh(cubic)),
        "relu": max(x, 0.0),
        "silu": x / (1 + math.exp(-x)),
        "tanh": math.tanh(x),
        "linear": x,
    }[name]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_is_its_formula(name):
    out = numpy(get_activation(name)(ops.convert_to_tensor(X, "float32")))
    np.testing.assert_allclose(out, [by_hand(name, x) for x in X], 2e-6, 1e-6)


def test_the_two_forms_of_gelu_are_told_apart():
    x = ops.linspace(-3.0, 3.0, 61)
    exact, approximate = get_activation("gelu")(x), get_activation("gelu_tanh")(x)
    assert 4e-4 < float(ops.max(ops.abs(exact - approximate))) < 5e-4


def test_unknown_activation_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="among gelu, gelu_tanh, relu.*got 'swoosh'"):
        get_activation("swoosh")
