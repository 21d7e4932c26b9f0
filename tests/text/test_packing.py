import itertools

import pytest
import tensorflow as tf

from kerasbert.text import WordPieceTokenizer
from kerasbert.text.packing import pack
from tests.text import oracle

VOCABULARY = oracle.wordpiece_vocabulary()


@pytest.fixture(scope="module")
def tokenizer():
    return WordPieceTokenizer(VOCABULARY)


def test_pairs_are_truncated_as_the_reference_truncates_them(tokenizer):
    from tokenizers.processors import TemplateProcessing

    reference = oracle.bert(VOCABULARY)
    reference.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    sizes = list(itertools.product(range(7), range(7)))
    first = [" ".join("abcdefg"[:size]) for size, _ in sizes]
    second = [" ".join("tuvwxyz"[:size]) for _, size in sizes]
    for max_length in range(3, 17):
        reference.enable_truncation(max_length, strategy="longest_first")
        expected = reference.encode_batch(list(zip(first, second, strict=True)))
        ids, segments = tokenizer.pack(
            tokenizer.tokenize(tf.constant(first)),
            tokenizer.tokenize(tf.constant(second)),
            max_length,
        )
        assert ids.to_list() == [encoding.ids for encoding in expected]
        assert segments.to_list() == [encoding.type_ids for encoding in expected]
        assert tokenizer.encode(first, second, max_length) == ids.to_list()


def test_one_text_is_cut_at_its_end(tokenizer):
    assert tokenizer.encode(["a b c d", "a"], max_length=4) == [
        [2, *tokenizer.encode(["a b"])[0][1:3], 3],
        tokenizer.encode(["a"])[0],
    ]


def test_a_model_gets_dense_rows(tokenizer):
    inputs = tokenizer(["a b", "c"], pairs=["d", "e f g"])
    assert {name: value.dtype for name, value in inputs.items()} == {
        "token_ids": tf.int32,
        "segment_ids": tf.int32,
        "padding_mask": tf.int32,
    }
    a, b, c, d, e, f, g = (tokenizer.token_to_id(x) for x in "abcdefg")
    assert inputs["token_ids"].numpy().tolist() == [
        [2, a, b, 3, d, 3, 0],
        [2, c, 3, e, f, g, 3],
    ]
    assert inputs["segment_ids"].numpy().tolist() == [
        [0, 0, 0, 0, 1, 1, 0],
        [0, 0, 0, 1, 1, 1, 1],
    ]
    assert inputs["padding_mask"].numpy().tolist() == [
        [1, 1, 1, 1, 1, 1, 0],
        [1, 1, 1, 1, 1, 1, 1],
    ]


def test_rows_of_a_given_length_are_padded_and_truncated_to_it(tokenizer):
    a, b = tokenizer.token_to_id("a"), tokenizer.token_to_id("b")
    inputs = tokenizer(["a", "a b a b"], length=4)
    assert inputs["token_ids"].numpy().tolist() == [[2, a, 3, 0], [2, a, b, 3]]
    inputs = tokenizer(["a", "a b a b"], max_length=3, length=5)
    assert inputs["token_ids"].numpy().tolist() == [[2, a, 3, 0, 0], [2, a, 3, 0, 0]]


def test_no_texts_are_no_rows(tokenizer):
    inputs = tokenizer(tf.constant([], tf.string))
    assert inputs["token_ids"].shape[0] == 0
    assert tokenizer.encode([], []) == []


def test_too_little_room_is_refused(tokenizer):
    with pytest.raises(ValueError, match="room for 3 special tokens, got 2"):
        tokenizer.encode(["a"], ["b"], max_length=2)
    with pytest.raises(ValueError, match="room for 2 special tokens, got 1"):
        pack(tf.ragged.constant([[5]], tf.int32), None, tokenizer.frame(), 1)


def test_pairs_that_are_not_as_many_are_refused(tokenizer):
    with pytest.raises(ValueError, match="as many pairs as texts, got 1 for 2"):
        tokenizer.encode(["a", "b"], ["c"])
