import random

import pytest

from kerasbert.metrics import entity_report, entity_scores, span_scores, spans_of

EXPECTED = [
    "O B-PER I-PER O B-LOC",
    "B-ORG I-ORG I-ORG O",
    "I-LOC I-LOC B-LOC O",
    "B-PER I-LOC I-PER",
    "O O",
]
PREDICTED = [
    "O B-PER I-PER O I-LOC",
    "B-ORG I-ORG O O",
    "B-LOC I-LOC I-LOC O",
    "B-PER I-PER I-PER",
    "O B-PER",
]


def split(rows):
    return [row.split() for row in rows]


def test_spans_are_those_that_conlleval_reads():
    tags = "I-A I-A B-A I-B O E-B E-B S-B I-B M-B L-B U-C".split()
    assert spans_of(tags) == [
        ("A", 0, 2),
        ("A", 2, 3),
        ("B", 3, 4),
        ("B", 5, 6),
        ("B", 6, 7),
        ("B", 7, 8),
        ("B", 8, 11),
        ("C", 11, 12),
    ]


def test_strict_spans_begin_and_end_as_the_scheme_says():
    tags = "I-A B-A I-A I-B O B-B".split()
    assert spans_of(tags, "IOB2") == [("A", 1, 3), ("B", 5, 6)]
    tags = "B-A M-A E-A B-A O S-B M-B E-B B-A E-B".split()
    assert spans_of(tags, "IOBES") == [("A", 0, 3), ("B", 5, 6)]


def test_tags_without_letters_are_types():
    assert spans_of(["NOUN", "NOUN", "O", "VERB"]) == [("NOUN", 0, 2), ("VERB", 3, 4)]


# What seqeval 1.2.2 gives for these.
@pytest.mark.parametrize(
    "scheme, precision, recall, f1",
    [(None, 1 / 3, 1 / 4, 2 / 7), ("IOB2", 1 / 5, 1 / 5, 1 / 5)],
)
def test_scores_are_seqevals(scheme, precision, recall, f1):
    scores = entity_scores(split(EXPECTED), split(PREDICTED), scheme)
    wanted = {"precision": precision, "recall": recall, "f1": f1}
    assert scores == pytest.approx(wanted, abs=1e-12)


def test_types_are_counted_as_seqeval_counts_them():
    report = entity_report(split(EXPECTED), split(PREDICTED))
    assert list(report) == ["LOC", "ORG", "PER"]
    loc = {"precision": 0.5, "recall": 0.25, "f1": 1 / 3, "support": 4}
    assert report["LOC"] == pytest.approx(loc)
    strict = entity_report(split(EXPECTED), split(PREDICTED), "IOB2")
    per = {"precision": 1 / 3, "recall": 0.5, "f1": 0.4, "support": 2}
    assert strict["PER"] == pytest.approx(per)


def test_scores_of_iobes_are_seqevals():
    expected = split(["B-A I-A E-A O S-B", "S-A O B-B E-B", "B-A I-A O E-A"])
    predicted = split(["B-A I-A E-A O S-B", "B-A O B-B E-B", "B-A E-A O S-A"])
    strict = entity_scores(expected, predicted, "IOBES")
    wanted = {"precision": 0.6, "recall": 0.75, "f1": 2 / 3}
    assert strict == pytest.approx(wanted)
    assert entity_scores(expected, predicted)["f1"] == 1.0


@pytest.mark.parametrize("letters, scheme", [("BI", "IOB2"), ("BIES", "IOBES")])
def test_random_tags_get_the_scores_of_seqeval(letters, scheme):
    seqeval = pytest.importorskip("seqeval.metrics")
    schemes = pytest.importorskip("seqeval.scheme")
    rng = random.Random(0)
    tags = ["O", *(f"{letter}-{kind}" for letter in letters for kind in "AB")]
    for _ in range(200):
        lengths = [rng.randint(1, 8) for _ in range(3)]
        expected, predicted = (
            [[rng.choice(tags) for _ in range(length)] for length in lengths]
            for _ in range(2)
        )
        strict = {"mode": "strict", "scheme": getattr(schemes, scheme)}
        for mine, theirs in ((None, {}), (scheme, strict)):
            f1 = seqeval.f1_score(expected, predicted, zero_division=0, **theirs)
            assert entity_scores(expected, predicted, mine)["f1"] == pytest.approx(f1)


def test_nothing_to_find_is_no_success_and_no_error():
    zero = {"precision": 0.0, "recall": 0.0, "f1": 0.0}
    assert entity_scores([["O"], []], [["O"], []]) == zero
    assert span_scores([], []) == zero
    assert entity_report([["O"]], [["O"]]) == {}


def test_texts_of_other_lengths_and_foreign_tags_are_refused():
    with pytest.raises(ValueError, match="2 predicted tags for text 1, .*got 1"):
        entity_scores([["O"], ["O", "O"]], [["O"], ["O"]])
    with pytest.raises(ValueError, match="predictions for 1 texts"):
        span_scores([[]], [])
    with pytest.raises(ValueError, match="tags of IOB2, got 'E-A'"):
        spans_of(["E-A"], "IOB2")
    with pytest.raises(ValueError, match="a scheme of IOB2, IOBES, got 'BIO'"):
        spans_of(["O"], "BIO")
