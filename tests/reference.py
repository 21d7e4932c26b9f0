"""BERT and ALBERT in float64 NumPy, as the papers read.

Weights come by the path of their variable, such as `layer_0/attention/query/kernel`.
Nothing here is shared with the package.
"""

import math

import numpy as np

EPSILON = 1e-12


def weights_of(layer):
    """The weights by path, in float64; those of a part are taken with `under`."""
    return {v.path: np.asarray(v.numpy(), "float64") for v in layer.variables}


def under(weights, prefix):
    start = prefix + "/"
    return {k[len(start) :]: v for k, v in weights.items() if k.startswith(start)}


def dense(x, weights, name):
    return x @ weights[f"{name}/kernel"] + weights[f"{name}/bias"]


def norm(x, weights, name):
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    normal = (x - mean) / np.sqrt(variance + EPSILON)
    return normal * weights[f"{name}/gamma"] + weights[f"{name}/beta"]


@np.vectorize
def gelu(x):
    return 0.5 * x * (1.0 + math.erf(x / math.sqrt(2.0)))


def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def attention(queries, keys, visible, weights, heads):
    """Text by text, head by head; `visible[b, q, k]` tells what a query sees.

    Returns the output and the probabilities `[B, N, Q, K]`.
    """
    q = dense(queries, weights, "query")
    k = dense(keys, weights, "key")
    v = dense(keys, weights, "value")
    size = q.shape[-1] // heads
    probs = np.zeros((len(q), heads, q.shape[1], k.shape[1]))
    context = np.zeros_like(q)
    for b in range(len(q)):
        for n in range(heads):
            part = slice(n * size, (n + 1) * size)
            scores = q[b, :, part] @ k[b, :, part].T / math.sqrt(size)
            scores = np.where(visible[b], scores, -np.inf)
            probs[b, n] = softmax(scores)
            context[b, :, part] = probs[b, n] @ v[b, :, part]
    return dense(context, weights, "output"), probs


def feed_forward(x, weights, activation):
    inner = activation(dense(x, weights, "intermediate"))
    return dense(inner, weights, "output")


def encoder_block(x, visible, weights, heads, activation=gelu):
    attended, _ = attention(x, x, visible, under(weights, "attention"), heads)
    x = norm(x + attended, weights, "attention_norm")
    fed = feed_forward(x, under(weights, "feed_forward"), activation)
    return norm(x + fed, weights, "feed_forward_norm")


def pre_norm_encoder_block(x, visible, weights, heads, activation=gelu):
    normed = norm(x, weights, "attention_norm")
    attended, _ = attention(normed, normed, visible, under(weights, "attention"), heads)
    x = x + attended
    normed = norm(x, weights, "feed_forward_norm")
    return x + feed_forward(normed, under(weights, "feed_forward"), activation)


def decoder_block(x, visible, encoded, encoded_visible, weights, heads):
    causal = np.tril(np.ones((x.shape[1], x.shape[1]), bool))
    self_weights = under(weights, "attention")
    attended, _ = attention(x, x, visible & causal, self_weights, heads)
    x = norm(x + attended, weights, "attention_norm")
    cross_weights = under(weights, "cross_attention")
    attended, _ = attention(x, encoded, encoded_visible, cross_weights, heads)
    x = norm(x + attended, weights, "cross_attention_norm")
    fed = feed_forward(x, under(weights, "feed_forward"), gelu)
    return norm(x + fed, weights, "feed_forward_norm")


def embeddings(token_ids, segment_ids, weights):
    positions = np.arange(token_ids.shape[1])
    total = (
        weights["token_embedding/embeddings"][token_ids]
        + weights["segment_embedding/embeddings"][segment_ids]
        + weights["position_embedding/embeddings"][positions]
    )
    total = norm(total, weights, "norm")
    if "projection/kernel" in weights:  # ALBERT
        total = dense(total, weights, "projection")
    return total


def encoder(inputs, weights, layers, heads, activation):
    """Hidden states and pooled output; `layers` names the blocks of every layer."""
    length = inputs["token_ids"].shape[1]
    visible = inputs["padding_mask"].astype(bool)[:, None].repeat(length, 1)
    x = embeddings(
        inputs["token_ids"], inputs["segment_ids"], under(weights, "embeddings")
    )
    hidden_states = [x]
    for blocks in layers:
        for block in blocks:
            x = encoder_block(x, visible, under(weights, block), heads, activation)
        hidden_states.append(x)
    return hidden_states, np.tanh(dense(x[:, 0], weights, "pooler/dense"))


def masked_lm(states, weights, table, activation):
    states = norm(activation(dense(states, weights, "dense")), weights, "norm")
    return states @ table.T + weights["bias"]
