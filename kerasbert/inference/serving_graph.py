"""A task's model as a serving graph: frozen, packed, in a given precision."""

import functools

import keras
import tensorflow as tf

from kerasbert.inference.constants import Constant, Frozen, read
from kerasbert.inference.int8_products import calibrated_products, check_int8
from kerasbert.inference.matmul_overrides import override_matmuls
from kerasbert.inference.packed_graph import joint_projections, packed_encoder
from kerasbert.models.loading import checkpoint_of, variables_of
from kerasbert.models.quantization import quantized_layers

# From a precision to the dtype policy of the encoder's layers. Softmax, layer
# normalisation and pooling compute in float32 in each; in int8 other products replace
# those of the dense layers (`kerasbert.inference.int8_products`).
PRECISIONS = {"float32": "float32", "bfloat16": "bfloat16", "int8": "float32"}


def check_precision(precision):
    """Raises an error if a precision is unknown or not supported."""
    if precision not in PRECISIONS:
        raise ValueError(
            f"Expected a precision among {', '.join(PRECISIONS)}, got {precision!r}."
        )
    if precision == "int8":
        check_int8()


class ServingGraph:
    """Functions from rows of tokens to model outputs, with frozen weights.

    Args:
        model: A model of `kerasbert.models` with a head.
        tokenizer: The `kerasbert.Tokenizer` of its vocabulary.
        precision: A name of `PRECISIONS`, in which the encoder computes: `"float32"`;
            `"bfloat16"`, twice as fast on processors that have it and slow elsewhere;
            or `"int8"`.
        max_length: The longest sequence in tokens.
        calibration: Texts for `"int8"`; by default those of
            `kerasbert.inference.calibration`.

    Raises:
        ValueError: If the precision is unknown, or this TensorFlow does not have it.
    """

    def __init__(self, model, tokenizer, precision, max_length, calibration=None):
        check_precision(precision)
        self.tokenizer = tokenizer
        self.precision = precision
        self.max_length = max_length
        self.model, constants = frozen(model, precision)
        self._kept = Constant if precision == "bfloat16" else tf.constant
        self.constants = [
            (variable, self._kept_of(variable, value)) for variable, value in constants
        ]
        self._calibration = calibration

    @functools.cached_property
    def products(self):
        """Maps layers of the encoder to replacements of their matmuls."""
        encoder = self.model.encoder
        with tf.init_scope():  # values, also where a signature is being traced
            if self.precision != "int8":
                return joint_projections(encoder, self.constants, self._kept)
            return calibrated_products(
                encoder, self.constants, self._rows_of, self._calibration
            )

    def function(self, finish):
        """Returns the function from packed tokens to `finish`'s result.

        Args:
            finish: As in `kerasbert.inference.packed_graph.packed_encoder`, which
                says what the function takes.
        """
        return packed_encoder(self.model.encoder, self.constants, finish, self.products)

    def rows_function(self, finish):
        """Returns the same function of rows of tokens.

        Args:
            finish: As in `function`.

        Returns:
            A function of token ids and segment ids, ragged int32 `[B, (S)]`.
        """
        compute = self.function(finish)

        def of_rows(token_ids, segment_ids):
            mask = mask_of(token_ids)  # [B, S]
            return compute(token_ids.values, segment_ids.values, mask, mask)

        return of_rows

    @functools.cached_property
    def outputs(self):
        """Returns the function from rows of tokens to named outputs.

        Shapes:
            token_ids, segment_ids, ragged int32 `[B, (S)]` -> each output `[B, ...]`,
            or `[B, S, ...]` where it has an axis for the tokens.
        """
        return self.rows_function(self.model.outputs_of)

    def outputs_at(self, token_ids, segment_ids, positions):
        """Computes a token-level head at given tokens only.

        Args:
            token_ids: As in `outputs`.
            segment_ids: As in `outputs`.
            positions: The row of each such token, and its position in the row.

        Shapes:
            token_ids, segment_ids `[B, (S)]`, positions int64 `[P, 2]` -> each output
            `[P, ...]`.
        """
        last = self.rows_function(lambda states, padding_mask: states[-1])
        states = last(token_ids, segment_ids)  # [B, S, D]
        with Frozen(self.constants):
            return self.model.outputs_of([tf.gather_nd(states, positions)], None)

    def compiled(self, finish):
        """Returns a function of padded rows, compiled by XLA per shape.

        Args:
            finish: As in `function`.

        Returns:
            A function of token_ids, segment_ids and padding_mask, int32 `[B, S]` each.
        """

        def compute(token_ids, segment_ids, padding_mask):
            # Outside of its function: XLA takes the weights as arguments.
            values = [(variable, read(value)) for variable, value in self.constants]
            products = self.products if self.precision == "float32" else {}

            @tf.function(jit_compile=True, autograph=False)
            def compiled(inputs):
                with keras.StatelessScope(values), override_matmuls(products):
                    states = self.model.encoder(inputs)["hidden_states"]
                    return finish(states, inputs["padding_mask"])

            inputs = {"token_ids": token_ids, "segment_ids": segment_ids}
            return compiled({**inputs, "padding_mask": padding_mask})

        return compute

    def _kept_of(self, variable, value):
        """Keeps the token embedding as a variable, and kernels as constants.

        Rows are gathered from the table, and it is not multiplied: nothing is gained by
        a constant, and it is most of what a server would copy while it optimises.
        """
        if variable is self.model.encoder.token_embedding.embeddings:
            return tf.Variable(value, trainable=False)
        return self._kept(value) if len(value.shape) > 1 else value

    def _rows_of(self, texts):
        tokens = self.tokenizer.tokenize(texts)
        return self.tokenizer.pack(tokens, None, self.max_length)


def frozen(model, precision="float32"):
    """Returns a model in a precision, with constant weights."""
    weights = checkpoint_of(model).weights
    model = _with_policy(model, PRECISIONS[precision])
    return model, [
        (variable, tf.cast(weights[path](), variable.dtype))
        for path, variable in variables_of(model).items()
        if path in weights
    ]


def mask_of(rows):
    """Returns the padding mask int32 `[B, S]` of ragged rows; S is at least 1."""
    lengths = tf.cast(rows.row_lengths(), tf.int32)  # [B]
    longest = tf.maximum(tf.reduce_max(lengths), 1)
    return tf.sequence_mask(lengths, longest, dtype=tf.int32)  # [B, S]


def text_function(function, *names):
    """Returns a graph function of named string vectors."""
    specs = [tf.TensorSpec([None], tf.string, name=name) for name in names]
    return tf.function(function, input_signature=specs, autograph=False)


def _with_policy(model, policy):
    """Returns a copy of a model with another dtype policy."""
    encoder = model.encoder
    updated = [x for x in model._flatten_layers() if getattr(x, "lora_enabled", False)]
    if encoder.dtype_policy.name == policy and not updated:
        return model
    if quantized := quantized_layers(model):
        raise ValueError(
            f"Expected a model in floating point to compute in {policy}, got one with "
            f"layers in {quantized[0].quantization_mode}. Load the model anew."
        )
    encoder = type(encoder)(encoder.config, dtype=policy, name=encoder.name)
    described = keras.saving.serialize_keras_object(encoder)
    return type(model).from_config({**model.get_config(), "encoder": described})
