import itertools

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from kerasbert.training import IGNORED, EncodedExamples
from kerasbert.training.batches import (
    TrainingOrder,
    epoch_batches,
    epochs_dataset,
    evaluation_dataset,
    training_dataset,
)
from tests.training import toy

LENGTHS = np.random.default_rng(0).integers(3, 60, 1003)


def rows_of(batches):
    return [batch.tolist() for batch in batches]


def test_every_example_is_in_one_batch_and_batches_are_full_but_one():
    batches = epoch_batches(LENGTHS, 16, seed=1, epoch=2)
    assert sorted(itertools.chain(*rows_of(batches))) == list(range(1003))
    sizes = sorted(map(len, batches))
    assert sizes == [1003 % 16, *[16] * (1003 // 16)]


def test_little_of_a_batch_is_padding():
    def padding(batches):
        return sum(int((LENGTHS[b].max() - LENGTHS[b]).sum()) for b in batches)

    unsorted = np.array_split(np.random.default_rng(0).permutation(1003), 63)
    assert padding(epoch_batches(LENGTHS, 16)) < 0.1 * padding(unsorted)


def test_the_order_is_that_of_seed_and_epoch():
    first = rows_of(epoch_batches(LENGTHS, 16, 1, 0))
    assert first == rows_of(epoch_batches(LENGTHS, 16, 1, 0))
    assert first != rows_of(epoch_batches(LENGTHS, 16, 1, 1))
    assert first != rows_of(epoch_batches(LENGTHS, 16, 2, 0))


def token_ids(batches):
    return [inputs["token_ids"].tolist() for inputs, _ in batches]


@pytest.mark.parametrize("step", range(2 * toy.STEPS))
def test_an_order_goes_on_from_any_step(step):
    features = toy.features()
    whole = TrainingOrder(features, toy.BATCH, seed=5)
    rest = TrainingOrder(features, toy.BATCH, seed=5, step=step)
    assert rest.epoch == step // toy.STEPS
    every, found = [], []
    for epoch in range(2):
        whole.epoch = epoch
        every += token_ids(whole())
    for epoch in range(rest.epoch, 2):
        rest.epoch = epoch
        found += token_ids(rest())
    assert found == every[step:]


def test_an_order_gives_the_same_however_often_it_is_asked():
    """Keras asks twice for an epoch, and throws away the first answer."""
    order = TrainingOrder(toy.features(), toy.BATCH, step=1)
    thrown_away = order()
    next(thrown_away)
    assert token_ids(order()) == token_ids(order())
    assert len(list(order())) == toy.STEPS - 1


def test_a_dataset_is_as_long_as_what_is_left_of_the_epoch():
    order = TrainingOrder(toy.features(), toy.BATCH, step=1)
    dataset = training_dataset(order)
    assert int(dataset.cardinality()) == toy.STEPS - 1
    assert len(list(dataset)) == toy.STEPS - 1


def test_every_iteration_of_a_dataset_of_epochs_is_the_next_one():
    order = TrainingOrder(toy.features(), toy.BATCH)
    dataset = epochs_dataset(TrainingOrder(toy.features(), toy.BATCH))
    for order.epoch in range(3):
        found = [inputs["token_ids"].numpy().tolist() for inputs, _ in dataset]
        assert found == token_ids(order())


def test_weights_of_examples_are_those_of_their_tokens():
    features = toy.features()
    weights = np.arange(len(features), dtype="float32")
    features = EncodedExamples(features.inputs, features.targets, weights)
    order = TrainingOrder(features, toy.BATCH)
    plain = TrainingOrder(toy.features(), toy.BATCH)
    found = [w.numpy() for _, _, w in training_dataset(order)]
    assert found[0].shape[1:] == (1,)
    assert sorted(np.concatenate(found)[:, 0].tolist()) == weights.tolist()
    for (inputs, _, _), (expected, _) in zip(order(), plain(), strict=True):
        np.testing.assert_array_equal(inputs["token_ids"], expected["token_ids"])


def test_evaluation_sees_every_example_once_the_longest_first():
    features = toy.features()
    dataset = evaluation_dataset(features, toy.BATCH)
    lengths = [n for x, _ in dataset for n in x["padding_mask"].numpy().sum(1)]
    assert lengths == sorted(features.lengths, reverse=True)


def test_rows_are_padded_and_targets_of_padding_ignored():
    features = EncodedExamples(
        {"token_ids": [[2, 7, 3], [2, 3]], "segment_ids": [[0, 0, 0], [0, 0]]},
        {"tags": [[1, 2, 3], [4, 5]], "label": np.array([6, 7])},
        np.array([1.0, 0.5], "float32"),
        pad_token_id=9,
    )
    inputs, targets, weights = features.batch([1, 0])
    assert inputs["token_ids"].tolist() == [[2, 3, 9], [2, 7, 3]]
    assert inputs["segment_ids"].tolist() == [[0, 0, 0]] * 2
    assert inputs["padding_mask"].tolist() == [[1, 1, 0], [1, 1, 1]]
    assert targets["tags"].tolist() == [[4, 5, IGNORED], [1, 2, 3]]
    assert targets["label"].tolist() == [7, 6]
    assert weights.tolist() == [0.5, 1.0]
