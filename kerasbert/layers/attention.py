"""Scaled dot-product attention: the pure function first, then the layer."""

import math
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from kerasbert.layers.attention_bias import causal_bias
from kerasbert.layers.fused_attention import fused_attention, has_fused_attention
from kerasbert.layers.initializer import truncated_normal
from kerasbert.layers.packing import with_padding


def attention_probs(query: Any, key: Any, bias: Any = None) -> Any:
    """Computes the attention probabilities `softmax(Q K^T / sqrt(H) + bias)`.

    Args:
        query: float tensor.
        key: float tensor.
        bias: float tensor added to the scores, broadcast to `[B, N, Q, K]`; see
            `padding_bias` and `causal_bias`.

    Shapes:
        query `[B, N, Q, H]`, key `[B, N, K, H]` -> probabilities `[B, N, Q, K]`,
        float32 under every dtype policy.

    Reference:
        [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), equation 1.
    """
    return _probs_of_scaled(query * (1.0 / math.sqrt(query.shape[-1])), key, bias)


def _probs_of_scaled(query, key, bias):
    scores = ops.matmul(query, ops.swapaxes(key, -1, -2))  # [B, N, Q, K]
    scores = ops.cast(scores, "float32")
    if bias is not None:
        scores = scores + ops.cast(bias, "float32")
    if scores.shape[-1] == 1:  # where Keras warns
        return ops.ones_like(scores)
    return ops.softmax(scores, axis=-1)


def dot_product_attention(
    query: Any, key: Any, value: Any, bias: Any = None, dropout: Callable | None = None
) -> Any:
    """Averages the values with the attention probabilities of each query.

    Args:
        query: float tensor.
        key: float tensor.
        value: float tensor.
        bias: float tensor added to the scores, or None.
        dropout: Function applied to the probabilities, or None.

    Shapes:
        query `[B, N, Q, H]`, key and value `[B, N, K, H]` -> `[B, N, Q, H]`.

    Example:
        >>> ones = keras.ops.ones((1, 2, 3, 4))
        >>> float(dot_product_attention(ones, ones, ones)[0, 0, 0, 0])
        1.0

    Reference:
        [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), section 3.2.1.
    """
    probs = attention_probs(query, key, bias)  # [B, N, Q, K]
    probs = probs if dropout is None else dropout(probs)
    return ops.matmul(ops.cast(probs, value.dtype), value)  # [B, N, Q, H]


