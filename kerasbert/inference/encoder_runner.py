"""Batched inference of an encoder on rows of any length."""

import keras
import numpy as np

from kerasbert.layers import packing_of, pad
from kerasbert.models.quantization import quantizable_layers
from kerasbert.processes import check_process


class EncoderRunner:
    """Computes a function of an encoder's hidden states for rows of any length.

    On TensorFlow the tokens are packed, so that no work goes into padding, and one
    graph serves every shape. On other backends the rows are padded to a few lengths,
    each of which is compiled once. After `enable_lora` and `quantize` all is compiled
    anew.

    Args:
        model: An encoder, or a model with a head on one.
        finish: Function from a list of hidden states `[B, S, D]` and the padding mask
            `[B, S]` to a tensor `[B, ...]`, or a dictionary of them.
    """

    def __init__(self, model, finish):
        self.model = model
        self.finish = finish
        self._compiled = None

    def __getstate__(self):
        return {**self.__dict__, "_compiled": None}

    @property
    def encoder(self):
        """The encoder."""
        return getattr(self.model, "encoder", self.model)

    def __call__(self, rows, segments=None):
        """Runs the encoder."""
        check_process()
        lengths = np.array([len(row) for row in rows], "int32")
        token_ids = np.concatenate(rows)
        segment_ids = np.zeros_like(token_ids)
        if segments is not None:
            segment_ids = np.concatenate(segments)
        return self._function()(token_ids, segment_ids, lengths)

    def _function(self):
        """Returns the compiled function of the current model; thread-safe."""
        layers, kinds, function = self._compiled or ((), None, None)
        if function is None or kinds != _kinds(layers):
            layers = quantizable_layers(self.model)
            kinds = _kinds(layers)
            if keras.backend.backend() == "tensorflow":
                function = self._packed_function()
            else:
                function = self._padded_function()
            self._compiled = layers, kinds, function
        return function

    def _packed_function(self):
        import tensorflow as tf

        def compute(token_ids, segment_ids, lengths):
            packing, position_ids, padding_mask = packing_of(
                lengths, tf.size(token_ids), tf.reduce_max(lengths)
            )
            hidden_states = self.encoder.compute_packed(
                token_ids, segment_ids, position_ids, padding_mask, packing
            )
            rows = [pad(states, packing) for states in hidden_states]
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
            length = min(longest, max(16, _power_of_two(lengths.max())))
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
    return 1 << (int(number) - 1).bit_length()


def _kinds(layers):
    """Returns what invalidates a compiled function."""
    return [(layer.lora_enabled, layer.quantization_mode) for layer in layers]


def batches_of_tokens(lengths, budget):
    """Groups rows of similar length into batches of a number of tokens.

    Example:
        >>> [rows.tolist() for rows in batches_of_tokens([1, 4, 2, 2], budget=4)]
        [[1], [2, 3], [0]]
    """
    lengths = np.array(list(lengths), "int64")
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        count = max(1, budget // max(1, lengths[order[start]]))
        yield order[start : start + count]
        start += count
