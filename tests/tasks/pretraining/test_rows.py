"""Statistics of masked tokens, and of rows and pairs of segments."""

import types

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from kerasbert.tasks.masked_language_model.masking import Masking
from kerasbert.tasks.pretraining.corpus import TokenizedDocuments
from kerasbert.tasks.pretraining.rows import rows_of
from kerasbert.text.packing import Frame

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


def rows(count=400, pair_task="none", tokens=30, short_probability=0.1, corpus=None):
    """Rows whose tokens say which document and which place they are of."""
    parts = corpus or documents(count)
    bounds = np.cumsum([0, *(len(row) for part in parts for row in part)])
    ends = np.cumsum([0, *(len(part) for part in parts)])
    whole = np.concatenate([row for part in parts for row in part]).astype("uint32")
    special = 3 if pair_task != "none" else 2
    task = types.SimpleNamespace(
        tokenizer=Framing(),
        pair_task=pair_task,
        short_probability=short_probability,
        corpus_seed=0,
    )
    made = rows_of(task, TokenizedDocuments(whole, bounds, ends), tokens + special)
    random = np.random.default_rng(0)
    for number in range(len(made)):
        token_ids, segment_ids, _, label = made.row(number, random)
        one, two = (token_ids[segment_ids == n] for n in (0, 1))
        yield one[1:-1].astype("int64"), two[:-1].astype("int64"), label


class Framing:
    """The special tokens of a tokenizer, of which none is a token of a document."""

    pad_token_id = 0

    @staticmethod
    def frame(pair):
        ends = (((-1, 0),), ((-1, 0),), ((-1, 1),))
        return Frame(ends, (0, 1)) if pair else Frame(ends[:2], (0,))

    @staticmethod
    def num_special_tokens(pair):
        return 3 if pair else 2


LONE = [part[:1] for part in documents(400) if len(part[0]) > 1]


@pytest.mark.parametrize("corpus", [None, LONE])
def test_half_of_the_second_segments_are_of_other_documents(corpus):
    found = list(rows(2000, "next_sentence", corpus=corpus))
    for one, two, label in found:
        assert 0 < len(one)
        assert 0 < len(two)
        assert len(one) + len(two) <= 30
        same = one[0] // 1000 == two[0] // 1000
        assert same == (label == 0)
        if same:
            assert one[-1] < two[0]
    classes = [label for _, _, label in found]
    assert np.mean(classes) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("corpus", [None, LONE])
def test_swapped_segments_are_half_and_of_the_same_document(corpus):
    found = list(rows(400, "sentence_order", corpus=corpus))
    for one, two, label in found:
        assert len(one) + len(two) <= 30
        assert one[0] // 1000 == two[0] // 1000
        assert (one[0] > two[0]) == (label == 1)
    assert np.mean([x for _, _, x in found]) == pytest.approx(0.5, abs=0.05)


def test_single_segments_hold_every_token_once_and_some_are_short():
    corpus = documents(100)
    found = [one for one, _, _ in rows(tokens=20, short_probability=0.5, corpus=corpus)]
    expected = np.concatenate([np.concatenate(part) for part in corpus])
    np.testing.assert_array_equal(np.concatenate(found), expected)
    lengths = np.array([len(row) for row in found])
    assert lengths.max() == 20
    assert (lengths < 20).mean() > 0.4


def test_a_pair_of_long_sentences_is_cut_to_its_room():
    long = [[np.arange(5000), 5000 + np.arange(3)], [10_000 + np.arange(70_000)]]
    for one, two, _ in rows(0, "sentence_order", 30, 0.0, long):
        assert len(one) + len(two) == 30
        assert min(len(one), len(two)) >= 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pair_task": "next_sentence", "count": 1}, "Expected two documents or more"),
        ({"pair_task": "order"}, "Expected a pair_task among"),
        ({"short_probability": 1.5}, "Expected short_probability"),
        ({"tokens": 1}, "Expected max_length to be 4 or more, got 3"),
        (
            {"pair_task": "sentence_order", "corpus": [[[7]], [[8]]]},
            "Expected documents of two tokens or more for sentence_order",
        ),
    ],
)
def test_wrong_settings_and_documents_without_rows_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        list(rows(**arguments))
