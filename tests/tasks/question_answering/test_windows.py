import pytest
import tensorflow as tf

from kerasbert.tasks.question_answering.windows import WindowLayout
from kerasbert.text.packing import Frame
from kerasbert.text.tokenizer_config import bert_template

CLS, SEP = 100, 200
AROUND = Frame.of(bert_template("c", "s").pair, {"c": CLS, "s": SEP}.get)


def windows_of(questions, contexts, max_length, stride, max_query_length=64):
    layout = WindowLayout(max_length, stride, max_query_length, AROUND)
    windows = layout.windows(
        tf.ragged.constant(questions, tf.int32, row_splits_dtype=tf.int64),
        tf.ragged.constant(contexts, tf.int32, row_splits_dtype=tf.int64),
    )
    columns = [
        x.to_list() if isinstance(x, tf.RaggedTensor) else x.numpy().tolist()
        for x in windows
    ]
    return dict(zip(windows._fields, columns, strict=True))


def test_a_context_that_fits_is_one_row():
    found = windows_of([[1, 2], []], [[3, 4, 5], []], max_length=8, stride=1)
    assert found["token_ids"] == [[CLS, 1, 2, SEP, 3, 4, 5, SEP], [CLS, SEP, SEP]]
    assert found["segment_ids"] == [[0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 1]]
    assert found["questions"] == [0, 1]
    assert found["slots"] == [4, 2]
    assert found["starts"] == [0, 0]
    assert found["sizes"] == [3, 0]


def test_windows_share_as_many_tokens_as_the_stride_and_end_with_the_context():
    context = list(range(1, 11))
    found = windows_of([[50]], [context], max_length=8, stride=1)
    # Room for 4 tokens of the context, a step of 3.
    assert found["token_ids"] == [
        [CLS, 50, SEP, 1, 2, 3, 4, SEP],
        [CLS, 50, SEP, 4, 5, 6, 7, SEP],
        [CLS, 50, SEP, 7, 8, 9, 10, SEP],
    ]
    assert found["starts"] == [0, 3, 6]
    assert found["sizes"] == [4, 4, 4]
    assert found["slots"] == [3, 3, 3]


def test_questions_have_windows_of_their_own_room():
    found = windows_of([[50], [60, 61, 62]], [[1, 2, 3, 4, 5]] * 2, 9, stride=1)
    assert found["token_ids"] == [
        [CLS, 50, SEP, 1, 2, 3, 4, 5, SEP],
        [CLS, 60, 61, 62, SEP, 1, 2, 3, SEP],
        [CLS, 60, 61, 62, SEP, 3, 4, 5, SEP],
    ]
    assert found["questions"] == [0, 1, 1]


def test_a_long_question_is_cut_and_leaves_half_of_the_room_to_the_context():
    question = list(range(50, 70))
    found = windows_of([question], [[1, 2, 3, 4]], 11, stride=2, max_query_length=3)
    assert found["token_ids"] == [[CLS, 50, 51, 52, SEP, 1, 2, 3, 4, SEP]]
    found = windows_of([question], [[1, 2, 3, 4]], 11, stride=2)
    assert found["token_ids"] == [[CLS, 50, 51, 52, 53, SEP, 1, 2, 3, 4, SEP]]


def test_a_stride_beyond_half_of_the_room_is_half_of_it():
    found = windows_of([[50]], [[1, 2, 3, 4, 5, 6]], max_length=8, stride=100)
    assert found["starts"] == [0, 2]


@pytest.mark.parametrize("length", range(0, 30, 3))
def test_every_token_of_a_context_is_in_a_window(length):
    context = list(range(length))
    found = windows_of([[50, 51]], [context], max_length=12, stride=3)
    seen = set()
    for row, slot, start, size in zip(
        *(found[name] for name in ("token_ids", "slots", "starts", "sizes")),
        strict=True,
    ):
        assert row[slot : slot + size] == context[start : start + size]
        assert len(row) == slot + size + 1 <= 12
        seen.update(row[slot : slot + size])
    assert seen == set(context)
