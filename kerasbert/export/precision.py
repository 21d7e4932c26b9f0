"""The precision in which an exported encoder computes."""

import tensorflow as tf

# From a precision to the dtype policy of the layers. Where it is int8, other products
# stand in for those of the dense layers (`kerasbert.export.int8_products`).
PRECISIONS = {"float32": "float32", "bfloat16": "bfloat16", "int8": "float32"}


def policy_of(precision):
    """The dtype policy of an encoder's layers in a precision.

    Args:
        precision: A name of `PRECISIONS`.

    Raises:
        ValueError: If there is no such precision.
    """
    if precision not in PRECISIONS:
        raise ValueError(
            f"Expected a precision among {', '.join(PRECISIONS)}, got {precision!r}."
        )
    return PRECISIONS[precision]


def with_precision(encoder, precision):
    """An encoder's layers and weights in a precision.

    Softmax, layer normalisation and pooling are computed in float32, as in every
    layer.

    Args:
        encoder: A `BertEncoder` or `AlbertEncoder`.
        precision: `"float32"`; `"bfloat16"` for processors that have it: twice as
            fast there, slow elsewhere; or `"int8"`, for which all is in float32 but
            what `int8_products` stands in for.

    Returns:
        An encoder, and pairs of one of its variables and its value, a constant
        tensor. The variables themselves need not have that value.

    Raises:
        ValueError: If there is no such precision.
    """
    policy = policy_of(precision)
    values = [tf.constant(value) for value in encoder.get_weights()]
    # The variables have the dtype of the values: no weight is cast when it is used.
    if encoder.dtype_policy.name != policy:
        encoder = type(encoder)(encoder.config, dtype=policy, name=encoder.name)
    dtype = encoder.compute_dtype
    values = [tf.cast(value, dtype) for value in values]
    return encoder, list(zip(encoder.weights, values, strict=True))


def table_apart(encoder, constants):
    """The token embeddings as a variable of their own, not a constant of the graph.

    Rows are taken from the table, and it is not multiplied: nothing is gained by a
    constant, and it is most of what a server would copy while it optimises the graph.

    Args:
        encoder: A `BertEncoder` or `AlbertEncoder`.
        constants: Pairs of a variable of the encoder and its value.

    Returns:
        The pairs, with a `tf.Variable` in place of one value.
    """
    table = encoder.token_embedding.embeddings
    return [
        (variable, tf.Variable(value, trainable=False) if variable is table else value)
        for variable, value in constants
    ]
