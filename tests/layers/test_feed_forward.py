import numpy as np

from kerasbert.layers import FeedForward
from tests.harness import numpy


def test_feed_forward_of_small_integers():
    layer = FeedForward(3, "relu")
    layer.build((None, 2))
    layer.set_weights(
        [
            np.array([[1, 0, -1], [0, 1, -1]]),
            np.array([0, -1, 0]),
            np.array([[1, 0], [0, 2], [5, 5]]),
            np.array([10, 20]),
        ]
    )
    # [2, 3] -> [2, 3 - 1, -5] -> relu [2, 2, 0] -> [2, 4] + [10, 20]
    out = numpy(layer(np.array([[2.0, 3.0], [-1.0, 0.0]], "float32")))
    np.testing.assert_allclose(out, [[12, 24], [15, 25]])
