"""Int8 matrix products for the dense layers of an encoder.

A weight is `code * scale` with a scale for each output, and an input `code * scale`
too; the codes are from -127 to 127. Processors without VNNI add two products in 16 bits
first, so the codes of two weights that meet there are at most 128 together, and all
processors give the same numbers. How the inputs get their scale depends on where they
come from:

* What a layer normalisation or attention gives is of the same size for every text, but
  some channels are far larger than others. The scale is fixed beforehand from
  calibration texts, and a part of what makes a channel large moves into its weights
  (SmoothQuant).
* What the activation of the feed-forward network gives has a few outliers, and in few
  tokens. Every token has a scale of its own, found as the graph runs.

A model that writes, hears or sees has the second kind in all of its layers, and needs
no calibration.

Neither depends on the other texts of a batch, so a text keeps its vector in any.

Reference:
    [Xiao et al., 2022](https://arxiv.org/abs/2211.10438), sections 4 and 5.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from kerasbert.inference.calibration import (
    block_products,
    calibration_texts,
    largest_inputs,
)
from kerasbert.inference.constants import Frozen
from kerasbert.inference.matmul_overrides import kernel_and_bias
from kerasbert.layers import DecoderBlock, EncoderBlock, MaskedLMHead, TiedLogitsHead
from kerasbert.layers.activations import get_activation

OPERATION = "_QuantizedMatMul"
LARGEST_CODE = 127
LARGEST_PAIR = 128  # (127 + 128) * 128 is less than 2 ** 15
SMALLEST = 1e-6  # of a range, so that no scale is zero
SMOOTHING = 0.5  # how much of a channel's size moves into the weights, 0 to 1
# What the operation computes along with the product.
FUSED_ACTIVATIONS = {
    get_activation(name): fused
    for name, fused in {
        "gelu": "GeluExact",
        "gelu_tanh": "GeluApproximate",
        "relu": "Relu",
        "tanh": "Tanh",
    }.items()
}

# The least value of an activation, where it has one.
LEAST = {
    get_activation(name): least
    for name, least in {"gelu": -0.1701, "gelu_tanh": -0.1701, "relu": 0.0}.items()
}


def operation_is_missing():
    """Whether this TensorFlow lacks the int8 matmul."""
    from tensorflow.python.framework import kernels, op_def_registry

    known = op_def_registry.get(OPERATION) is not None
    return not known or not kernels.get_registered_kernels_for_op(OPERATION).kernel


def check_int8():
    """Raises an error if this TensorFlow lacks the int8 matmul."""
    if operation_is_missing():
        raise ValueError(
            f"Expected a TensorFlow with the operation {OPERATION} (2.18 or later, on "
            f"Linux and x86-64), which int8 needs; this is {tf.__version__} without "
            'it. Export with precision="float32", or on another machine.'
        )


def calibrated_products(encoder, constants, rows_of, texts=None):
    """Returns int8 replacements of dense layers, calibrated on texts."""
    check_int8()
    texts = calibration_texts() if texts is None else list(texts)
    if not texts:
        raise ValueError("Expected calibration texts for int8, got none.")
    largest = largest_inputs(encoder, constants, rows_of(tf.constant(texts)))
    with Frozen(constants):
        return int8_products(encoder, largest)


def int8_products(encoder, largest):
    """Returns int8 replacements of the dense layers of an encoder's blocks.

    Args:
        encoder: A `BertEncoder` or `AlbertEncoder`.
        largest: Magnitudes of their inputs, from
            `kerasbert.inference.calibration.largest_inputs`.

    Returns:
        From a dense layer to the function from its inputs `[T, D]` to its outputs
        `[T, F]`, float32.
    """
    products = {}
    for block in encoder.blocks:
        *normed, activated = block_products(block)
        for layer in normed:
            products[layer] = _with_fixed_scale(layer, largest[layer])
        products[activated] = _with_scales_of_tokens(activated, least_of(block))
    return products


def products_without_calibration(model, constants):
    """Returns int8 replacements of the layers of a model that is called as a whole.

    They are the dense layers of its blocks, and the products with a token embedding. No
    texts are needed: every token has scales of its own, in each of them.

    Args:
        model: A model of `kerasbert.models`, with a decoder or without.
        constants: Pairs of a variable and its value, as in `keras.StatelessScope`.

    Returns:
        From a layer to the function from its inputs `[..., D]` to its outputs
        `[..., F]`, float32.
    """
    check_int8()
    products = {}
    with tf.init_scope(), keras.StatelessScope(constants):
        for layer in model._flatten_layers():
            if isinstance(layer, TiedLogitsHead | MaskedLMHead):
                products[layer] = _of_head(layer)
            if not isinstance(layer, EncoderBlock | DecoderBlock):
                continue
            attention, activated = layer.attention, layer.feed_forward.output_dense
            products[attention] = _of_any_rank(*kernel_and_bias(attention))
            dense = [attention.output_dense]
            if isinstance(layer, DecoderBlock):  # with a cache each alone
                attentions = attention, layer.cross_attention
                built = [each.dense_layers for each in attentions if each.built]
                dense = [x for layers in built for x in layers.values()]
            dense.append(layer.feed_forward.intermediate)
            products |= {x: _of_any_rank(x.kernel, x.bias, x.activation) for x in dense}
            products[activated] = _of_any_rank(
                activated.kernel, activated.bias, least=least_of(layer)
            )
    return products


def _of_any_rank(kernel, bias, activation=None, least=None):
    """Returns a product like `_dynamic_product`, of inputs `[..., D]`."""
    size = kernel.shape[1]
    product = _dynamic_product(kernel, bias, activation, least)

    def product_of(inputs):
        tokens = tf.reshape(inputs, [-1, inputs.shape[-1]])  # [T, D]
        shape = tf.concat([tf.shape(inputs)[:-1], [size]], axis=0)
        return tf.reshape(product(tokens), shape)  # [..., F]

    return product_of


def _of_head(head):
    """Returns the logits of a head: a product with its token embedding."""
    kernel = ops.transpose(head.token_embedding.embeddings)  # [D, V]
    if isinstance(head, TiedLogitsHead):
        return _of_any_rank(kernel, tf.zeros(kernel.shape[1]))
    product = _of_any_rank(kernel, head.bias)
    return lambda inputs: product(head.norm(head.dense(inputs)))


def least_of(block):
    """Returns the least value of a block's activation, or None."""
    return LEAST.get(block.feed_forward.intermediate.activation)


