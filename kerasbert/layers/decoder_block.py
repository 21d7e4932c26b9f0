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
        causal=True,
        training=None,
    ):
        bias = attention_bias
        if causal:
            bias = causal_bias(keras.ops.shape(hidden_states)[1])  # [1, 1, Q, Q]
            if attention_bias is not None:
                bias = keras.ops.add(bias, attention_bias)

        def attend(states):
            return self.attention(states, attention_bias=bias, training=training)

        def attend_across(states):
            return self.cross_attention(
                states, encoder_states, attention_bias=encoder_bias, training=training
            )

        across = None if encoder_states is None else attend_across
        return self._compute(hidden_states, attend, across, training)

    def call_with_probs(
        self, hidden_states: Any, encoder_states: Any, encoder_bias: Any = None
    ) -> tuple[Any, Any]:
        """Computes the block and the probabilities of its cross-attention.

        Args:
            hidden_states: The target so far.
            encoder_states: Output of the encoder.
            encoder_bias: Bias that masks the encoder's padding, or None.

        Shapes:
            hidden_states `[B, Q, D]`, encoder_states `[B, K, D]` -> hidden states `[B,
            Q, D]`, probabilities `[B, N, Q, K]`, float32.
        """
        bias = causal_bias(keras.ops.shape(hidden_states)[1])  # [1, 1, Q, Q]
        found = []

        def attend(states):
            return self.attention(states, attention_bias=bias)

        def attend_across(states):
            found.append(
                self.cross_attention.probs(states, encoder_states, encoder_bias)
            )
            return self.cross_attention(
                states, encoder_states, attention_bias=encoder_bias
            )

        return self._compute(hidden_states, attend, attend_across, False), found[0]

    def call_with_cache(
        self,
        hidden_states: Any,
        cache: Any,
        position: Any,
        encoder_states: Any = None,
        encoder_bias: Any = None,
        encoder_cache: Any = None,
        attention_bias: Any = None,
        causal: bool = True,
    ) -> tuple[Any, Any]:
        """Decodes new tokens, given a key-value cache of the tokens before them.

        Args:
            hidden_states: The new tokens.
            cache: Cache from `block.attention.empty_cache` or from the previous call.
            position: Number of cached tokens.
            encoder_states: Output of the encoder, or None.
            encoder_bias: Bias that masks the encoder's padding, or None.
            encoder_cache: Instead of encoder_states, their keys and values, from
                `block.cross_attention.cache_of`, which are the same in every step.
            attention_bias: Bias of the self-attention, besides the causal one, or None.
            causal: Whether a new token is masked for the new tokens before it.

        Shapes:
            hidden_states `[B, Q, D]`, cache `[B, 2, N, K, H]` -> hidden states `[B, Q,
            D]`, the updated cache.
        """
        if encoder_states is not None:
            encoder_cache = self.cross_attention.cache_of(encoder_states)
        caches = []

        def attend(states):
            states, updated = self.attention.call_with_cache(
                states, cache, position, attention_bias, causal
            )
            caches.append(updated)
            return states

        def attend_across(states):
            return self.cross_attention.call_on_cache(
                states, encoder_cache, encoder_bias
            )

        across = None if encoder_cache is None else attend_across
        states = self._compute(hidden_states, attend, across, training=False)
        return states, caches[0]

    def _compute(self, hidden_states, attend, attend_across, training):
        states = self._residual(attend, self.attention_norm, hidden_states, training)
        if attend_across is not None:
            states = self._residual(
                attend_across, self.cross_attention_norm, states, training
            )
        return self._residual(
            self.feed_forward, self.feed_forward_norm, states, training
        )

    def _residual(self, compute, norm, states, training):
        return norm(states + self.dropout(compute(states), training=training))

    def compute_output_shape(self, hidden_states_shape, encoder_states_shape=None):
        return hidden_states_shape

    def get_config(self):
        return {**super().get_config(), **self._arguments}


@keras.saving.register_keras_serializable(package="kerasbert")
class PreNormDecoderBlock(DecoderBlock):
    """A decoder block with layer normalization before its sub-layers.

    Args and shapes are those of `DecoderBlock`. A stack of these blocks ends in a
    `LayerNorm` of its own.

    Reference:
        [Xiong et al., 2020](https://arxiv.org/abs/2002.04745), figure 1, right.
    """

    def _residual(self, compute, norm, states, training):
        return states + self.dropout(compute(norm(states)), training=training)
