import numpy as np
import pytest

from kerasbert.layers import LayerNorm
from tests.harness import numpy


def in_float64(x, epsilon=1e-12):
    x = x.astype("float64")
    variance = x.var(-1, keepdims=True)
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(variance + epsilon)


def test_two_values_become_minus_one_and_one():
    out = numpy(LayerNorm()(np.array([[1.0, 3.0], [-5.0, 5.0]], "float32")))
    np.testing.assert_allclose(out, [[-1.0, 1.0], [-1.0, 1.0]], rtol=1e-6)


def test_scale_and_offset_come_after_the_normalisation():
    layer = LayerNorm()
    layer.build((None, 2))
    layer.set_weights([np.array([2.0, 10.0]), np.array([0.5, -1.0])])
    out = numpy(layer(np.array([[1.0, 3.0]], "float32")))
    np.testing.assert_allclose(out, [[-1.5, 9.0]], rtol=1e-6)


@pytest.mark.parametrize("mean, deviation", [(0, 1e-4), (100, 1e-2), (1000, 1.0)])
def test_small_variance_and_large_mean_keep_their_digits(mean, deviation):
    rng = np.random.default_rng(0)
    x = (mean + deviation * rng.normal(size=(4, 64))).astype("float32")
    np.testing.assert_allclose(numpy(LayerNorm()(x)), in_float64(x), rtol=0, atol=2e-3)
    if mean == 0:
        np.testing.assert_allclose(numpy(LayerNorm()(x)), in_float64(x), atol=2e-6)


def test_epsilon_is_added_to_the_variance():
    x = np.array([[0.001, 0.003]], "float32")
    out = numpy(LayerNorm(epsilon=0.001)(x))
    np.testing.assert_allclose(out, in_float64(x, 0.001), rtol=1e-5)
    assert abs(out).max() < 0.04


def test_constant_row_becomes_zeros():
    out = numpy(LayerNorm()(np.full((1, 8), 3.0, "float32")))
    np.testing.assert_array_equal(out, np.zeros((1, 8)))


def test_float16_values_whose_squares_overflow_are_normalised_in_float32():
    x = np.random.default_rng(0).normal(0, 3000, (4, 64)).astype("float16")
    out = numpy(LayerNorm(dtype="mixed_float16")(x))
    assert out.dtype == "float16"
    np.testing.assert_allclose(out, in_float64(x), atol=2e-3)
