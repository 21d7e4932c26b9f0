import pytest

pytest.importorskip("tensorflow")

import tensorflow as tf

from kerasbert.inputs import datasets, read_examples, read_inputs

TEXTS, LABELS = ["good", "bad", "fine"], [1, 0, 1]
AS_BYTES = [b"good", b"bad", b"fine"]


def dataset(*parts):
    return tf.data.Dataset.from_tensor_slices(parts if len(parts) > 1 else parts[0])


@pytest.mark.parametrize("batch", [None, 2])
def test_batches_and_single_examples_are_read_alike(batch):
    data = dataset(TEXTS, LABELS, [1.0, 0.5, 2.0])
    data = data if batch is None else data.batch(batch)
    assert read_examples(data) == (AS_BYTES, LABELS, [1.0, 0.5, 2.0])
    assert list(read_inputs(data)) == AS_BYTES


@pytest.mark.parametrize("batch", [None, 2])
@pytest.mark.parametrize(
    "names", [None, ("premise", "hypothesis"), ("text_a", "text_b")]
)
def test_pairs_are_tuples_or_have_names_that_are_known(batch, names):
    texts = (TEXTS, TEXTS[::-1])
    texts = texts if names is None else dict(zip(names, texts, strict=True))
    data = dataset(texts, ["yes", "no", "no"])
    data = data if batch is None else data.batch(batch)
    pairs = list(zip(AS_BYTES, AS_BYTES[::-1], strict=True))
    assert read_examples(data) == (pairs, ["yes", "no", "no"], None)


@pytest.mark.parametrize("batch", [None, 2])
def test_words_and_tags_are_ragged(batch):
    words, tags = [["New", "York"], ["is"]], [[1, 2], [0]]
    data = dataset(tf.ragged.constant(words), tf.ragged.constant(tags))
    data = data if batch is None else data.ragged_batch(batch)
    found = read_examples(data, words=True)
    assert found == ([[b"New", b"York"], [b"is"]], tags, None)


def test_answers_are_dictionaries_of_columns():
    answers = {"text": ["Paris"] * 2, "answer_start": [3, 5]}
    pairs = {"question": ["where?"] * 2, "context": ["in Paris", "near Paris"]}
    found = read_examples(dataset(pairs, answers).batch(2))
    assert found.inputs[1] == (b"where?", b"near Paris")
    assert found.targets[1] == {"text": "Paris", "answer_start": 5}


def test_groups_without_scores_are_texts_that_belong_together():
    found = read_examples(dataset(TEXTS, TEXTS).batch(3), groups=True)
    assert found == (list(zip(AS_BYTES, AS_BYTES, strict=True)), None, None)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (lambda: dataset([[1, 2]], [0]), "not token ids"),
        (lambda: dataset(TEXTS, LABELS).repeat(), "got an infinite one"),
        (lambda: dataset(TEXTS, TEXTS, LABELS, LABELS), r"ds.map\(lambda a, b, y"),
        (lambda: dataset({"a": TEXTS, "b": TEXTS}, LABELS), "Name the texts"),
        (lambda: dataset(TEXTS, LABELS).take(0), "got none"),
    ],
)
def test_what_are_no_examples_is_refused_with_what_to_give(data, told):
    with pytest.raises((TypeError, ValueError), match=told):
        read_examples(data())


def test_two_strings_without_a_target_have_two_readings():
    with pytest.raises(TypeError, match="may be pairs, or texts and their labels"):
        read_inputs(dataset(TEXTS, TEXTS))
    with pytest.raises(TypeError, match="a batch of texts or the words of one"):
        read_inputs(dataset(TEXTS).batch(2), words=True)


def test_a_dataset_that_may_be_infinite_is_bounded(monkeypatch):
    monkeypatch.setattr(datasets, "MOST_ELEMENTS", 5)
    data = dataset(TEXTS).repeat().filter(lambda text: True)
    with pytest.raises(ValueError, match="at most 5 elements"):
        list(read_inputs(data.map(lambda text: text)))


def test_padded_words_are_refused():
    data = dataset([["a", "b"], ["c", ""]]).batch(2)
    with pytest.raises(TypeError, match="ragged_batch instead of padded_batch"):
        list(read_inputs(data, words=True))
