import keras
import numpy as np
import pytest

pytest.importorskip("tensorflow")

from kerasbert.training import EncodedExamples
from kerasbert.training.adamw import AdamW
from kerasbert.training.batches import evaluation_dataset
from kerasbert.training.devices import ShardedExamples, device_count, divided
from kerasbert.training.features import GroupedExamples
from tests.training import toy


class OnTwoDevices:
    """A model of which only the number of its devices is asked."""

    class distribute_strategy:
        num_replicas_in_sync = 2


def divide(features=None, optimizer="sgd", loss=None, batch_size=4):
    optimizer = keras.optimizers.get(optimizer)
    arguments = {"optimizer": optimizer, "loss": loss or toy.LOSS}
    return divided(features or toy.features(), OnTwoDevices(), arguments, batch_size)


def test_one_device_takes_the_features_as_they_are():
    features, model = toy.features(), toy.model()
    assert device_count(model) == 1
    assert divided(features, model, {}, 3) is features


@pytest.mark.parametrize("rows", [[4, 1, 7, 2], [4, 1, 7], [5]])
@pytest.mark.parametrize("ignored", [None, -1])
@pytest.mark.parametrize("weighted", [False, True])
def test_means_over_the_parts_of_a_batch_add_to_the_mean_over_the_batch(
    rows, ignored, weighted
):
    """As Keras takes them: a mean over a part, divided by the number of parts."""
    random = np.random.default_rng(0)
    inputs = toy.features().inputs
    lengths = [len(row) for row in inputs["token_ids"]]
    targets = [random.integers(-1, 2, length).astype("int32") for length in lengths]
    losses = [random.normal(size=length) for length in lengths]  # of tokens
    weights = random.uniform(size=len(lengths)).astype("float32") if weighted else None
    features = EncodedExamples(inputs, {"logits": targets}, weights)

    class Loss:
        ignore_class = ignored

    def mean(rows, weights):
        if ignored is None:  # there is one loss a row
            return np.mean([losses[row][0] for row in rows] * weights)
        counted = [targets[row] != ignored for row in rows]
        sums = [losses[row][c].sum() for row, c in zip(rows, counted, strict=True)]
        return np.sum(sums * weights) / np.concatenate(counted).sum()

    found = ShardedExamples(features, 2, {"logits": Loss()}).batch(rows)
    inputs, filled, shares = found
    size = len(filled["logits"])
    assert size == len(rows) + len(rows) % 2 == len(inputs["token_ids"])
    filled_rows = np.resize(rows, size)
    half = size // 2
    parts = [
        mean(filled_rows[part], shares["logits"][part]) / 2
        for part in (slice(half), slice(half, size))
    ]
    own = np.ones(len(targets)) if weights is None else weights
    assert sum(parts) == pytest.approx(mean(rows, own[rows]), rel=1e-5)


@pytest.mark.parametrize(("count", "sizes"), [(8, [4, 4]), (9, [4, 4, 1]), (3, [2, 1])])
def test_examples_that_cannot_be_shared_out_are_tested_in_a_batch_of_their_own(
    count, sizes
):
    dataset = evaluation_dataset(toy.features(count), 5, devices=2)
    assert [len(targets["logits"]) for _, targets in dataset] == sizes


PAIRS = GroupedExamples({"token_ids": [[2, 3]] * 4}, {"embedding": np.zeros(2)})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 3}, "multiple of 2, the number of devices, got 3"),
        ({"features": PAIRS}, "one device for a text embedder"),
        ({"features": toy.features(1)}, "at least 2 examples, one a device, got 1"),
        (
            {"optimizer": keras.optimizers.SGD(global_clipnorm=1.0)},
            "no global_clipnorm",
        ),
        ({"optimizer": keras.optimizers.Adam(clipvalue=1.0)}, "kerasbert.Recipe"),
        (
            {"optimizer": keras.optimizers.SGD(gradient_accumulation_steps=2)},
            "no gradient_accumulation_steps in Keras' SGD on 2 devices",
        ),
        ({"optimizer": AdamW(amsgrad=True)}, "amsgrad=False"),
        (
            {"optimizer": keras.optimizers.LossScaleOptimizer(AdamW())},
            "float32 or bfloat16 on 2 devices",
        ),
        (
            {"loss": keras.losses.MeanSquaredError(reduction="sum")},
            "reduction 'sum'",
        ),
    ],
)
def test_what_would_not_be_the_steps_of_one_device_is_refused(options, message):
    assert len(divide()) == len(divide(optimizer=AdamW(global_clipnorm=1.0)))
    with pytest.raises(ValueError, match=message):
        divide(**options)
