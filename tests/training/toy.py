"""A tiny model, and features that it learns from."""

import keras
import numpy as np

from kerasbert.models import SequenceClassificationModel
from kerasbert.training import EncodedExamples, Recipe
from tests import harness
from tests.models import tiny

ROWS, BATCH = 10, 4
STEPS = 3  # of an epoch
LOSS = {"logits": keras.losses.SparseCategoricalCrossentropy(from_logits=True)}


def features(rows=ROWS, seed=0):
    """Rows of 3 to 8 tokens."""
    random = np.random.default_rng(seed)
    token_ids = [
        random.integers(2, harness.V, random.integers(3, 9)).astype("int32")
        for _ in range(rows)
    ]
    segment_ids = [np.zeros_like(row) for row in token_ids]
    labels = np.arange(rows, dtype="int32") % 2
    return EncodedExamples(
        {"token_ids": token_ids, "segment_ids": segment_ids}, {"logits": labels}
    )


def model(dtype=None, dropout=0.1, **changes):
    """One layer, with the same weights every time."""
    keras.utils.set_random_seed(0)
    config = {"num_hidden_layers": 1, "hidden_dropout_prob": dropout, **changes}
    encoder = tiny.bert(dtype, attention_probs_dropout_prob=dropout, **config)
    return SequenceClassificationModel(encoder, 2, dropout=dropout)


def arguments(recipe=None, **others):
    """The arguments of `compile`."""
    return {"optimizer": recipe or Recipe(0.01), "loss": LOSS, **others}


def assert_same(one, two):
    pairs = zip(one.weights, two.weights, strict=True)
    for one, two in pairs:
        np.testing.assert_array_equal(one.numpy(), two.numpy(), err_msg=one.path)
