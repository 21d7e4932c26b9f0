"""The serving graph of an encoder: packed tokens, frozen weights.

It is traced from the very layers that train, so there is no second BERT to keep in
step. Packing leaves padding to attention alone. Constants let oneDNN lay the weights
out once; all signatures share them, and in float32 and int8 they stand in the graph
itself and not in its functions, so that a server does not copy them as often as it
optimises one.
"""

import tensorflow as tf

from kerasbert.inference.constants import Frozen, read
from kerasbert.inference.matmul_overrides import override_matmuls
from kerasbert.layers import GroupedPacking, Packing, pad

GROUPS = 3  # of rows, in attention
# Numbers of tokens are multiples of steps; each step begins after a number of tokens.
STEPS = [1, *(4 << power for power in range(12))]
ENDS = [-1, 32, *(256 << power for power in range(11))]
FEWEST = 8


def packed_encoder(encoder, constants, finish, products):
    """Returns a function from packed tokens to `finish` of the hidden states.

    Args:
        encoder: A `BertEncoder` or `AlbertEncoder`.
        constants: Pairs of a variable and what takes its place, as in `Frozen`.
        finish: Function from a list of hidden states `[B, S, D]` and the padding mask
            `[B, S]` to a tensor.
        products: From layers of the encoder to what stands in for their products, such
            as `joint_projections`.

    Returns:
        A function of token_ids `[T]`, segment_ids `[T]`, packed and padding_mask
        `[B, S]`, int32 each. The ones of `packed` are the slots of the T tokens, in
        order; the first slot of every row is among them. Those of `padding_mask` are
        the slots that are attended to.
    """
    tokens = tf.TensorSpec([None], tf.int32)
    rows = tf.TensorSpec([None, None], tf.int32)

    @tf.function(input_signature=[tokens, tokens, rows, rows], autograph=False)
    def compute(token_ids, segment_ids, packed, padding_mask):
        with Frozen(constants), override_matmuls(products):
            packing, position_ids = packing_of_rows(packed)
            groups, masks = groups_of_like_length(packing, packed, padding_mask)
            missing = [[0, tokens_to_fill(tf.size(token_ids))]]
            slots = tf.pad(groups.slot_of_token, missing)
            hidden_states = encoder.compute_packed(
                *(tf.pad(x, missing) for x in (token_ids, segment_ids, position_ids)),
                *(masks, groups._replace(slot_of_token=slots)),
            )
            states = [pad(tokens, packing) for tokens in hidden_states]
            return finish(states, padding_mask)  # of L + 1 of [B, S, D]

    return compute


def joint_projections(encoder, constants, kept):
    """Returns attention kernels that are concatenated once (fused QKV).

    They are constants of their own, made by `kept`, so that all signatures share them.
    """

    def product_of(attention):
        with Frozen(constants):
            kernel, bias = attention.projection()
        kernel = kept(kernel)
        return lambda inputs: tf.nn.bias_add(tf.matmul(inputs, read(kernel)), bias)

    return {block.attention: product_of(block.attention) for block in encoder.blocks}


def packing_of_rows(packed):
    """Creates the packing of rows, whose tokens may be anywhere.

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


def tokens_to_fill(count):
    """Returns how many tokens to add to `count`, so that there are few numbers of them.

    oneDNN makes the kernels of the products anew for each, which takes a tenth of the
    time of a batch and a third of that of one text, and keeps only so many. What is
    added is read by nothing; it is 1 % of a batch.
    """
    steps = tf.where(count > tf.constant(ENDS), STEPS, 0)
    more = tf.math.floormod(-count, tf.reduce_max(steps))
    return tf.maximum(more, FEWEST * tf.minimum(count, 1) - count)


def groups_of_like_length(packing, packed, padding_mask):
    """Splits rows into short and long ones, to reduce padding in attention.

    Rows of one length are one group, and the others are empty.

    Args:
        packing: The packing of the rows.
        packed: int32 tensor, 1 at tokens and 0 elsewhere.
        padding_mask: int32 tensor, 1 at slots that are attended to.

    Shapes:
        packed, padding_mask `[B, S]` -> a `GroupedPacking` of `GROUPS` groups, and the
        padding mask of each.
    """
    length = tf.maximum(tf.shape(packed)[1], 1)
    lengths = tf.reduce_max(packed * (tf.range(tf.shape(packed)[1]) + 1), axis=1)  # [B]
    order = tf.argsort(lengths, stable=True)  # [B]
    all_rows, lengths = order, tf.gather(lengths, order)  # [B]

    tokens, masks, starts, first = [], [], [], 0
    for left in reversed(range(GROUPS)):
        count = best_split(lengths) if left else tf.size(lengths)
        longest = tf.maximum(tf.reduce_max(lengths[:count]), 1)
        rows = order[:count]
        tokens.append(tf.gather(packing.token_of_slot, rows)[:, :longest])
        masks.append(tf.gather(padding_mask, rows)[:, :longest])
        starts.append(first + tf.range(count) * longest)  # where a row begins
        first += count * longest
        order, lengths = order[count:], lengths[count:]

    start_of_row = tf.scatter_nd(
        all_rows[:, None], tf.concat(starts, 0), tf.shape(packed)[:1]
    )  # [B]
    row_of_token = packing.slot_of_token // length  # [T]
    position = packing.slot_of_token % length  # [T]
    slot_of_token = tf.gather(start_of_row, row_of_token) + position  # [T]
    return GroupedPacking(tuple(tokens), slot_of_token), tuple(masks)


def best_split(lengths):
    """Returns the number of short rows that minimizes padding in attention."""
    count = tf.size(lengths)
    short = tf.cast(tf.range(count + 1), "float32")  # [B + 1]
    ends = tf.cast(tf.concat([[1], lengths], axis=0), "float32")  # [B + 1]
    squares = short * ends**2 + (short[-1] - short) * ends[-1] ** 2  # [B + 1]
    return tf.argmin(squares, output_type=tf.int32)
