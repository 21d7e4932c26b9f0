import numpy as np
import pytest

from kerasbert.layers import (
    BertPooler,
    CLSPooling,
    MaxPooling,
    MeanPooling,
    SqrtLengthPooling,
)
from tests.harness import numpy

STATES = np.array(
    [[[1, -4], [3, -2], [90, 90]], [[5, 6], [90, 90], [90, 90]], [[7, 7]] * 3],
    "float32",
)
MASK = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0]])


@pytest.mark.parametrize(
    "layer, expected",
    [
        (CLSPooling(), [[1, -4], [5, 6], [7, 7]]),
        (MeanPooling(), [[2, -3], [5, 6], [0, 0]]),
        (MaxPooling(), [[3, -2], [5, 6], [0, 0]]),
        (SqrtLengthPooling(), [[4 / 2**0.5, -6 / 2**0.5], [5, 6], [0, 0]]),
    ],
    ids=["cls", "mean", "max", "sqrt_length"],
)
@pytest.mark.parametrize("mask_dtype", ["int32", "bool"])
def test_pooling_of_small_integers(layer, expected, mask_dtype):
    out = numpy(layer(STATES, MASK.astype(mask_dtype)))
    np.testing.assert_allclose(out, expected, rtol=1e-6)


def test_maximum_of_negative_values_is_not_that_of_the_padding():
    out = numpy(MaxPooling()(-np.ones((1, 2, 1), "float32"), np.array([[1, 0]])))
    assert out.tolist() == [[-1.0]]


def test_pooler_is_tanh_of_a_dense_layer_on_the_first_token():
    layer = BertPooler()
    layer.build(STATES.shape)
    kernel, bias = np.array([[0.1, 0.2], [0.3, -0.1]]), np.array([0.5, -0.5])
    layer.set_weights([kernel, bias])
    expected = np.tanh(STATES[:, 0] @ kernel + bias)
    np.testing.assert_allclose(numpy(layer(STATES)), expected, rtol=1e-5)


def test_sum_of_a_long_row_does_not_overflow_in_float16():
    states = np.full((1, 1024, 2), 1000.0, "float16")
    out = numpy(MeanPooling(dtype="mixed_float16")(states, np.ones((1, 1024), "int32")))
    assert out.tolist() == [[1000.0, 1000.0]]


def test_long_row_is_averaged_exactly_in_bfloat16():
    states = np.ones((1, 1000, 1), "float32")
    out = MeanPooling(dtype="mixed_bfloat16")(states, np.ones((1, 1000), "int32"))
    assert float(numpy(out)[0, 0]) == 1.0
