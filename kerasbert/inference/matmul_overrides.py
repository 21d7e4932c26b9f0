"""Temporary replacements of matrix products while a model is traced.

So one and the same model gives graphs of other arithmetic, and can be watched.
"""

import contextlib

from kerasbert.layers import MultiHeadAttention


@contextlib.contextmanager
def override_matmuls(products):
    """Replaces the matrix products of layers within the context.

    Args:
        products: From a `keras.layers.Dense`, or a `MultiHeadAttention` for its
            `project`, to the function of its inputs that replaces it.
    """

    def method(product):
        def call(inputs, training=None):
            return product(inputs)

        return call

    for layer, product in products.items():
        setattr(layer, method_of(layer), method(product))  # hides that of the class
    try:
        yield
    finally:
        for layer in products:
            delattr(layer, method_of(layer))


def method_of(layer):
    """The name of the method of a layer that computes its product."""
    return "project" if isinstance(layer, MultiHeadAttention) else "call"


def kernel_and_bias(layer):
    """The kernel `[D, F]` and the bias `[F]` of a dense layer or an attention."""
    if isinstance(layer, MultiHeadAttention):
        return layer.projection()
    return layer.kernel, layer.bias
