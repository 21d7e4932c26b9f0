"""Heads: from an encoder's output to the logits of a task, in float32."""

from typing import Any

import keras
from keras import ops

from kerasbert.layers.activations import get_activation
from kerasbert.layers.initializer import truncated_normal
from kerasbert.layers.layer_norm import LayerNorm


@keras.saving.register_keras_serializable(package="kerasbert")
class ClassificationHead(keras.layers.Layer):
    """Classification head: dropout and a dense layer.

    On `pooled_output` it classifies texts and pairs of sentences (NSP, SOP), on
    `sequence_output` tokens.

    Args:
        num_classes: Number of classes, C.
        dropout: Dropout rate of the input.
        initializer_range: Standard deviation of the kernel's initializer.

    Shapes:
        `[..., D]` -> logits `[..., C]`, float32.

    Example:
        >>> tuple(ClassificationHead(3)(keras.ops.ones((2, 4))).shape)
        (2, 3)

    Reference:
        [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), figure 4.
    """

    def __init__(
        self,
        num_classes: int,
        dropout: float = 0.0,
        initializer_range: float = 0.02,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.dropout_rate = dropout
        self.initializer_range = initializer_range
        self.dropout = keras.layers.Dropout(dropout, dtype=self.dtype_policy)
        self.dense = keras.layers.Dense(
            num_classes,
            kernel_initializer=truncated_normal(initializer_range),
            dtype=self.dtype_policy,
            name="dense",
        )

    def build(self, inputs_shape):
        self.dense.build(inputs_shape)

    def call(self, inputs, training=None):
        logits = self.dense(self.dropout(inputs, training=training))
        return ops.cast(logits, "float32")  # [..., C]

    def compute_output_spec(self, inputs, training=None):
        return keras.KerasTensor((*inputs.shape[:-1], self.num_classes), "float32")

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "dropout": self.dropout_rate,
            "initializer_range": self.initializer_range,
        }


@keras.saving.register_keras_serializable(package="kerasbert")
class SpanHead(ClassificationHead):
    """Span head: a dense layer with the logits of a span's first and last token.

    Shapes:
        sequence_output `[B, S, D]` -> start_logits `[B, S]`, end_logits `[B, S]`,
        float32.

    Reference:
        [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), section 4.2.
    """

    def __init__(
        self, dropout: float = 0.0, initializer_range: float = 0.02, **kwargs: Any
    ):
        kwargs.pop("num_classes", None)
        super().__init__(2, dropout, initializer_range, **kwargs)

    def call(self, sequence_output, training=None):
        logits = super().call(sequence_output, training)  # [B, S, 2]
        return logits[..., 0], logits[..., 1]

    def compute_output_spec(self, sequence_output, training=None):
        logits = keras.KerasTensor(sequence_output.shape[:-1], "float32")
        return logits, keras.KerasTensor(sequence_output.shape[:-1], "float32")


@keras.saving.register_keras_serializable(package="kerasbert")
class MaskedLMHead(keras.layers.Layer):
    """Masked language model head: logits of all tokens of the vocabulary.

    The output matrix is the transposed token embedding.

    Args:
        token_embedding: The `keras.layers.Embedding` of the encoder.
        activation: A name of `kerasbert.config.ACTIVATIONS`.
        epsilon: Epsilon of the layer normalization.
        initializer_range: Standard deviation of the kernel initializer.

    Shapes:
        hidden states `[..., D]` -> logits `[..., V]`, float32.

    Reference:
        [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), section 3.1, task 1.
    """

    def __init__(
        self,
        token_embedding: keras.layers.Embedding,
        activation: str = "gelu",
        epsilon: float = 1e-12,
        initializer_range: float = 0.02,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.token_embedding = token_embedding
        self.activation = activation
        self.epsilon = epsilon
        self.initializer_range = initializer_range
        self.dense = keras.layers.Dense(
            token_embedding.output_dim,
            activation=get_activation(activation),
            kernel_initializer=truncated_normal(initializer_range),
            dtype=self.dtype_policy,
            name="dense",
        )
        self.norm = LayerNorm(epsilon, dtype=self.dtype_policy, name="norm")

    def build(self, inputs_shape):
        if not self.token_embedding.built:
            self.token_embedding.build()
        self.dense.build(inputs_shape)
        self.norm.build((None, self.token_embedding.output_dim))
        self.bias = self.add_weight(
            name="bias", shape=(self.token_embedding.input_dim,), initializer="zeros"
        )

    def call(self, inputs):
        transformed = self.norm(self.dense(inputs))  # [..., E]
        table = _table_of(self.token_embedding, self.compute_dtype)  # [V, E]
        logits = ops.matmul(transformed, ops.transpose(table))  # [..., V]
        return ops.cast(ops.add(logits, self.bias), "float32")

    def compute_output_spec(self, inputs):
        shape = (*inputs.shape[:-1], self.token_embedding.input_dim)
        return keras.KerasTensor(shape, "float32")

    def get_config(self):
        return {
            **super().get_config(),
            "token_embedding": keras.saving.serialize_keras_object(
                self.token_embedding
            ),
            "activation": self.activation,
            "epsilon": self.epsilon,
            "initializer_range": self.initializer_range,
        }

    @classmethod
    def from_config(cls, config):
        embedding = keras.saving.deserialize_keras_object(config["token_embedding"])
        return cls(**{**config, "token_embedding": embedding})


@keras.saving.register_keras_serializable(package="kerasbert")
class TiedLogitsHead(keras.layers.Layer):
    """Logits of all tokens: the products with the rows of a token embedding.

    Args:
        token_embedding: The `keras.layers.Embedding`, which is shared.

    Shapes:
        hidden states `[..., D]` -> logits `[..., V]`, float32.

    Reference:
        [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), section 3.4.
    """

    def __init__(self, token_embedding: keras.layers.Embedding, **kwargs: Any):
        super().__init__(**kwargs)
        self.token_embedding = token_embedding

    def build(self, inputs_shape):
        if not self.token_embedding.built:
            self.token_embedding.build()

    def call(self, inputs):
        table = _table_of(self.token_embedding, self.compute_dtype)  # [V, D]
        states = ops.reshape(inputs, (-1, inputs.shape[-1]))  # [T, D]
        logits = ops.cast(ops.matmul(states, ops.transpose(table)), "float32")
        shape = (*ops.shape(inputs)[:-1], self.token_embedding.input_dim)
        return ops.reshape(logits, shape)  # [..., V]

    def compute_output_spec(self, inputs):
        shape = (*inputs.shape[:-1], self.token_embedding.input_dim)
        return keras.KerasTensor(shape, "float32")

    def get_config(self):
        table = keras.saving.serialize_keras_object(self.token_embedding)
        return {**super().get_config(), "token_embedding": table}

    @classmethod
    def from_config(cls, config):
        embedding = keras.saving.deserialize_keras_object(config["token_embedding"])
        return cls(**{**config, "token_embedding": embedding})


def _table_of(embedding, dtype):
    """Returns the table of an embedding, dequantized if necessary."""
    if embedding.quantization_mode is None:
        return ops.cast(embedding.embeddings, dtype)
    every = ops.arange(embedding.input_dim, dtype="int32")
    return ops.cast(embedding(every), dtype)
