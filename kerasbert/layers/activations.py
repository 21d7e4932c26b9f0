"""Activation functions of published BERT and ALBERT weights."""

import math
from collections.abc import Callable

import keras
from keras import ops

from kerasbert.config import ACTIVATIONS


@keras.saving.register_keras_serializable(package="kerasbert")
def gelu(x):
    """GELU in its exact form, with the error function, as in torch.

    `keras.activations.gelu` uses the complementary error function, which takes
    TensorFlow three times as long.

    Args:
        x: float tensor of any shape.

    Returns:
        A tensor of the same shape and dtype.

    Example:
        >>> round(float(gelu(keras.ops.array(1.0))), 4)
        0.8413

    Reference:
        [Hendrycks and Gimpel, 2016](https://arxiv.org/abs/1606.08415), section 2.
    """
    return 0.5 * x * (1.0 + ops.erf(x * math.sqrt(0.5)))


@keras.saving.register_keras_serializable(package="kerasbert")
def gelu_tanh(x):
    """GELU in its tanh approximation, as in Google's own code.

    Args:
        x: float tensor of any shape.

    Returns:
        A tensor of the same shape and dtype.

    Reference:
        [Hendrycks and Gimpel, 2016](https://arxiv.org/abs/1606.08415), section 2.
    """
    return ops.gelu(x, approximate=True)


def get_activation(name: str) -> Callable:
    """Returns the activation function of a name in `kerasbert.config.ACTIVATIONS`.

    Args:
        name: `"gelu"` is the exact (erf) form, `"gelu_tanh"` its approximation.

    Raises:
        ValueError: If the name is unknown.

    Example:
        >>> float(get_activation("relu")(-1.0))
        0.0
    """
    if name not in ACTIVATIONS:
        raise ValueError(
            f"Expected an activation among {', '.join(ACTIVATIONS)}, got {name!r}."
        )
    own = {"gelu": gelu, "gelu_tanh": gelu_tanh}
    return own.get(name) or keras.activations.get(name)


def _hard_tanh(x):
    return ops.clip(x, -1.0, 1.0)


def _shrink(x, soft):
    kept = ops.cast(ops.abs(x) > 0.5, x.dtype)
    return kept * (x - ops.sign(x) * (0.5 if soft else 0.0))


# Those of a dense layer after pooling, with the arguments that torch has by default.
DENSE_ACTIVATIONS = {
    **{name: get_activation(name) for name in ACTIVATIONS},
    "celu": ops.elu,
    "elu": ops.elu,
    "hard_shrink": lambda x: _shrink(x, soft=False),
    "hard_sigmoid": ops.hard_sigmoid,
    "hard_swish": ops.hard_silu,
    "hard_tanh": _hard_tanh,
    "leaky_relu": lambda x: ops.leaky_relu(x, 0.01),
    "log_sigmoid": ops.log_sigmoid,
    "log_softmax": ops.log_softmax,
    "mish": lambda x: x * ops.tanh(ops.softplus(x)),
    "relu6": ops.relu6,
    "rrelu": lambda x: ops.leaky_relu(x, (1 / 8 + 1 / 3) / 2),  # as in inference
    "selu": ops.selu,
    "sigmoid": ops.sigmoid,
    "soft_shrink": lambda x: _shrink(x, soft=True),
    "softmax": ops.softmax,
    "softmin": lambda x: ops.softmax(-x),
    "softplus": ops.softplus,
    "softsign": ops.softsign,
    "tanh_shrink": lambda x: x - ops.tanh(x),
}