def _with_fixed_scale(layer, largest):
    kernel, bias = map(ops.convert_to_numpy, kernel_and_bias(layer))
    of_weights = np.abs(kernel).max(axis=1)  # [D]
    largest, of_weights = (np.maximum(x, SMALLEST) for x in (largest, of_weights))
    channels = largest**SMOOTHING / of_weights ** (1 - SMOOTHING)  # [D]
    limit = np.max(largest / channels)
    to_codes = tf.constant(LARGEST_CODE / limit / channels, tf.float32)
    weights = _Weights(kernel * channels[:, None], limit / LARGEST_CODE)
    bias = tf.constant(bias)
    activation = getattr(layer, "activation", keras.activations.linear)
    fused = FUSED_ACTIVATIONS.get(activation)

    def product(inputs):
        outputs = weights.product(_codes(inputs * to_codes), bias, fused)
        return outputs if fused else activation(outputs)  # [T, F]

    return product


def _with_scales_of_tokens(dense, least):
    """Returns the product of a dense layer, as in `_dynamic_product`."""
    return _dynamic_product(dense.kernel, dense.bias, dense.activation, least)


def _dynamic_product(kernel, bias, activation, least):
    """Returns a product of inputs of `least` or more; None: they may be any."""
    weights = _Weights(ops.convert_to_numpy(kernel), 1.0)
    bias = tf.constant(ops.convert_to_numpy(bias))
    activation = activation or keras.activations.linear
    no_bias = tf.zeros_like(bias)

    def product(inputs):
        limits = tf.reduce_max(inputs, axis=-1, keepdims=True)  # [T, 1]
        if least is None:
            limits = tf.maximum(limits, -tf.reduce_min(inputs, -1, keepdims=True))
        limits = tf.maximum(limits, max(-(least or 0.0), SMALLEST))
        codes = _codes(inputs * (LARGEST_CODE / limits))
        outputs = weights.product(codes, no_bias) * (limits / LARGEST_CODE)
        return activation(outputs + bias)  # [T, F]

    return product


