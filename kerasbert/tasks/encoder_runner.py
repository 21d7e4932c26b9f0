"""Running an encoder over rows of token ids, as fast as the backend allows."""

import keras
import numpy as np

from kerasbert.layers import packing_of, unpack


class EncoderRunner:
    """Computes something of an encoder's hidden states for rows of any lengths.

    On TensorFlow the tokens are packed, so that no work goes into padding, and one
    graph serves every shape. On other backends the rows are padded to a few lengths,
    each of which is compiled once.

    Args:
        encoder: A `BertEncoder` or `AlbertEncoder`.
        finish: Function from a list of hidden states `[B, S, D]` and the padding mask
            `[B, S]` to a tensor `[B, ...]`.
    """

    def __init__(self, encoder, finish):
        self.encoder = encoder
        self.finish = finish
        if keras.backend.backend() == "tensorflow":
            self._run = self._packed_function()
        else:
            self._run = self._padded_function()

    def __call__(self, rows):
        """Runs the encoder.

        Args:
            rows: A list of int32 arrays of token ids.

        Returns:
            A numpy array, what `finish` gives; `[B, ...]`.
        """
        lengths = np.array([len(row) for row in rows], "int32")
        return self._run(np.concatenate(rows).astype("int32"), lengths)

    def _packed_function(self):
        import tensorflow as tf

        vector = tf.TensorSpec([None], tf.int32)

        @tf.function(input_signature=[vector, vector], autograph=False)
        def run(token_ids, lengths):
            packing, position_ids, padding_mask = packing_of(
                lengths, tf.size(token_ids), tf.reduce_max(lengths)
            )
            hidden_states = self.encoder.compute_packed(
                token_ids, tf.zeros_like(token_ids), position_ids, padding_mask, packing
            )
            rows = [unpack(states, packing) for states in hidden_states]
            return self.finish(rows, padding_mask)

        return lambda token_ids, lengths: run(token_ids, lengths).numpy()

    def _padded_function(self):
        outputs = self.encoder.output["hidden_states"]
        mask = self.encoder.input["padding_mask"]
        model = keras.Model(self.encoder.input, self.finish(outputs, mask))

        def run(token_ids, lengths):
            longest = self.encoder.config.max_position_embeddings
            length = min(longest, 1 << int(lengths.max() - 1).bit_length())
            count = 1 << int(len(lengths) - 1).bit_length()
            padding_mask = np.zeros((count, length), "int32")
            padding_mask[: len(lengths)] = np.arange(length) < lengths[:, None]
            padded = np.zeros((count, length), "int32")
            padded[padding_mask == 1] = token_ids
            inputs = {
                "token_ids": padded,
                "segment_ids": np.zeros_like(padded),
                "padding_mask": padding_mask,
            }
            return model.predict_on_batch(inputs)[: len(lengths)]

        return run
