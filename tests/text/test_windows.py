import pytest
import tensorflow as tf

from kerasbert.text.windows import windows


def by_hand(rows, max_length, stride):
    pieces, texts, starts = [], [], []
    for number, row in enumerate(rows):
        start = 0
        while True:
            pieces.append(row[start : start + max_length])
            texts.append(number)
            starts.append(start)
            if start + max_length >= len(row):
                break
            start += max_length - stride
    return pieces, texts, starts


@pytest.mark.parametrize("max_length, stride", [(1, 0), (3, 0), (3, 1), (5, 4), (7, 2)])
def test_windows_are_those_cut_by_hand(max_length, stride):
    rows = [list(range(10 * n, 10 * n + n)) for n in range(10)]
    ragged = tf.ragged.constant(rows, tf.int32)
    pieces, texts, starts = windows(ragged, max_length, stride)
    expected = by_hand(rows, max_length, stride)
    assert (pieces.to_list(), texts.numpy().tolist(), starts.numpy().tolist()) == (
        expected
    )


def test_no_texts_have_no_windows():
    ragged = tf.ragged.constant([], tf.int32, ragged_rank=1)
    pieces, texts, _ = windows(ragged, 3, 1)
    assert pieces.to_list() == [] and texts.shape == [0]


def test_a_stride_without_a_step_is_refused():
    with pytest.raises(ValueError, match="stride from 0 to 2"):
        windows(tf.ragged.constant([[1]]), 3, 3)
