import itertools

import numpy as np
import pytest
import tensorflow as tf

from kerasbert.metrics import Span, spans_of
from kerasbert.tasks import convert_tags, labels_of
from kerasbert.tasks.token_classification.decoding import TagDecoder
from kerasbert.tasks.token_classification.tags import TagScheme, scheme_of

IOB2 = ["O", "B-A", "I-A", "B-B", "I-B"]
IOBES = ["O", "B-A", "M-A", "E-A", "S-A", "S-B"]


@pytest.mark.parametrize(
    "labels, scheme",
    [
        (["O", "B-PER", "I-PER"], "IOB2"),
        (["O", "B-PER"], "IOB2"),
        (["O", "I-PER"], "IOB1"),
        (["B-PER", "M-PER", "E-PER", "S-PER"], "IOBES"),
        (["O", "B-PER", "I-PER", "L-PER", "U-PER"], "IOBES"),
        (["O", "S-PER"], "IOBES"),
        (["B", "I", "O"], "IOB2"),
        (["NOUN", "VERB", "LABEL_0"], "PLAIN"),
        (["O"], "PLAIN"),
    ],
)
def test_the_scheme_is_told_by_the_letters(labels, scheme):
    assert scheme_of(labels) == scheme


@pytest.mark.parametrize("wrong", ["X-PER", "PER", "", "b-PER"])
def test_tags_that_no_scheme_allows_are_named(wrong):
    with pytest.raises(ValueError, match=f"got '{wrong}' beside 'B-LOC'"):
        scheme_of(["O", "B-LOC", wrong])


def test_labels_are_complete_for_every_type():
    assert labels_of([["S-B"], ["B-A", "E-A"]]) == [
        "O",
        *("B-A", "I-A", "E-A", "S-A"),
        *("B-B", "I-B", "E-B", "S-B"),
    ]
    assert labels_of([["U-A"], ["O"]])[-1] == "U-A"
    assert labels_of([["B", "I"], []]) == ["O", "B", "I"]
    assert labels_of([["VERB", "O"], ["ADJ"]]) == ["O", "ADJ", "VERB"]
    with pytest.raises(ValueError, match="got none but O"):
        labels_of([["O"], []])


def test_tags_are_converted():
    bmes = "B-A M-A E-A S-A O B-B E-B".split()
    bio = "B-A I-A I-A B-A O B-B I-B".split()
    assert convert_tags(bmes, labels_of([bio])) == bio
    assert convert_tags(bio, labels_of([bmes])) == bmes
    assert convert_tags("I-A I-A B-A O I-B".split(), IOB2) == (
        "B-A I-A B-A O B-B".split()
    )
    with pytest.raises(ValueError, match="labels for a 'C' of 2 words"):
        convert_tags(["B-C", "I-C"], IOB2)
    with pytest.raises(ValueError, match="labels for a 'B' of 2 words"):
        convert_tags(["B-B", "I-B"], IOBES)


def test_what_may_follow_what():
    scheme = TagScheme(IOB2)
    assert scheme.first.tolist() == [True, True, False, True, False]
    assert scheme.last.all()
    assert scheme.follows[0].tolist() == [True, True, False, True, False]
    assert scheme.follows[1].tolist() == [True, True, True, True, False]
    assert scheme.follows[2].tolist() == [True, True, True, True, False]
    scheme = TagScheme(IOBES)
    assert scheme.first.tolist() == [True, True, False, False, True, True]
    assert scheme.last.tolist() == [True, False, False, True, True, True]
    assert scheme.follows[1].tolist() == [False, False, True, True, False, False]
    assert scheme.follows[3].tolist() == [True, True, False, False, True, True]
    assert TagScheme(IOB2, "IOB1").follows.all()


def test_sequences_that_a_scheme_does_not_allow_are_repaired():
    scheme = TagScheme(IOB2)
    assert scheme.allows(["O", "B-A", "I-A"]) and scheme.allows([])
    assert not scheme.allows(["O", "I-A"])
    assert scheme.repaired("I-A I-A B-B I-A".split()) == "B-A I-A B-B B-A".split()
    assert TagScheme(IOB2, "IOB1").repaired(["O", "I-A"]) == ["O", "I-A"]
    full = TagScheme(labels_of([IOBES]))
    assert full.repaired(["M-A", "M-A", "B-B"]) == ["B-A", "E-A", "S-B"]


def test_published_labels_with_other_letters():
    labels = ["O", "I-PER", "X"]
    with pytest.raises(ValueError, match="got 'X' beside 'I-PER'"):
        TagScheme(labels)
    assert TagScheme(labels, "IOB1").write([Span("PER", 0, 2)], 3) == [
        *("I-PER", "I-PER", "O")
    ]