class _Weights:
    """A quantized kernel with its scales."""

    def __init__(self, kernel, input_scale):
        codes, scales = codes_of_weights(kernel)
        self.codes = tf.constant(codes)
        # Not computed as the graph runs: kernels that are kept from one run to the
        # next are found by where these lie in memory.
        limit = input_scale * LARGEST_CODE
        limits = -limit, limit, -scales * LARGEST_CODE, scales * LARGEST_CODE
        self.ranges = [tf.constant(x, tf.float32) for x in limits]

    def product(self, codes, bias, activation=None):
        """`activation(codes @ kernel + bias)`, float32 `[T, F]`."""
        # TensorFlow has no function for it: it is one of those that its graph
        # optimiser puts into graphs.
        from tensorflow.python.framework import op_def_library

        [outputs], _ = op_def_library.apply_op(
            OPERATION,
            name="int8_product",
            device_inputs=[codes, tf.bitcast(self.codes, tf.qint8), bias],
            host_inputs=self.ranges,
            Tdevice_outputs=[tf.float32],
            Thost_outputs=[],
            T1=tf.qint8,
            T2=tf.qint8,
            Tbias=tf.float32,
            U=tf.float32,
            Tout=tf.float32,
            transpose_a=False,
            transpose_b=False,
            is_weight_const=True,
            is_bias_const=True,
            fused_ops=["BiasAdd", *([activation] if activation else []), "Dequantize"],
            input_quant_mode="SCALED",
            output_quant_mode="SCALED",
            leakyrelu_alpha=0.2,
        )
        outputs.set_shape([None, self.codes.shape[1]])
        return outputs


def codes_of_weights(kernel):
    """Quantizes a kernel with the scales of the least error.

    Args:
        kernel: float array.

    Shapes:
        kernel `[D, F]` -> codes int8 `[D, F]`, scales `[F]`.
    """
    limits = np.maximum(np.abs(kernel).max(axis=0), SMALLEST)  # [F]
    scales = limits / np.array([64, 80, 96, 112, LARGEST_CODE])[:, None]  # [5, F]
    codes = [_within_pairs(np.round(kernel / scale)) for scale in scales]
    errors = [
        np.square(code * scale - kernel).sum(axis=0)
        for code, scale in zip(codes, scales, strict=True)
    ]
    best = np.argmin(errors, axis=0)  # [F]
    outputs = np.arange(len(best))
    codes = np.stack(codes)[best, :, outputs].T  # [D, F]
    return codes.astype("int8"), scales[best, outputs]


def _within_pairs(codes):
    """Limits codes so that adjacent pairs do not overflow."""
    pairs = np.pad(codes, [(0, len(codes) % 2), (0, 0)])
    pairs = pairs.reshape(-1, 2, codes.shape[1])  # [D / 2, 2, F]
    excess = np.maximum(np.abs(pairs.sum(axis=1, keepdims=True)) - LARGEST_PAIR, 0)
    less = np.concatenate([np.ceil(excess / 2), np.floor(excess / 2)], axis=1)
    # Of different signs their sum is smaller than either, and is no excess.
    pairs = pairs - np.sign(pairs) * less
    return pairs.reshape(-1, codes.shape[1])[: len(codes)]


def _codes(inputs):
    """Rounds to integers from -127 to 127, qint8."""
    limit = float(LARGEST_CODE)
    return tf.raw_ops.QuantizeV2(
        input=inputs,
        min_range=-limit,
        max_range=limit,
        T=tf.qint8,
        mode="SCALED",
        round_mode="HALF_TO_EVEN",
        narrow_range=True,
    ).output
