"""The Transformer's encoder block."""

from typing import Any

import keras

from kerasbert.layers.attention import MultiHeadAttention
from kerasbert.layers.feed_forward import FeedForward
from kerasbert.layers.layer_norm import LayerNorm
from kerasbert.layers.rematerialization import rematerialized


@keras.saving.register_keras_serializable(package="kerasbert")
class EncoderBlock(keras.layers.Layer):
    """Self-attention and feed-forward network with residuals and layer normalization.

    Args:
        num_heads: Number of attention heads, N.
        intermediate_size: Inner width of the feed-forward network, F.
        activation: A name of `kerasbert.config.ACTIVATIONS`.
        dropout: Dropout rate of the output of attention and feed-forward network.
        attention_dropout: Dropout rate of the attention probabilities.
        epsilon: Epsilon of the layer normalizations.
        initializer_range: Standard deviation of the kernels' initializer.

    Shapes:
        hidden_states `[B, S, D]`, attention_bias broadcasting to `[B, N, S, S]`
        -> `[B, S, D]`; or, with a `Packing`, `[T, D]` -> `[T, D]`.

    Example:
        >>> block = EncoderBlock(num_heads=2, intermediate_size=8)
        >>> tuple(block(keras.ops.ones((1, 3, 4))).shape)
        (1, 3, 4)

    Reference:
        [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), figure 1, left.
    """

    rematerializes = False  # whether training stores inputs and outputs alone

    def __init__(
        self,
        num_heads: int,
        intermediate_size: int,
        activation: str = "gelu",
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        epsilon: float = 1e-12,
        initializer_range: float = 0.02,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self._arguments = {
            "num_heads": num_heads,
            "intermediate_size": intermediate_size,
            "activation": activation,
            "dropout": dropout,
            "attention_dropout": attention_dropout,
            "epsilon": epsilon,
            "initializer_range": initializer_range,
        }
        dtype = self.dtype_policy
        self.attention = MultiHeadAttention(
            num_heads,
            attention_dropout,
            initializer_range,
            dtype=dtype,
            name="attention",
        )
        self.attention_norm = LayerNorm(epsilon, dtype=dtype, name="attention_norm")
        self.feed_forward = FeedForward(
            intermediate_size,
            activation,
            initializer_range,
            dtype=dtype,
            name="feed_forward",
        )
        self.feed_forward_norm = LayerNorm(
            epsilon, dtype=dtype, name="feed_forward_norm"
        )
        self.dropout = keras.layers.Dropout(dropout, dtype=dtype)

    def build(self, hidden_states_shape):
        self.attention.build(hidden_states_shape)
        self.attention_norm.build(hidden_states_shape)
        self.feed_forward.build(hidden_states_shape)
        self.feed_forward_norm.build(hidden_states_shape)

    def call(self, hidden_states, attention_bias=None, packing=None, training=None):
        def compute(states):
            return self._compute(states, attention_bias, training, packing=packing)

        return self._computed(compute, hidden_states, training)

    def first_token(
        self, hidden_states: Any, attention_bias: Any = None, training: Any = None
    ) -> Any:
        """Computes the first token of what `call` gives, and no other.

        A last block that only a pooler reads needs no more: keys and values of all
        tokens, and the rest of the block for one.

        Shapes:
            hidden_states `[B, S, D]` -> `[B, 1, D]`.
        """

        def compute(states):
            return self._compute(states, attention_bias, training, first_only=True)

        return self._computed(compute, hidden_states, training)

    def _computed(self, compute, hidden_states, training):
        if self.rematerializes and training:
            return rematerialized(self, compute, hidden_states)
        return compute(hidden_states)

    def _attended(self, hidden_states, attention_bias, training, packing, first_only):
        """Applies attention: of all tokens, or of the first to all."""
        if first_only:
            return self.attention(
                hidden_states[:, :1],  # [B, 1, D]
                hidden_states,
                attention_bias=attention_bias,
                training=training,
            )
        return self.attention(
            hidden_states,
            attention_bias=attention_bias,
            packing=packing,
            training=training,
        )

    def _compute(
        self, hidden_states, attention_bias, training, packing=None, first_only=False
    ):
        attended = self._attended(
            hidden_states, attention_bias, training, packing, first_only
        )
        if first_only:
            hidden_states = hidden_states[:, :1]  # [B, 1, D]
        attended = self.dropout(attended, training=training)
        hidden_states = self.attention_norm(hidden_states + attended)
        fed = self.feed_forward(hidden_states)
        fed = self.dropout(fed, training=training)
        return self.feed_forward_norm(hidden_states + fed)

    def attention_probs(self, hidden_states: Any, attention_bias: Any = None) -> Any:
        """Computes the attention probabilities of `call` with the same arguments.

        Shapes:
            hidden_states `[B, S, D]` -> `[B, N, S, S]`, float32.
        """
        return self.attention.probs(hidden_states, attention_bias=attention_bias)

    def compute_output_shape(self, hidden_states_shape):
        return hidden_states_shape

    def get_config(self):
        return {**super().get_config(), **self._arguments}


@keras.saving.register_keras_serializable(package="kerasbert")
class PreNormEncoderBlock(EncoderBlock):
    """An encoder block with layer normalization before its sub-layers.

    Args and shapes are those of `EncoderBlock`. A stack of these blocks ends in a
    `LayerNorm` of its own.

    Reference:
        [Xiong et al., 2020](https://arxiv.org/abs/2002.04745), figure 1, right.
    """

    def _compute(
        self, hidden_states, attention_bias, training, packing=None, first_only=False
    ):
        attended = self._attended(
            *(self.attention_norm(hidden_states), attention_bias, training),
            *(packing, first_only),
        )
        if first_only:
            hidden_states = hidden_states[:, :1]  # [B, 1, D]
        hidden_states += self.dropout(attended, training=training)
        fed = self.feed_forward(self.feed_forward_norm(hidden_states))
        return hidden_states + self.dropout(fed, training=training)

    def attention_probs(self, hidden_states: Any, attention_bias: Any = None) -> Any:
        return super().attention_probs(
            self.attention_norm(hidden_states), attention_bias
        )
