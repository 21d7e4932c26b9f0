"""The model of a task as a serving graph: frozen, packed, in a precision."""

import keras
import tensorflow as tf

from kerasbert.checkpoints.models import checkpoint_of, variables_of
from kerasbert.export.packed_graph import packed_encoder
from kerasbert.export.precision import policy_of, table_apart
from kerasbert.export.products import products_of


class TaskGraph:
    """A function from rows of tokens to what a task's model gives, weights frozen.

    Args:
        task: A task of `kerasbert.tasks`.
        precision: A name of `kerasbert.export.precision.PRECISIONS`, in which the
            model computes.
        max_length: The longest sequence in tokens.
        calibration: Texts for `"int8"`; by default those of
            `kerasbert.export.calibration_texts`.

    Raises:
        ValueError: If there is no such precision, or not in this TensorFlow.
    """

    def __init__(self, task, precision, max_length, calibration=None):
        self.tokenizer = task.tokenizer
        self.max_length = max_length
        self.model = _with_policy(task.model, policy_of(precision))
        weights = checkpoint_of(task.model).weights  # low-rank updates are in them
        constants = [
            (variable, tf.cast(weights[path](), variable.dtype))
            for path, variable in variables_of(self.model).items()
            if path in weights
        ]
        constants = table_apart(self.model.encoder, constants)
        self._constants = constants
        self._products = products_of(
            self.model.encoder,
            constants,
            precision,
            lambda text: self.tokenizer.pack(
                self.tokenizer.tokenize(text), None, max_length
            ),
            calibration,
        )
        self._compute = self._computing(self.model.outputs_of)

    def outputs(self, token_ids, segment_ids):
        """The outputs of the model, by their names.

        Args:
            token_ids: Ragged int32 rows, special tokens included.
            segment_ids: Ragged int32 rows, as long.

        Shapes:
            token_ids, segment_ids `[B, (S)]` -> each output `[B, ...]`, or
            `[B, S, ...]` where it has an axis for the tokens.
        """
        return _of_rows(self._compute, token_ids, segment_ids)

    def outputs_at(self, token_ids, segment_ids, places):
        """The outputs of a head that works on each token, at some tokens alone.

        Args:
            token_ids: As in `outputs`.
            segment_ids: As there.
            places: The row of each such token, and its place in it.

        Shapes:
            token_ids, segment_ids `[B, (S)]`, places int64 `[P, 2]` -> each output
            `[P, ...]`.
        """
        last = self._computing(lambda states, padding_mask: states[-1])
        states = _of_rows(last, token_ids, segment_ids)  # [B, S, D]
        with keras.StatelessScope(self._constants):
            return self.model.outputs_of([tf.gather_nd(states, places)], None)

    def of_texts(self, text, pair=None):
        """The outputs of the model for texts, and how many tokens these have.

        Args:
            text: Strings.
            pair: Second texts, or None.

        Shapes:
            text, pair `[B]` -> the outputs, and token_count int32 `[B]`: what the
            texts have with special tokens, those that were cut included.
        """
        first = self.tokenizer.tokenize(text)
        second = None if pair is None else self.tokenizer.tokenize(pair)
        rows = self.tokenizer.pack(first, second, self.max_length)
        count = tf.cast(first.row_lengths(), tf.int32)  # [B]
        count += self.tokenizer.num_special_tokens(pair=second is not None)
        if second is not None:
            count += tf.cast(second.row_lengths(), tf.int32)
        return self.outputs(*rows), count

    def _computing(self, finish):
        return packed_encoder(
            self.model.encoder, self._constants, finish, self._products
        )


def _of_rows(compute, token_ids, segment_ids):
    lengths = tf.cast(token_ids.row_lengths(), tf.int32)  # [B]
    longest = tf.maximum(tf.reduce_max(lengths), 1)
    mask = tf.sequence_mask(lengths, longest, dtype=tf.int32)  # [B, S]
    return compute(token_ids.values, segment_ids.values, mask, mask)


def _with_policy(model, policy):
    """A model like another, with untrained weights where the policy is another."""
    encoder = model.encoder
    updated = [x for x in model._flatten_layers() if getattr(x, "lora_enabled", False)]
    if encoder.dtype_policy.name == policy and not updated:
        return model
    encoder = type(encoder)(encoder.config, dtype=policy, name=encoder.name)
    described = keras.saving.serialize_keras_object(encoder)
    return type(model).from_config({**model.get_config(), "encoder": described})


def text_function(function, *names):
    """A graph function of strings, one vector of them for each name.

    Args:
        function: Function of string tensors `[B]`.
        *names: What its inputs are called in the signature.

    Returns:
        A `tf.function`.
    """
    specs = [tf.TensorSpec([None], tf.string, name=name) for name in names]
    return tf.function(function, input_signature=specs, autograph=False)
