import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from kerasbert.text import SpecialTokens, WordPieceTokenizer
from kerasbert.text.characters import character_set, combining_classes
from kerasbert.text.ragged import to_lists
from tests.text import oracle

GOLDEN = json.loads(pathlib.Path(__file__).with_name("golden.json").read_text("utf-8"))
SWITCHES = [
    {},
    {"lower_case": False},
    {"strip_accents": False},
    {"lower_case": False, "strip_accents": True},
    {"split_chinese_characters": False},
    {"clean_text": False},
]
VOCABULARY = oracle.wordpiece_vocabulary()


@pytest.fixture(scope="module")
def tokenizer():
    return WordPieceTokenizer(VOCABULARY)


def ids(tokenizer, texts):
    return to_lists(tokenizer.tokenize(tf.constant(texts)))


@pytest.mark.parametrize(
    "name, switches",
    [
        ("uncased", {}),
        ("cased", {"lower_case": False}),
        ("uncased, accents", {"strip_accents": False}),
    ],
)
def test_the_golden_strings_have_the_reference_ids(name, switches):
    ours = WordPieceTokenizer(VOCABULARY, **switches)
    assert ids(ours, GOLDEN["strings"]) == GOLDEN[name]


@pytest.mark.parametrize("switches", SWITCHES, ids=str)
def test_hard_strings_have_the_reference_ids(switches):
    texts = oracle.hard_strings(1500, seed=1)
    expected = oracle.bert(VOCABULARY, **switches).encode_batch(
        texts, add_special_tokens=False
    )
    ours = WordPieceTokenizer(VOCABULARY, **switches)
    assert ids(ours, texts) == [encoding.ids for encoding in expected]


@pytest.mark.parametrize("switches", SWITCHES[:2], ids=str)
def test_every_kind_of_character_has_the_reference_ids(switches):
    texts = [f"a{chr(c)}b {chr(c)}" for c in oracle.every_kind_of_character()]
    expected = oracle.bert(VOCABULARY, **switches).encode_batch(
        texts, add_special_tokens=False
    )
    ours = WordPieceTokenizer(VOCABULARY, **switches)
    different = [
        ascii(text)
        for text, mine, theirs in zip(texts, ids(ours, texts), expected, strict=True)
        if mine != theirs.ids
    ]
    assert different == []


def test_offsets_are_those_of_the_reference(tokenizer):
    # Where marks are put in order, "where" is a matter of taste.
    movable = set(combining_classes()) - character_set("accent")
    movable |= set(range(0x1D15E, 0x1D165)) | set(range(0x1D1BB, 0x1D1C1))
    texts = [t for t in oracle.hard_strings(1500, 2) if not movable & set(map(ord, t))]
    token_ids, starts, ends = tokenizer.tokenize_with_offsets(tf.constant(texts))
    expected = oracle.bert(VOCABULARY).encode_batch(texts, add_special_tokens=False)
    assert to_lists(token_ids) == [encoding.ids for encoding in expected]
    pairs = [
        list(zip(a, b, strict=True))
        for a, b in zip(to_lists(starts), to_lists(ends), strict=True)
    ]
    assert pairs == [encoding.offsets for encoding in expected]


def test_offsets_count_characters_of_the_text_as_it_was(tokenizer):
    text = "É\u200b你 [MASK]UNLIKELY"
    _, starts, ends = tokenizer.tokenize_with_offsets(tf.constant([text]))
    spans = zip(starts.values.numpy(), ends.values.numpy(), strict=True)
    assert [text[a:b] for a, b in spans] == ["É", "你", "[MASK]", "UN", "LIKE", "LY"]


def test_ids_with_and_without_offsets_are_the_same(tokenizer):
    texts = oracle.hard_strings(300, seed=3)
    assert to_lists(tokenizer.tokenize_with_offsets(tf.constant(texts))[0]) == ids(
        tokenizer, texts
    )


def test_special_tokens_in_text_can_be_plain_text():
    trusting = WordPieceTokenizer(VOCABULARY)
    careful = WordPieceTokenizer(VOCABULARY, special_tokens_in_text=False)
    assert trusting.encode(["[MASK]"]) == [[2, trusting.mask_token_id, 3]]
    assert careful.tokens(careful.encode(["[MASK]"])[0]) == [
        "[CLS]", "[", "m", "##a", "##s", "##k", "]", "[SEP]",
    ]  # fmt: skip


