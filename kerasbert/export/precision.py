"""The precision in which an exported encoder computes."""

import tensorflow as tf

# From a precision to the dtype policy of the layers.
PRECISIONS = {"float32": "float32", "bfloat16": "bfloat16"}


def with_precision(encoder, precision):
    """An encoder's layers and weights in a precision.

    Softmax, layer normalisation and pooling are computed in float32, as in every
    layer.

    Args:
        encoder: A `BertEncoder` or `AlbertEncoder`.
        precision: `"float32"`, or `"bfloat16"` for processors that have it: twice as
            fast there, slow elsewhere.

    Returns:
        An encoder, and pairs of one of its variables and its value, a constant
        tensor. The variables themselves need not have that value.

    Raises:
        ValueError: If there is no such precision.
    """
    if precision not in PRECISIONS:
        raise ValueError(
            f"Expected a precision among {', '.join(PRECISIONS)}, got {precision!r}."
        )
    values = [tf.constant(value) for value in encoder.get_weights()]
    # The variables have the dtype of the values: no weight is cast when it is used.
    policy = PRECISIONS[precision]
    if encoder.dtype_policy.name != policy:
        encoder = type(encoder)(encoder.config, dtype=policy, name=encoder.name)
    dtype = encoder.compute_dtype
    values = [tf.cast(value, dtype) for value in values]
    return encoder, list(zip(encoder.weights, values, strict=True))
