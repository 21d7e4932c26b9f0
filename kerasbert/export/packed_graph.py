"""The serving graph of an encoder: the layers of the model, on packed tokens, frozen.

It is traced from the very layers that train, so there is no second BERT to keep in
step. Packing leaves padding to attention alone. Constants let oneDNN lay the weights
out once; they stand in the graph itself and not in its functions, so that all
signatures share them and a server does not copy them as often as it optimises one.
"""

import keras
import tensorflow as tf

from kerasbert.export.stand_ins import standing_in
from kerasbert.layers import Packing, unpack


def packed_encoder(encoder, constants, finish, products=None):
    """The function from packed tokens to what `finish` makes of the hidden states.

    Args:
        encoder: A `BertEncoder` or `AlbertEncoder`.
        constants: Pairs of a variable and the tensor that takes its place.
        finish: Function from a list of hidden states `[B, S, D]` and the padding mask
            `[B, S]` to a tensor.
        products: From layers of the encoder to what stands in for their products.

    Returns:
        A function of token_ids `[T]`, segment_ids `[T]`, packed and padding_mask
        `[B, S]`, int32 each. The ones of `packed` are the slots of the T tokens, in
        order; the first slot of every row is among them. Those of `padding_mask` are
        the slots that are attended to.
    """
    tokens = tf.TensorSpec([None], tf.int32)
    rows = tf.TensorSpec([None, None], tf.int32)

    products = _joint_projections(encoder, constants) | (products or {})

    @tf.function(input_signature=[tokens, tokens, rows, rows], autograph=False)
    def compute(token_ids, segment_ids, packed, padding_mask):
        with keras.StatelessScope(constants), standing_in(products):
            packing, position_ids = packing_of_rows(packed)
            hidden_states = encoder.compute_packed(
                token_ids, segment_ids, position_ids, padding_mask, packing
            )
            states = [unpack(tokens, packing) for tokens in hidden_states]
            return finish(states, padding_mask)  # of L + 1 of [B, S, D]

    return compute


def _joint_projections(encoder, constants):
    """Attention's kernels put together beforehand, rather than whenever they are used.

    Returns:
        From the attention of a block to what computes its queries, keys and values.
    """

    def product_of(attention):
        with keras.StatelessScope(constants):
            kernel, bias = attention.projection()
        return lambda inputs: tf.nn.bias_add(tf.matmul(inputs, kernel), bias)

    return {block.attention: product_of(block.attention) for block in encoder.blocks}


def packing_of_rows(packed):
    """The packing of rows whose tokens stand anywhere but for the first slot.

    Args:
        packed: int32 tensor, 1 at tokens and 0 elsewhere.

    Shapes:
        packed `[B, S]` -> a `Packing`, position_ids `[T]`.
    """
    flat = tf.reshape(packed, [-1])  # [B * S]
    slot_of_token = tf.cast(tf.where(flat > 0)[:, 0], tf.int32)  # [T]
    # A slot without a token takes the one before it, which is of the same row.
    token_of_slot = tf.reshape(tf.cumsum(flat) - 1, tf.shape(packed))  # [B, S]
    length = tf.maximum(tf.shape(packed)[1], 1)
    return Packing(token_of_slot, slot_of_token), slot_of_token % length
