"""Running an encoder over rows of token ids, as fast as the backend allows."""

import keras
import numpy as np

from kerasbert.layers import packing_of, unpack


class EncoderRunner:
    """Computes something of an encoder's hidden states for rows of any lengths.

    On TensorFlow the tokens are packed, so that no work goes into padding, and one
    graph serves every shape. On other backends the rows are padded to a few lengths,
    each of which is compiled once. After `encoder.enable_lora` all is compiled anew.

    Args:
        encoder: A `BertEncoder` or `AlbertEncoder`.
        finish: Function from a list of hidden states `[B, S, D]` and the padding mask
            `[B, S]` to a tensor `[B, ...]`, or a dictionary of them.
    """

    def __init__(self, encoder, finish):
        self.encoder = encoder
        self.finish = finish
        self._function = self._compiled_with = None

    def __call__(self, rows, segments=None):
        """Runs the encoder.

        Args:
            rows: A list of int32 arrays of token ids.
            segments: Their segment ids, as many and as long; None: all 0.

        Returns:
            What `finish` gives, as numpy arrays `[B, ...]`.
        """
        lengths = np.array([len(row) for row in rows], "int32")
        token_ids = np.concatenate(rows)
        segment_ids = np.zeros_like(token_ids)
        if segments is not None:
            segment_ids = np.concatenate(segments)
        return self._compiled()(token_ids, segment_ids, lengths)

    def _compiled(self):
        """The function of the encoder as it is now."""
        updated = set(self.encoder.updated_projections)
        if self._function is None or updated != self._compiled_with:
            if keras.backend.backend() == "tensorflow":
                self._function = self._packed_function()
            else:
                self._function = self._padded_function()
            self._compiled_with = updated
        return self._function

    def _packed_function(self):
        import tensorflow as tf

        def compute(token_ids, segment_ids, lengths):
            packing, position_ids, padding_mask = packing_of(
                lengths, tf.size(token_ids), tf.reduce_max(lengths)
            )
            hidden_states = self.encoder.compute_packed(
                token_ids, segment_ids, position_ids, padding_mask, packing
            )
            rows = [unpack(states, packing) for states in hidden_states]
            return self.finish(rows, padding_mask)

        vector = tf.TensorSpec([None], tf.int32)
        graph = tf.function(compute, autograph=False).get_concrete_function(
            vector, vector, vector
        )

        def run(*arrays):
            outputs = graph(*map(tf.constant, arrays))
            return keras.tree.map_structure(lambda tensor: tensor.numpy(), outputs)

        return run

    def _padded_function(self):
        outputs = self.encoder.output["hidden_states"]
        mask = self.encoder.input["padding_mask"]
        model = keras.Model(self.encoder.input, self.finish(outputs, mask))

        def run(token_ids, segment_ids, lengths):
            longest = self.encoder.config.max_position_embeddings
            length = min(longest, _power_of_two(lengths.max()))
            count = _power_of_two(len(lengths))
            padding_mask = np.zeros((count, length), "int32")
            padding_mask[: len(lengths)] = np.arange(length) < lengths[:, None]
            inputs = {
                "token_ids": np.zeros_like(padding_mask),
                "segment_ids": np.zeros_like(padding_mask),
                "padding_mask": padding_mask,
            }
            inputs["token_ids"][padding_mask == 1] = token_ids
            inputs["segment_ids"][padding_mask == 1] = segment_ids
            outputs = model.predict_on_batch(inputs)
            return keras.tree.map_structure(
                lambda array: np.asarray(array)[: len(lengths)], outputs
            )

        return run


def _power_of_two(number):
    """The least power of two that is no less than a number."""
    return 1 << int(number - 1).bit_length()
