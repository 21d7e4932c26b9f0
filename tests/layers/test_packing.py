import numpy as np

from kerasbert.layers import ONE_ROW, packing_of, pad, unpad
from tests.harness import numpy


def test_packing_of_three_rows():
    packing, position_ids, mask = packing_of([2, 0, 3], token_count=5, length=4)
    assert numpy(position_ids).tolist() == [0, 1, 0, 1, 2]
    assert numpy(mask).tolist() == [[1, 1, 0, 0], [0, 0, 0, 0], [1, 1, 1, 0]]
    assert numpy(packing.slot_of_token).tolist() == [0, 1, 8, 9, 10]
    assert numpy(packing.token_of_slot).tolist() == [
        [0, 1, 0, 0],
        [2, 2, 2, 2],
        [2, 3, 4, 2],
    ]


def test_an_empty_last_row_points_into_the_batch():
    packing, _, _ = packing_of([2, 0], token_count=2, length=2)
    assert numpy(packing.token_of_slot).max() == 1


def test_pack_undoes_unpack():
    packing, _, mask = packing_of([2, 0, 3], token_count=5, length=4)
    tokens = np.arange(10, dtype="float32").reshape(5, 2)
    rows = numpy(pad(tokens, packing))
    np.testing.assert_array_equal(rows[numpy(mask).astype(bool)], tokens)
    np.testing.assert_array_equal(numpy(unpad(rows, packing)), tokens)


def test_one_row_is_its_tokens():
    tokens = np.arange(6, dtype="float32").reshape(3, 2)
    row = numpy(pad(tokens, ONE_ROW))
    np.testing.assert_array_equal(row, tokens[None])
    np.testing.assert_array_equal(numpy(unpad(row, ONE_ROW)), tokens)
