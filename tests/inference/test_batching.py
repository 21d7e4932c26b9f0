import numpy as np

from kerasbert.inference.encoder_runner import batches_of_tokens


def test_every_row_is_in_one_batch():
    lengths = np.random.default_rng(0).integers(2, 50, 200)
    batches = list(batches_of_tokens(lengths, budget=128))
    assert sorted(np.concatenate(batches).tolist()) == list(range(200))


def test_the_longest_row_of_a_batch_bounds_it():
    # A batch of one long row and many short ones would be large where rows are padded.
    lengths = [512] + [3] * 1000
    for rows in batches_of_tokens(lengths, budget=512):
        assert len(rows) * max(lengths[row] for row in rows) <= 512


def test_the_longest_come_first_and_equal_ones_in_their_order():
    batches = [rows.tolist() for rows in batches_of_tokens([2, 5, 2, 3], budget=6)]
    assert batches == [[1], [3, 0], [2]]


def test_a_row_beyond_the_budget_is_one_alone():
    assert [rows.tolist() for rows in batches_of_tokens([9, 9], budget=4)] == [[0], [1]]


def test_no_rows_make_no_batches():
    assert list(batches_of_tokens([], budget=4)) == []
