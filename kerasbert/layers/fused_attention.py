"""Attention in one kernel, for NVIDIA GPUs on JAX: the probabilities are not stored."""

import keras
from keras import ops

HALF = ("float16", "bfloat16")


def has_fused_attention(query, key, bias=None):
    """Returns whether `fused_attention` can be used, by the device and the shapes.

    The kernel, of cuDNN, takes half precision and even lengths; its bias is that of all
    heads. It has no dropout.
    """
    if keras.backend.backend() != "jax":
        return False
    lengths = query.shape[2], key.shape[2]
    if None in lengths or any(length % 2 for length in lengths):
        return False
    if keras.backend.standardize_dtype(query.dtype) not in HALF:
        return False
    if bias is not None and bias.shape[1] != 1:
        return False
    return _is_on_gpu()


def _is_on_gpu():
    import jax

    return jax.default_backend() == "gpu"


def fused_attention(query, key, value, bias=None):
    """Computes `dot_product_attention`; Keras chooses the kernel of the device.

    Shapes:
        query `[B, N, Q, H]`, key and value `[B, N, K, H]`, bias broadcast to
        `[B, 1, Q, K]` -> `[B, N, Q, H]`.

    Reference:
        [Dao et al., 2022](https://arxiv.org/abs/2205.14135).
    """
    if bias is not None:
        shape = (query.shape[0], 1, query.shape[2], key.shape[2])
        bias = ops.broadcast_to(ops.cast(bias, query.dtype), shape)  # [B, 1, Q, K]
    heads = [ops.transpose(x, (0, 2, 1, 3)) for x in (query, key, value)]
    attended = ops.dot_product_attention(*heads, bias=bias)  # [B, Q, N, H]
    return ops.transpose(attended, (0, 2, 1, 3))  # [B, N, Q, H]
