import keras
import numpy as np
import pytest

import kerasbert
from kerasbert.models.initialization import initialize_local, initialize_output_bias

SIZES = dict(
    vocab_size=500,
    hidden_size=128,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=32,
    max_position_embeddings=128,
)
BERT = kerasbert.BertConfig(**SIZES)
ALBERT = kerasbert.AlbertConfig(embedding_size=32, **SIZES)


def attention(encoder):
    """The mean attention of each head of the second layer by place, from -8 to 8."""
    tokens = np.random.default_rng(0).integers(5, 500, (8, 64)).astype("int32")
    inputs = {
        "token_ids": tokens,
        "segment_ids": np.zeros_like(tokens),
        "padding_mask": np.ones_like(tokens),
    }
    probs = encoder.attention_model()(inputs)["attention_probs"][1]
    probs = np.asarray(probs).mean(0)  # [N, S, S]
    diagonals = [np.diagonal(probs, far, 1, 2).mean(-1) for far in range(-8, 9)]
    return np.stack(diagonals, axis=1)  # [N, 17]


@pytest.mark.parametrize(
    "make",
    [lambda: kerasbert.BertEncoder(BERT), lambda: kerasbert.AlbertEncoder(ALBERT)],
)
def test_heads_attend_to_the_tokens_around_from_the_first_step(make):
    keras.utils.set_random_seed(0)
    encoder = make()
    np.testing.assert_allclose(attention(encoder), 1 / 64, rtol=0.1)
    initialize_local(encoder)
    found = attention(encoder)
    assert (found.argmax(1) - 8).tolist() == [1, -1, 2, -2]
    assert found.max(1).min() > 5 / 64
    assert np.median(found) < 2 / 64


def test_weights_depend_on_the_seed_alone_and_others_stay():
    one, two = kerasbert.BertEncoder(BERT), kerasbert.BertEncoder(BERT)
    kept = [v.numpy() for v in two.embeddings.token_embedding.weights]
    for encoder in (one, two):
        initialize_local(encoder, seed=3)
    for block, other in zip(one.blocks, two.blocks, strict=True):
        for name in ("query", "key"):
            kernels = [b.attention.dense_layers[name].kernel for b in (block, other)]
            np.testing.assert_array_equal(*map(np.asarray, kernels))
    np.testing.assert_array_equal(two.embeddings.token_embedding.get_weights(), kept)
    positions = one.embeddings.position_embedding.get_weights()[0]
    assert positions.std() == pytest.approx(0.02, rel=0.1)


def test_other_encoders_are_refused():
    odd = kerasbert.AlbertConfig(embedding_size=31, **SIZES)
    with pytest.raises(ValueError, match="even width"):
        initialize_local(kerasbert.AlbertEncoder(odd))
    vision = kerasbert.ViTEncoder(
        kerasbert.ViTConfig(
            hidden_size=8,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=8,
            image_size=32,
        )
    )
    with pytest.raises(ValueError, match="of BERT or ALBERT, got ViTEncoder"):
        initialize_local(vision)


@pytest.mark.parametrize("kind", ["MaskedLMModel", "PretrainingModel"])
def test_logits_are_at_first_those_of_a_unigram_model(kind):
    model = getattr(kerasbert.models, kind)(kerasbert.BertEncoder(BERT))
    counts = np.random.default_rng(0).integers(1, 1000, 500)
    initialize_output_bias(model, counts)
    tokens = np.random.default_rng(0).integers(5, 500, (2, 16)).astype("int32")
    inputs = {
        "token_ids": tokens,
        "segment_ids": np.zeros_like(tokens),
        "padding_mask": np.ones_like(tokens),
        "masked_positions": tokens[:, :3] % 16,
    }
    logits = np.asarray(model(inputs)["mlm_logits"], "float64")  # [B, P, V]
    probs = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    shares = counts / counts.sum()
    loss = -(shares * np.log(probs)).sum(-1)
    entropy = -(shares * np.log(shares)).sum()
    assert abs(loss - entropy).max() < 0.05
    with pytest.raises(ValueError, match="a count for each of 500 tokens"):
        initialize_output_bias(model, counts[1:])
