"""Statistics of masked tokens and of pairs of segments."""

import types

import numpy as np
import pytest

from kerasbert.tasks.masked_language_model.masking import Masking
from kerasbert.tasks.pretraining.segments import SegmentMaker

MASK, VOCABULARY = 4, 1000
WORDS = types.SimpleNamespace(
    mask_token_id=MASK,
    vocabulary_size=VOCABULARY,
    special_token_ids={0, 1, 2, 3, 4},
    is_continuation=np.arange(VOCABULARY) >= 700,
)


def documents(count=40, seed=0):
    """Documents whose tokens say which document and which place they are of."""
    random = np.random.default_rng(seed)
    found = []
    for number in range(count):
        lengths = random.integers(1, 12, size=random.integers(1, 12))
        ends = np.cumsum(lengths)
        tokens = number * 1000 + np.arange(ends[-1])
        found.append(np.split(tokens, ends[:-1]))
    return found


def test_of_a_million_tokens_the_rate_is_masked_80_10_10_and_none_is_special():
    random = np.random.default_rng(0)
    masking = Masking(WORDS, rate=0.15)
    chosen = masks = kept = total = 0
    for _ in range(2000):
        row = random.integers(5, VOCABULARY, size=502)
        row[0], row[-1] = 2, 3
        masked, positions, labels = masking(row, random)
        assert positions[0] > 0
        assert positions[-1] < 501
        np.testing.assert_array_equal(labels, row[positions])
        total += 500
        chosen += len(positions)
        masks += (masked[positions] == MASK).sum()
        kept += (masked[positions] == labels).sum()
    assert total == 10**6
    assert chosen / total == pytest.approx(0.15, abs=1e-9)
    assert masks / chosen == pytest.approx(0.8, abs=0.002)
    assert kept / chosen == pytest.approx(0.1, abs=0.002)


def test_ngrams_are_whole_words_of_which_short_ones_are_more_likely():
    random = np.random.default_rng(0)
    row = np.array(
        [2, *([10, 11, 800] * 100), 3]
    )  # of every two words one has 2 pieces
    starts = np.flatnonzero(~WORDS.is_continuation[row])
    masking = Masking(WORDS, rate=0.03, max_ngram=3)
    sizes = np.zeros(8)
    for _ in range(500):
        _, positions, _ = masking(row, random)
        chosen = set(positions.tolist())
        words = [
            [s, s + 1] if row[s] == 11 else [s] for s in starts if 2 < row[s] <= 11
        ]
        words = [word for word in words if row[word[0]] > 4]
        hidden = [all(piece in chosen for piece in word) for word in words]
        some = [any(piece in chosen for piece in word) for word in words]
        assert hidden == some
        runs = "".join("x" if one else " " for one in hidden).split()
        for run in runs:
            sizes[min(len(run), 7)] += 1
    assert sizes[1] > sizes[2] > sizes[4]
    assert sizes[3] > sizes[4]


def test_false_next_segments_are_of_other_documents_and_half_of_all():
    make = SegmentMaker(30, "next_sentence")
    first, second, labels = make(documents(400), np.random.default_rng(0))
    for one, two, label in zip(first, second, labels, strict=True):
        assert 0 < len(one)
        assert 0 < len(two)
        assert len(one) + len(two) <= 30
        same = one[0] // 1000 == two[0] // 1000
        assert same == (label == 0)
        if same:
            assert one[-1] < two[0]
    assert 0.4 < np.mean(labels) < 0.8  # lone sentences have false ones alone


def test_swapped_segments_are_half_and_of_the_same_document():
    make = SegmentMaker(30, "sentence_order")
    first, second, labels = make(documents(400), np.random.default_rng(0))
    for one, two, label in zip(first, second, labels, strict=True):
        assert len(one) + len(two) <= 30
        assert one[0] // 1000 == two[0] // 1000
        assert (one[0] > two[0]) == (label == 1)
    assert np.mean(labels) == pytest.approx(0.5, abs=0.05)


def test_single_segments_hold_every_token_once_and_some_are_short():
    make = SegmentMaker(20, "none", short_probability=0.5)
    corpus = documents(100)
    first, _, _ = make(corpus, np.random.default_rng(0))
    expected = np.concatenate([np.concatenate(rows) for rows in corpus])
    np.testing.assert_array_equal(np.concatenate(first), expected)
    lengths = np.array([len(row) for row in first])
    assert lengths.max() == 20
    assert (lengths < 20).mean() > 0.4


def test_one_document_has_no_false_next_segments():
    with pytest.raises(ValueError, match="Expected two documents or more"):
        SegmentMaker(30, "next_sentence")(documents(1), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((30, "order"), "Expected a pair_task among"),
        ((30, "none", 1.5), "Expected short_probability"),
        ((1,), "Expected room"),
    ],
)
def test_wrong_settings_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        SegmentMaker(*arguments)
