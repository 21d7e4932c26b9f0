import math

import numpy as np
import pytest

from kerasbert.layers import SinusoidalPositionalEncoding
from tests.harness import numpy


def test_encoding_is_the_formula_of_the_paper():
    out = numpy(SinusoidalPositionalEncoding()(np.zeros((1, 50, 6), "float32")))
    for position in range(50):
        for i in range(3):
            angle = position / 10000 ** (2 * i / 6)
            assert out[0, position, 2 * i] == pytest.approx(math.sin(angle), abs=2e-6)
            assert out[0, position, 2 * i + 1] == pytest.approx(
                math.cos(angle), abs=2e-6
            )


def test_encoding_is_added_to_every_row():
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    layer = SinusoidalPositionalEncoding()
    encoding = numpy(layer(np.zeros((1, 3, 4), "float32")))
    np.testing.assert_allclose(numpy(layer(x)), x + encoding, rtol=1e-6)


def test_offset_goes_on_where_the_cache_ends():
    layer = SinusoidalPositionalEncoding()
    whole = numpy(layer(np.zeros((1, 8, 4), "float32")))
    rest = numpy(layer(np.zeros((1, 3, 4), "float32"), position_offset=5))
    np.testing.assert_allclose(rest, whole[:, 5:], rtol=0, atol=1e-6)


def test_odd_width_is_refused():
    with pytest.raises(ValueError, match="even hidden size, got 5"):
        SinusoidalPositionalEncoding()(np.zeros((1, 2, 5), "float32"))
