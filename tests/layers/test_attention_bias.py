import numpy as np
import pytest

from kerasbert.layers import causal_bias, padding_bias
from tests.harness import numpy


@pytest.mark.parametrize("dtype", ["int32", "bool", "float32"])
def test_padding_is_hidden_and_tokens_are_not(dtype):
    bias = numpy(padding_bias(np.array([[1, 1, 0], [1, 0, 0]]).astype(dtype)))
    assert bias.shape == (2, 1, 1, 3)
    assert (bias[:, 0, 0] < -1e4).tolist() == [
        [False, False, True],
        [False, True, True],
    ]
    assert np.abs(bias[bias > -1e4]).max() == 0.0


def test_a_token_sees_itself_and_those_before_it():
    hidden = numpy(causal_bias(3))[0, 0] < -1e4
    assert hidden.astype(int).tolist() == [[0, 1, 1], [0, 0, 1], [0, 0, 0]]


def test_with_a_cache_the_queries_are_the_last_positions():
    hidden = numpy(causal_bias(2, 5, offset=2))[0, 0] < -1e4
    assert hidden.astype(int).tolist() == [[0, 0, 0, 1, 1], [0, 0, 0, 0, 1]]


def test_both_biases_together_are_still_a_float16():
    total = numpy(causal_bias(2)) + numpy(padding_bias(np.array([[1, 0]])))
    assert np.isfinite(total.astype("float16")).all()