@keras.saving.register_keras_serializable(package="kerasbert")
class MultiHeadAttention(keras.layers.Layer):
    """Multi-head attention.

    Called with one tensor it is self-attention, with two cross-attention; a
    `causal_bias` makes it causal. `probs` returns the probabilities, `call_with_cache`
    decodes token by token.

    Args:
        num_heads: Number of heads, N; the hidden size is a multiple of it.
        dropout: Dropout rate of the attention probabilities.
        initializer_range: Standard deviation of the kernel initializer.

    Shapes:
        query `[B, Q, D]`, context `[B, K, D]` -> `[B, Q, D]`; or, with a `Packing`,
        self-attention of `[T, D]` -> `[T, D]`.

    Example:
        >>> tuple(MultiHeadAttention(2)(keras.ops.ones((1, 3, 4))).shape)
        (1, 3, 4)

    Reference:
        [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), section 3.2.2.
    """

    def __init__(
        self,
        num_heads: int,
        dropout: float = 0.0,
        initializer_range: float = 0.02,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.dropout = dropout
        self.initializer_range = initializer_range

    def build(self, query_shape, context_shape=None):
        hidden_size = query_shape[-1]
        if hidden_size % self.num_heads:
            raise ValueError(
                f"Expected a hidden size that is a multiple of num_heads="
                f"{self.num_heads}, got {hidden_size}."
            )
        self.hidden_size = hidden_size

        def dense(name, input_shape):
            layer = keras.layers.Dense(
                hidden_size,
                kernel_initializer=truncated_normal(self.initializer_range),
                dtype=self.dtype_policy,
                name=name,
            )
            layer.build(input_shape)
            return layer

        context_shape = context_shape or query_shape
        self.query_dense = dense("query", query_shape)
        self.key_dense = dense("key", context_shape)
        self.value_dense = dense("value", context_shape)
        self.output_dense = dense("output", query_shape)
        self.probs_dropout = keras.layers.Dropout(
            self.dropout, dtype=self.dtype_policy, name="probs_dropout"
        )

    def call(
        self, query, context=None, attention_bias=None, packing=None, training=None
    ):
        def dropped(probs):
            return self.probs_dropout(probs, training=training)

        dropout = dropped if training and self.dropout else None

        def attend(projections, bias):
            return self._attend(*self._split_projections(projections), bias, dropout)

        if context is not None:
            query = self._split_heads(self.query_dense(query))  # [B, N, Q, H]
            key = self._split_heads(self.key_dense(context))  # [B, N, K, H]
            value = self._split_heads(self.value_dense(context))  # [B, N, K, H]
            attended = self._attend(query, key, value, attention_bias, dropout)
        elif packing is None:
            attended = attend(self.project(query), attention_bias)  # [B, S, D]
        else:
            tokens = self.project(query)  # [T, 3 D]
            attended = with_padding(attend, tokens, packing, attention_bias)  # [T, D]
        return self.output_dense(attended)

    @property
    def dense_layers(self) -> dict[str, keras.layers.Dense]:
        """The dense layers of query, key, value and output, by name."""
        return {
            "query": self.query_dense,
            "key": self.key_dense,
            "value": self.value_dense,
            "output": self.output_dense,
        }

    def projection(self) -> tuple[Any, Any]:
        """Returns the concatenated kernel and bias of query, key and value.

        Shapes:
            kernel `[D, 3 D]`, bias `[3 D]`.

        Raises:
            ValueError: If the layers are quantized, and their kernels integers.
        """
        dense = self._projections
        for layer in dense:
            if layer.quantization_mode is not None:
                raise ValueError(
                    f"Expected layers that are not quantized, got {layer.name} in "
                    f"{layer.quantization_mode}. Load the model anew; an export is "
                    'quantized by export(..., precision="int8").'
                )
        kernel = ops.concatenate([layer.kernel for layer in dense], axis=1)  # [D, 3 D]
        return kernel, ops.concatenate([layer.bias for layer in dense])

    def project(self, hidden_states: Any) -> Any:
        """Computes query, key and value with one matmul.

        Shapes:
            `[..., D]` -> `[..., 3 D]`.
        """
        if any(layer.quantization_mode for layer in self._projections):
            projected = [layer(hidden_states) for layer in self._projections]
            return ops.concatenate(projected, axis=-1)
        kernel, bias = self.projection()
        return ops.add(ops.matmul(hidden_states, kernel), bias)

    @property
    def _projections(self):
        return self.query_dense, self.key_dense, self.value_dense

    def probs(self, query: Any, context: Any = None, attention_bias: Any = None) -> Any:
        """Computes the attention probabilities of `call` with the same arguments.

        Shapes:
            query `[B, Q, D]`, context `[B, K, D]` -> `[B, N, Q, K]`, float32.
        """
        context = query if context is None else context
        query = self._split_heads(self.query_dense(query))  # [B, N, Q, H]
        key = self._split_heads(self.key_dense(context))  # [B, N, K, H]
        return attention_probs(query, key, attention_bias)

    def empty_cache(self, batch_size: Any, length: Any) -> Any:
        """Creates a key-value cache of `length` tokens, for `call_with_cache`.

        Shapes:
            `[B, 2, N, length, H]`: keys, then values.
        """
        head_size = self.hidden_size // self.num_heads
        return ops.zeros(
            (batch_size, 2, self.num_heads, length, head_size), self.compute_dtype
        )

    def cache_of(self, context: Any) -> Any:
        """Computes the keys and values of a context, for `call_on_cache`.

        Shapes:
            context `[B, K, D]` -> `[B, 2, N, K, H]`.
        """
        key = self._split_heads(self.key_dense(context))  # [B, N, K, H]
        value = self._split_heads(self.value_dense(context))  # [B, N, K, H]
        return ops.stack([key, value], axis=1)

    def call_on_cache(self, query: Any, cache: Any, attention_bias: Any = None) -> Any:
        """Attention to the keys and values of a cache.

        Args:
            query: Hidden states. There may be several rows, such as the beams of a
                search, that attend to one row of the cache; they follow each other.
            cache: Keys and values, from `cache_of` or `call_with_cache`.
            attention_bias: Bias added to the scores, or None.

        Shapes:
            query `[M B, Q, D]`, cache `[B, 2, N, K, H]`, attention_bias broadcast to
            `[B, N, M Q, K]` -> `[M B, Q, D]`.
        """
        tokens = ops.reshape(query, (-1, self.hidden_size))  # [M B Q, D]
        shape = (self.num_heads, self.hidden_size // self.num_heads)
        rows = cache.shape[0] or ops.shape(cache)[0]
        # Scaled before the heads are split: where a masked matmul comes right after
        # the scale, in a loop, TensorFlow 2.21 fuses them with oneDNN and the loop
        # gives nothing.
        heads = self.query_dense(tokens) * (1.0 / math.sqrt(shape[1]))
        heads = ops.transpose(ops.reshape(heads, (rows, -1, *shape)), (0, 2, 1, 3))
        key, value = cache[:, 0], cache[:, 1]  # [B, N, K, H]
        probs = _probs_of_scaled(heads, key, attention_bias)  # [B, N, M Q, K]
        heads = ops.matmul(ops.cast(probs, value.dtype), value)  # [B, N, M Q, H]
        heads = ops.transpose(heads, (0, 2, 1, 3))  # [B, M Q, N, H]
        tokens = self.output_dense(ops.reshape(heads, (-1, self.hidden_size)))
        return ops.reshape(tokens, ops.shape(query))

    def call_with_cache(
        self,
        query: Any,
        cache: Any,
        position: Any,
        attention_bias: Any = None,
        causal: bool = True,
    ) -> tuple[Any, Any]:
        """Self-attention of new tokens to themselves and to the cached tokens.

        Args:
            query: Hidden states of the new tokens.
            cache: Keys and values of the tokens so far, from `empty_cache` or from the
                previous call.
            position: Position of the first new token: the number of cached tokens.
            attention_bias: Bias added to the scores in addition to the causal bias.
            causal: Whether tokens after a query are masked.

        Shapes:
            query `[B, Q, D]`, cache `[B, 2, N, K, H]` -> hidden states `[B, Q, D]`, the
            updated cache.
        """
        tokens = ops.reshape(query, (-1, self.hidden_size))  # [B Q, D]
        new = [self.key_dense(tokens), self.value_dense(tokens)]
        cache = _written(cache, ops.stack(new, axis=1), position)
        if causal:
            length = cache.shape[3] or ops.shape(cache)[3]
            queries = query.shape[1] or ops.shape(query)[1]
            bias = causal_bias(queries, length, position)  # [1, 1, Q, K]
            attention_bias = bias if attention_bias is None else bias + attention_bias
        return self.call_on_cache(query, cache, attention_bias), cache

    def _attend(self, query, key, value, bias, dropout):
        if dropout is None and has_fused_attention(query, key, bias):
            heads = fused_attention(query, key, value, bias)
        else:
            heads = dot_product_attention(query, key, value, bias, dropout)
        return self._merge_heads(heads)  # [B, Q, D]

    def _split_projections(self, projections):
        shape = (3, self.num_heads, self.hidden_size // self.num_heads)
        heads = ops.reshape(projections, (*_rows_of(projections), *shape))
        heads = ops.transpose(heads, (2, 0, 3, 1, 4))  # [3, B, N, S, H]
        # Along the first axis, whose parts need no copy.
        return [ops.squeeze(x, 0) for x in ops.split(heads, 3)]  # of [B, N, S, H]

    def _split_heads(self, hidden_states):
        shape = (self.num_heads, self.hidden_size // self.num_heads)
        heads = ops.reshape(hidden_states, (*_rows_of(hidden_states), *shape))
        return ops.transpose(heads, (0, 2, 1, 3))  # [B, N, S, H]

    def _merge_heads(self, heads):
        heads = ops.transpose(heads, (0, 2, 1, 3))  # [B, S, N, H]
        return ops.reshape(heads, (*_rows_of(heads), self.hidden_size))

    def compute_output_shape(self, query_shape):
        return query_shape

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "dropout": self.dropout,
            "initializer_range": self.initializer_range,
        }


def _rows_of(tensor):
    """Returns B and S for a reshape, with -1 for the one that is unknown in a graph."""
    batch, length = tensor.shape[:2]
    if length is None and batch is not None:
        return batch, -1
    return -1, ops.shape(tensor)[1]


def _written(cache, new, position):
    """Writes keys and values `[B Q, 2, D]` into a cache `[B, 2, N, K, H]`.

    By a scatter, which every backend has and TF Serving does in place, without XLA.
    """
    length = cache.shape[3] or ops.shape(cache)[3]
    heads, size = cache.shape[2], cache.shape[4]
    batch = cache.shape[0] or ops.shape(cache)[0]
    new = ops.reshape(new, (batch, -1, 2, heads, size))  # [B, Q, 2, N, H]
    count = new.shape[1] or ops.shape(new)[1]
    new = ops.reshape(ops.transpose(new, (0, 2, 3, 1, 4)), (-1, size))  # [2 B N Q, H]
    rows = ops.arange(2 * heads * batch, dtype="int32")[:, None]  # [2 B N, 1]
    slots = ops.cast(position, "int32") + ops.arange(count, dtype="int32")  # [Q]
    places = ops.reshape(rows * length + slots, (-1, 1))  # [2 B N Q, 1]
    shape = ops.shape(cache)
    flat = ops.scatter_update(ops.reshape(cache, (-1, size)), places, new)
    return ops.reshape(flat, shape)
