"""Tiny configurations and inputs for the tests of models."""

import numpy as np

import kerasbert
from tests import harness

SIZES = dict(
    vocab_size=harness.V,
    hidden_size=harness.D,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=16,
    max_position_embeddings=16,
)
NOT_OF_IMAGES = ("vocab_size", "max_position_embeddings")
INPUTS = {
    name: harness.BATCH[name] for name in ("token_ids", "segment_ids", "padding_mask")
}
REAL = harness.LENGTHS > 0
TOKENS = INPUTS["padding_mask"].astype(bool)


def bert(dtype=None, **changes):
    config = kerasbert.BertConfig(**{**SIZES, **changes})
    return harness.randomise(kerasbert.BertEncoder(config, dtype=dtype, name="bert"))


def albert(dtype=None, **changes):
    config = kerasbert.AlbertConfig(**{**SIZES, "embedding_size": 4, **changes})
    encoder = kerasbert.AlbertEncoder(config, dtype=dtype, name="albert")
    return harness.randomise(encoder)


def distilbert(dtype=None, **changes):
    config = kerasbert.DistilBertConfig(**{**SIZES, **changes})
    encoder = kerasbert.DistilBertEncoder(config, dtype=dtype, name="distilbert")
    return harness.randomise(encoder)


def vit(dtype=None, **changes):
    sizes = {name: SIZES[name] for name in SIZES if name not in NOT_OF_IMAGES}
    sizes |= {"image_size": 8, "patch_size": 4, "num_channels": 1, **changes}
    encoder = kerasbert.ViTEncoder(kerasbert.ViTConfig(**sizes), dtype, name="vit")
    return harness.randomise(encoder)


def seq2seq_config(**changes):
    return kerasbert.Seq2SeqConfig(**{**SIZES, **changes})


def bert_decoder(dtype=None, **changes):
    config = kerasbert.BertConfig(**{**SIZES, **changes})
    return harness.randomise(kerasbert.BertDecoder(config, dtype))


def toy_task(rows=64, length=6, seed=0):
    """Texts of which every other token is a 5, and others without."""
    rng = np.random.default_rng(seed)
    token_ids = rng.integers(6, harness.V, (rows, length)).astype("int32")
    labels = np.arange(rows, dtype="int32") % 2
    token_ids[labels == 1, 1::2] = 5
    token_ids[:, 0] = 2
    inputs = {
        "token_ids": token_ids,
        "segment_ids": np.zeros_like(token_ids),
        "padding_mask": np.ones_like(token_ids),
    }
    return inputs, labels
