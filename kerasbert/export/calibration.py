"""How large the inputs of an encoder's products become."""

import keras
import tensorflow as tf

from kerasbert.export.packed_graph import packing_of_rows
from kerasbert.export.stand_ins import method_of, standing_in

BATCH = 32


def block_products(block):
    """The layers of an `EncoderBlock` that multiply matrices.

    Returns:
        Four layers: attention, for its queries, keys and values; its output; the
        inner layer of the feed-forward network; its output.
    """
    attention, feed_forward = block.attention, block.feed_forward
    return (
        attention,
        attention.output_dense,
        feed_forward.intermediate,
        feed_forward.output_dense,
    )


def largest_inputs(encoder, constants, rows):
    """The largest magnitude of every input channel of the encoder's dense layers.

    Args:
        encoder: A `BertEncoder` or `AlbertEncoder`.
        constants: Pairs of a variable of the encoder and its value.
        rows: A pair of ragged int32 tensors: the token ids and segment ids of texts.

    Shapes:
        rows `[B, (S)]` -> from each layer of `block_products` to a numpy array
        `[D]` or `[F]`.
    """
    watched = [layer for block in encoder.blocks for layer in block_products(block)]

    @tf.function(autograph=False, reduce_retracing=True)
    def of_batch(token_ids, segment_ids):
        seen = {layer: [] for layer in watched}  # a shared block runs several times

        def watching(layer):
            def product(inputs):
                seen[layer].append(tf.reduce_max(tf.abs(inputs), axis=0))
                return getattr(type(layer), method_of(layer))(layer, inputs)

            return product

        mask = tf.ones_like(token_ids).to_tensor()  # [B, S]
        packing, position_ids = packing_of_rows(mask)
        with (
            keras.StatelessScope(constants),
            standing_in({layer: watching(layer) for layer in watched}),
        ):
            encoder.compute_packed(
                token_ids.values, segment_ids.values, position_ids, mask, packing
            )
        return [tf.reduce_max(tf.stack(seen[layer]), axis=0) for layer in watched]

    batches = [
        of_batch(*(ids[i : i + BATCH] for ids in rows))
        for i in range(0, rows[0].nrows(), BATCH)
    ]
    largest = [
        tf.reduce_max(tf.stack(found), 0) for found in zip(*batches, strict=True)
    ]
    return {d: found.numpy() for d, found in zip(watched, largest, strict=True)}
