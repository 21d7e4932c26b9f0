"""The decoder block of the Transformer."""

from typing import Any

import keras

from kerasbert.layers.attention import MultiHeadAttention
from kerasbert.layers.attention_bias import causal_bias
from kerasbert.layers.feed_forward import FeedForward
from kerasbert.layers.layer_norm import LayerNorm


@keras.saving.register_keras_serializable(package="kerasbert")
class DecoderBlock(keras.layers.Layer):
    """Causal self-attention, cross-attention and feed-forward network.

    Without encoder states, cross-attention is skipped, as in a decoder-only model.

    Args:
        num_heads: Number of attention heads, N.
        intermediate_size: Inner width of the feed-forward network, F.
        activation: A name of `kerasbert.config.ACTIVATIONS`.
        dropout: Dropout rate of the output of every sub-layer.
        attention_dropout: Dropout rate of the attention probabilities.
        epsilon: Epsilon of the layer normalizations.
        initializer_range: Standard deviation of the kernel initializer.

    Shapes:
        hidden_states `[B, Q, D]`, encoder_states `[B, K, D]`, encoder_bias broadcast to
        `[B, N, Q, K]` -> `[B, Q, D]`.

    Example:
        >>> block = DecoderBlock(num_heads=2, intermediate_size=8)
        >>> tuple(block(keras.ops.ones((1, 3, 4)), keras.ops.ones((1, 5, 4))).shape)
        (1, 3, 4)

    Reference:
        [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), figure 1, right.
    """

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
        attention = (num_heads, attention_dropout, initializer_range)
        self.attention = MultiHeadAttention(*attention, dtype=dtype, name="attention")
        self.attention_norm = LayerNorm(epsilon, dtype=dtype, name="attention_norm")
        self.cross_attention = MultiHeadAttention(
            *attention, dtype=dtype, name="cross_attention"
        )
        self.cross_attention_norm = LayerNorm(
            epsilon, dtype=dtype, name="cross_attention_norm"
        )
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

    def build(self, hidden_states_shape, encoder_states_shape=None):
        self.attention.build(hidden_states_shape)
        self.attention_norm.build(hidden_states_shape)
        if encoder_states_shape is not None:
            self.cross_attention.build(hidden_states_shape, encoder_states_shape)
            self.cross_attention_norm.build(hidden_states_shape)
        self.feed_forward.build(hidden_states_shape)
        self.feed_forward_norm.build(hidden_states_shape)

    def call(
        self,
        hidden_states,
        encoder_states=None,
        encoder_bias=None,
        attention_bias=None,
        training=None,
    ):
        bias = causal_bias(keras.ops.shape(hidden_states)[1])  # [1, 1, Q, Q]
        if attention_bias is not None:
            bias = keras.ops.add(bias, attention_bias)
        attended = self.attention(hidden_states, attention_bias=bias, training=training)
        return self._after_attention(
            hidden_states, attended, encoder_states, encoder_bias, training
        )

    def call_with_cache(
        self,
        hidden_states: Any,
        cache: Any,
        position: Any,
        encoder_states: Any = None,
        encoder_bias: Any = None,
    ) -> tuple[Any, Any]:
        """Decodes new tokens, given a key-value cache of the tokens before them.

        Args:
            hidden_states: The new tokens.
            cache: Cache from `block.attention.empty_cache` or from the previous call.
            position: Number of cached tokens.
            encoder_states: Output of the encoder, or None.
            encoder_bias: Bias that masks the encoder's padding, or None.

        Shapes:
            hidden_states `[B, Q, D]`, cache `[B, 2, N, K, H]` -> hidden states `[B, Q,
            D]`, the updated cache.
        """
        attended, cache = self.attention.call_with_cache(hidden_states, cache, position)
        hidden_states = self._after_attention(
            hidden_states, attended, encoder_states, encoder_bias, training=False
        )
        return hidden_states, cache

    def _after_attention(
        self, hidden_states, attended, encoder_states, encoder_bias, training
    ):
        attended = self.dropout(attended, training=training)
        hidden_states = self.attention_norm(hidden_states + attended)
        if encoder_states is not None:
            attended = self.cross_attention(
                hidden_states,
                encoder_states,
                attention_bias=encoder_bias,
                training=training,
            )
            attended = self.dropout(attended, training=training)
            hidden_states = self.cross_attention_norm(hidden_states + attended)
        fed = self.dropout(self.feed_forward(hidden_states), training=training)
        return self.feed_forward_norm(hidden_states + fed)

    def compute_output_shape(self, hidden_states_shape, encoder_states_shape=None):
        return hidden_states_shape

    def get_config(self):
        return {**super().get_config(), **self._arguments}