@pytest.mark.parametrize("name", ["IOBES", "PLAIN"])
def test_a_scheme_that_does_not_have_the_labels_is_refused(name):
    with pytest.raises(ValueError, match=f"Expected labels of {name}, got O, B-A"):
        TagScheme(IOB2, name)
    with pytest.raises(ValueError, match="Expected a scheme among IOB1.*'BIO'"):
        TagScheme(IOB2, "BIO")


def rows_of(logits):
    values = tf.constant(np.concatenate(logits), tf.float32)
    return tf.RaggedTensor.from_row_lengths(values, [len(row) for row in logits])


def best_by_trying(logits, scheme):
    """The likeliest allowed sequence, of all that there are."""
    names = scheme.labels
    sequences = itertools.product(range(len(names)), repeat=len(logits))
    allowed = [s for s in sequences if scheme.allows([names[tag] for tag in s])]
    words = range(len(logits))
    scores = [logits[words, list(sequence)].sum() for sequence in allowed]
    return list(allowed[int(np.argmax(scores))])


@pytest.mark.parametrize("labels", [IOB2, IOBES])
def test_decoding_finds_the_likeliest_tags_that_are_allowed(labels):
    rng = np.random.default_rng(0)
    scheme = TagScheme(labels)
    lengths = [4, 1, 0, 5, 2, 3, 1, 4]
    logits = [rng.normal(size=(n, len(labels))).astype("float32") for n in lengths]
    expected = sum((best_by_trying(row, scheme) for row in logits if len(row)), [])
    raw = np.concatenate(logits).argmax(-1).tolist()
    assert raw != expected
    decoder = TagDecoder(scheme)
    assert decoder.tags(rows_of(logits)).numpy().tolist() == expected
    in_graph = tf.function(decoder.tags, autograph=False)
    assert in_graph(rows_of(logits)).numpy().tolist() == expected


def test_allowed_tags_stay_as_they_are():
    logits = np.zeros((3, 5), "float32")
    logits[[0, 1, 2], [1, 2, 0]] = 1.0
    found = TagDecoder(TagScheme(IOB2)).tags(rows_of([logits, logits[:0], logits]))
    assert found.numpy().tolist() == [1, 2, 0, 1, 2, 0]


def test_no_words_have_no_tags():
    decoder = TagDecoder(TagScheme(IOB2))
    none = tf.RaggedTensor.from_row_splits(tf.zeros([0, 5]), [0, 0, 0])
    tags = decoder.tags(none)
    assert tags.shape == (0,)
    assert decoder.entities(none, tags).row_splits.numpy().tolist() == [0, 0, 0]


def test_entities_have_the_mean_probability_of_their_tags():
    probabilities = [
        [[0.2, 0.8, 0, 0, 0], [0.4, 0, 0.6, 0, 0], [1, 0, 0, 0, 0]],
        [[0, 0.5, 0, 0.5, 0], [0, 0, 0, 0.9, 0.1]],
    ]
    logits = [np.log(np.maximum(row, 1e-30)) for row in map(np.array, probabilities)]
    tags = tf.constant([1, 2, 0, 3, 3])
    found = TagDecoder(TagScheme(IOB2)).entities(rows_of(logits), tags)
    assert found.labels.numpy().tolist() == [1, 3, 3]
    assert found.first.numpy().tolist() == [0, 3, 4]
    assert found.last.numpy().tolist() == [1, 3, 4]
    assert found.row_splits.numpy().tolist() == [0, 1, 3]
    np.testing.assert_allclose(found.scores, [0.7, 0.5, 0.9], rtol=1e-6)


def test_entities_in_the_graph_are_those_of_the_metrics():
    rng = np.random.default_rng(1)
    for labels in (IOB2, IOBES, ["O", "N", "V"]):
        decoder = TagDecoder(TagScheme(labels))
        tags = [rng.integers(0, len(labels), n) for n in (7, 0, 9, 1)]
        rows = rows_of([np.zeros((len(row), len(labels))) for row in tags])
        found = decoder.entities(rows, tf.constant(np.concatenate(tags), tf.int32))
        splits = found.row_splits.numpy()
        shifts = np.cumsum([0, *map(len, tags)])
        for text, row in enumerate(tags):
            mine = slice(splits[text], splits[text + 1])
            first = found.first.numpy()[mine] - shifts[text]
            last = found.last.numpy()[mine] - shifts[text]
            expected = spans_of([labels[tag] for tag in row])
            assert [*zip(first, last + 1, strict=True)] == [s[1:] for s in expected]
