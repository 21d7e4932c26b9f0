"""The serving graph of an encoder: the layers of the model, on packed tokens, frozen.

It is traced from the very layers that train, so there is no second BERT to keep in
step; packing leaves padding to attention alone, and constants let oneDNN lay the
weights out once.
"""

import tensorflow as tf
from tensorflow.python.framework import convert_to_constants

from kerasbert.layers import Packing, unpack


def frozen(function, *specs):
    """A function with its variables turned into constants.

    Args:
        function: A Python function of tensors, which returns a tensor or a dictionary.
        *specs: `tf.TensorSpec` of its arguments.

    Returns:
        A function of the same arguments and results.
    """
    traced = tf.function(function, input_signature=specs, autograph=False)
    concrete = traced.get_concrete_function()
    constant = convert_to_constants.convert_variables_to_constants_v2(concrete)
    shapes = [output.shape for output in concrete.outputs]

    def call(*arguments):
        outputs = constant(*arguments)
        outputs = [
            tf.ensure_shape(output, shape)
            for output, shape in zip(outputs, shapes, strict=True)
        ]
        return tf.nest.pack_sequence_as(concrete.structured_outputs, outputs)

    return call


def packed_encoder(encoder, finish):
    """The function from packed tokens to what `finish` makes of the hidden states.

    Args:
        encoder: A `BertEncoder` or `AlbertEncoder`.
        finish: Function from a list of hidden states `[B, S, D]` and the padding mask
            `[B, S]` to a tensor or a dictionary of tensors.

    Returns:
        A function of token_ids `[T]`, segment_ids `[T]` and padding_mask `[B, S]`,
        int32 each, whose ones are the slots of the T tokens in order.
    """
    tokens = tf.TensorSpec([None], tf.int32)
    mask = tf.TensorSpec([None, None], tf.int32)

    def compute(token_ids, segment_ids, padding_mask):
        packing, position_ids = packing_of_mask(padding_mask)
        hidden_states = encoder.compute_packed(
            token_ids, segment_ids, position_ids, padding_mask, packing
        )
        rows = [unpack(states, packing) for states in hidden_states]  # [B, S, D]
        return finish(rows, padding_mask)

    return frozen(compute, tokens, tokens, mask)


def packing_of_mask(padding_mask):
    """The packing of rows whose tokens are where a mask says.

    Args:
        padding_mask: int32 tensor, 1 at tokens and 0 at padding.

    Shapes:
        padding_mask `[B, S]` -> a `Packing`, position_ids `[T]`.
    """
    flat = tf.reshape(padding_mask, [-1])  # [B * S]
    slot_of_token = tf.cast(tf.where(flat > 0)[:, 0], tf.int32)  # [T]
    # A slot of padding takes the token before it: some token that is there.
    token_of_slot = tf.maximum(tf.cumsum(flat) - 1, 0)  # [B * S]
    token_of_slot = tf.reshape(token_of_slot, tf.shape(padding_mask))  # [B, S]
    length = tf.maximum(tf.shape(padding_mask)[1], 1)
    return Packing(token_of_slot, slot_of_token), slot_of_token % length
