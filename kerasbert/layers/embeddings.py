"""Token, segment and learned position embeddings."""

import math
from typing import Any

import keras
from keras import ops

from kerasbert.layers.initializer import truncated_normal
from kerasbert.layers.layer_norm import LayerNorm
from kerasbert.layers.positional_encoding import SinusoidalPositionalEncoding


@keras.saving.register_keras_serializable(package="kerasbert")
class Embeddings(keras.layers.Layer):
    """The sum of token, segment and position embeddings, normalized.

    Args:
        vocab_size: Number of tokens, V.
        embedding_size: Width of the embeddings: D in BERT, E in ALBERT.
        max_positions: The longest sequence, in tokens.
        num_segments: Number of segments; 0: segments are not embedded, and
            segment_ids have no effect.
        dropout: Dropout rate of the result.
        epsilon: Epsilon of the layer normalization.
        initializer_range: Standard deviation of the initializer.

    Shapes:
        token_ids and segment_ids `[B, S]`, int32 -> `[B, S, E]`; or packed,
        `[T]` with their position_ids -> `[T, E]`.

    Raises:
        ValueError: If a row is longer than `max_positions`.

    Example:
        >>> layer = Embeddings(10, embedding_size=4, max_positions=8)
        >>> token_ids = keras.ops.array([[1, 2, 3]])
        >>> tuple(layer(token_ids, keras.ops.zeros_like(token_ids)).shape)
        (1, 3, 4)

    Reference:
        [Devlin et al., 2018](https://arxiv.org/abs/1810.04805), figure 2.
    """

    def __init__(
        self,
        vocab_size: int,
        embedding_size: int,
        max_positions: int = 512,
        num_segments: int = 2,
        dropout: float = 0.0,
        epsilon: float = 1e-12,
        initializer_range: float = 0.02,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.vocab_size = vocab_size
        self.embedding_size = embedding_size
        self.max_positions = max_positions
        self.num_segments = num_segments
        self.dropout_rate = dropout
        self.epsilon = epsilon
        self.initializer_range = initializer_range

        def table(rows, name):
            return keras.layers.Embedding(
                rows,
                embedding_size,
                embeddings_initializer=truncated_normal(initializer_range),
                dtype=self.dtype_policy,
                name=name,
            )

        self.token_embedding = table(vocab_size, "token_embedding")
        self.segment_embedding = None
        if num_segments:
            self.segment_embedding = table(num_segments, "segment_embedding")
        self.position_embedding = table(max_positions, "position_embedding")
        self.norm = LayerNorm(epsilon, dtype=self.dtype_policy, name="norm")
        self.dropout = keras.layers.Dropout(dropout, dtype=self.dtype_policy)

    def build(self, token_ids_shape):
        self.token_embedding.build()
        if self.segment_embedding is not None:
            self.segment_embedding.build()
        self.position_embedding.build()
        self.norm.build((None, self.embedding_size))

    def call(self, token_ids, segment_ids, position_ids=None, training=None):
        if position_ids is None:
            length = ops.shape(token_ids)[1]
            self._check_length(length)
            position_ids = ops.arange(length, dtype="int32")  # [S]
        embeddings = self.token_embedding(token_ids)  # [B, S, E]
        if self.segment_embedding is not None:
            embeddings += self.segment_embedding(segment_ids)
        embeddings += self.position_embedding(position_ids)
        return self.dropout(self.norm(embeddings), training=training)

    def _check_length(self, length):
        if isinstance(length, int) and length > self.max_positions:
            raise ValueError(
                f"Expected at most {self.max_positions} tokens (the model's "
                f"positions), got {length}. Truncate with "
                f"max_length={self.max_positions} or use windows."
            )

    def compute_output_shape(self, token_ids_shape):
        return (*token_ids_shape, self.embedding_size)

    def get_config(self):
        return {
            **super().get_config(),
            "vocab_size": self.vocab_size,
            "embedding_size": self.embedding_size,
            "max_positions": self.max_positions,
            "num_segments": self.num_segments,
            "dropout": self.dropout_rate,
            "epsilon": self.epsilon,
            "initializer_range": self.initializer_range,
        }


@keras.saving.register_keras_serializable(package="kerasbert")
class FactorizedEmbeddings(Embeddings):
    """ALBERT's factorized embeddings: narrow tables, projected to the hidden size.

    Args:
        vocab_size: Number of tokens, V.
        embedding_size: Width of the tables, E.
        hidden_size: Width of the result, D.
        **kwargs: The other arguments of `Embeddings`.

    Shapes:
        token_ids and segment_ids `[B, S]`, int32 -> `[B, S, D]`; or packed,
        `[T]` with their position_ids -> `[T, D]`.

    Example:
        >>> layer = FactorizedEmbeddings(10, embedding_size=4, hidden_size=6)
        >>> token_ids = keras.ops.array([[1, 2, 3]])
        >>> tuple(layer(token_ids, keras.ops.zeros_like(token_ids)).shape)
        (1, 3, 6)

    Reference:
        [Lan et al., 2019](https://arxiv.org/abs/1909.11942), section 3.1.
    """

    def __init__(
        self, vocab_size: int, embedding_size: int, hidden_size: int, **kwargs: Any
    ):
        super().__init__(vocab_size, embedding_size, **kwargs)
        self.hidden_size = hidden_size
        self.projection = keras.layers.Dense(
            hidden_size,
            kernel_initializer=truncated_normal(self.initializer_range),
            dtype=self.dtype_policy,
            name="projection",
        )

    def build(self, token_ids_shape):
        super().build(token_ids_shape)
        self.projection.build((None, self.embedding_size))

    def call(self, token_ids, segment_ids, position_ids=None, training=None):
        embeddings = super().call(token_ids, segment_ids, position_ids, training)
        return self.projection(embeddings)  # [B, S, D]

    def compute_output_shape(self, token_ids_shape):
        return (*token_ids_shape, self.hidden_size)

    def get_config(self):
        return {**super().get_config(), "hidden_size": self.hidden_size}


@keras.saving.register_keras_serializable(package="kerasbert")
class ScaledEmbeddings(keras.layers.Layer):
    """Token embeddings times the root of their width, plus positions.

    Args:
        vocab_size: Number of tokens, V.
        hidden_size: Width of the embeddings, D.
        max_positions: The longest sequence, in tokens, where positions are learned;
            0: positions are sines and cosines, of which there is no end.
        dropout: Dropout rate of the result.
        initializer_range: Standard deviation of the position table's initializer; that
            of tokens is `1 / sqrt(D)`.

    Shapes:
        token_ids `[B, S]`, int32, position_ids `[S]` or `[B, S]` -> `[B, S, D]`.

    Example:
        >>> layer = ScaledEmbeddings(10, hidden_size=4)
        >>> tuple(layer(keras.ops.array([[1, 2, 3]])).shape)
        (1, 3, 4)

    Reference:
        [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), section 3.4.
    """

    def __init__(
        self,
        vocab_size: int,
        hidden_size: int,
        max_positions: int = 0,
        dropout: float = 0.0,
        initializer_range: float = 0.02,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.max_positions = max_positions
        self.dropout_rate = dropout
        self.initializer_range = initializer_range

        def table(rows, name, deviation):
            return keras.layers.Embedding(
                rows,
                hidden_size,
                embeddings_initializer=truncated_normal(deviation),
                dtype=self.dtype_policy,
                name=name,
            )

        self.token_embedding = table(
            vocab_size, "token_embedding", 1 / math.sqrt(hidden_size)
        )
        self.position_embedding = None
        if max_positions:
            self.position_embedding = table(
                max_positions, "position_embedding", initializer_range
            )
        self.encoding = SinusoidalPositionalEncoding(dtype=self.dtype_policy)
        self.dropout = keras.layers.Dropout(dropout, dtype=self.dtype_policy)

    def build(self, token_ids_shape):
        if not self.token_embedding.built:
            self.token_embedding.build()
        if self.position_embedding is not None:
            self.position_embedding.build()
        self.encoding.build((None, None, self.hidden_size))

    def call(self, token_ids, position_ids=None, training=None):
        if position_ids is None:
            position_ids = ops.arange(ops.shape(token_ids)[1], dtype="int32")  # [S]
        embeddings = self.token_embedding(token_ids)  # [B, S, D]
        embeddings = embeddings * math.sqrt(self.hidden_size)
        if self.position_embedding is None:
            embeddings = self.encoding(embeddings, position_ids=position_ids)
        else:
            embeddings += self.position_embedding(position_ids)
        return self.dropout(embeddings, training=training)

    def compute_output_shape(self, token_ids_shape):
        return (*token_ids_shape, self.hidden_size)

    def get_config(self):
        return {
            **super().get_config(),
            "vocab_size": self.vocab_size,
            "hidden_size": self.hidden_size,
            "max_positions": self.max_positions,
            "dropout": self.dropout_rate,
            "initializer_range": self.initializer_range,
        }