def test_nobody_writes_a_special_token_in_private_characters(tokenizer):
    private = "".join(chr(c) for c in range(0x100000, 0x100080))
    assert tokenizer.encode([private, "[SEP]" + private]) == [[2, 3], [2, 3, 3]]


def test_further_special_tokens_are_recognised_and_left_out_of_decoded_text():
    special = SpecialTokens(additional=("<user>",))
    ours = WordPieceTokenizer([*VOCABULARY, "<user>"], special_tokens=special)
    row = ours.encode(["hello<user>world"])[0]
    assert ours.tokens(row)[1:4] == ["hello", "<user>", "world"]
    assert ours.decode(row) == "hello world"


def test_bytes_that_are_no_text_are_replaced_as_python_replaces_them(tokenizer):
    rows = [
        b"hello\xffworld",
        b"\xe4\xb8",
        b"caf\xe9",
        b"\xed\xa0\x80",
        b"a\xf0\x9f\x98b",
    ]
    texts = [row.decode("utf-8", errors="replace") for row in rows]
    assert tokenizer.encode(rows) == tokenizer.encode(texts)
    _, starts, _ = tokenizer.tokenize_with_offsets(tf.constant([b"\xff\xff hello"]))
    assert starts.to_list() == [[3]]


def test_half_a_surrogate_pair_does_no_harm(tokenizer):
    assert tokenizer.encode(["hello \ud83d world"]) == tokenizer.encode(["hello world"])


def test_blank_texts_have_special_tokens_alone(tokenizer):
    assert tokenizer.encode(["", " ", "\n\t\u3000"]) == [[2, 3]] * 3
    assert tokenizer.encode([]) == []
    assert ids(tokenizer, np.array([], object).astype(str)) == []


def test_a_word_of_more_than_a_hundred_characters_is_unknown(tokenizer):
    texts = ["a" * 100, "a" * 101, "é" * 101, "hello " + "a" * 500 + " world"]
    expected = oracle.bert(VOCABULARY).encode_batch(texts, add_special_tokens=False)
    assert ids(tokenizer, texts) == [encoding.ids for encoding in expected]


def test_a_long_text_takes_memory_of_its_length_alone(tokenizer):
    texts = ["hello, world " * 20_000] + ["hi"] * 500
    token_ids, _, ends = tokenizer.tokenize_with_offsets(tf.constant(texts))
    assert token_ids.row_lengths().numpy()[:2].tolist() == [60_000, 1 + 1]
    assert ends[0, -1] == 13 * 20_000 - 1


def test_of_two_equal_tokens_the_last_one_counts():
    ours = WordPieceTokenizer([*VOCABULARY, "hello"])
    assert ours.encode(["hello"])[0][1] == len(VOCABULARY)
    assert ours.vocabulary_size == len(VOCABULARY) + 1


def test_decoded_text_is_that_of_the_reference(tokenizer):
    reference = oracle.bert(VOCABULARY)
    for text in [
        "Hello, world! It isn't unlikely.",
        "play the  player ...",
        "x [MASK]",
    ]:
        row = tokenizer.encode([text])[0]
        assert tokenizer.decode(row) == reference.decode(row)
        assert tokenizer.decode(row, skip_special_tokens=False) == reference.decode(
            row, skip_special_tokens=False
        )


def test_ids_outside_the_vocabulary_are_refused(tokenizer):
    with pytest.raises(IndexError, match=f"0 to {len(VOCABULARY) - 1}, got 99999"):
        tokenizer.decode([2, 99999])


def test_a_vocabulary_without_special_tokens_is_refused():
    with pytest.raises(ValueError, match=r"sep token '\[SEP\]' in the vocabulary"):
        WordPieceTokenizer(["[PAD]", "[UNK]", "[CLS]", "hello"])


def test_what_is_no_string_is_refused(tokenizer):
    with pytest.raises(TypeError, match="got int at position 1"):
        tokenizer.encode(["hello", 3])
