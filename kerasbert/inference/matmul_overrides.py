"""Temporary replacement of the matmuls of layers while tracing.

So one and the same model gives graphs of other arithmetic, and can be watched.
"""

import contextlib

from kerasbert.layers import MultiHeadAttention


@contextlib.contextmanager
def override_matmuls(products):
    """Replaces the matmuls of layers in a context."""

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
    """Returns the name of a layer's method that computes its matmul."""
    return "project" if isinstance(layer, MultiHeadAttention) else "call"


def kernel_and_bias(layer):
    """Returns the kernel `[D, F]` and bias `[F]` of a layer."""
    if isinstance(layer, MultiHeadAttention):
        return layer.projection()
    return layer.kernel, layer.bias
