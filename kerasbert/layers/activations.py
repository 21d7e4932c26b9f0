"""The activations that published BERT and ALBERT weights ask for."""

import math

import keras

from kerasbert.config import ACTIVATIONS


@keras.saving.register_keras_serializable(package="kerasbert")
def gelu(x):
    """GELU in its exact form, of the error function, as torch computes it.

    `keras.activations.gelu` takes the complementary error function, which TensorFlow
    computes in three times the time.

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
    return 0.5 * x * (1.0 + keras.ops.erf(x * math.sqrt(0.5)))


@keras.saving.register_keras_serializable(package="kerasbert")
def gelu_tanh(x):
    """GELU in its tanh approximation, which Google's own code computes.

    Args:
        x: float tensor of any shape.

    Returns:
        A tensor of the same shape and dtype.

    Reference:
        [Hendrycks and Gimpel, 2016](https://arxiv.org/abs/1606.08415), section 2.
    """
    return keras.ops.gelu(x, approximate=True)


def get_activation(name):
    """The function of an activation's name in `kerasbert.config.ACTIVATIONS`.

    Args:
        name: `"gelu"` is the exact (erf) form, `"gelu_tanh"` its approximation.

    Raises:
        ValueError: If nobody here knows the name.

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
