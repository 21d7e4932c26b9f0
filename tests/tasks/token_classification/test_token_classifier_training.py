import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasbert
from kerasbert.tasks import labels_of
from tests.tasks.token_classification.test_token_classifier import (
    NOTHING,
    TINY,
    new_tagger,
)


@pytest.fixture(scope="module")
def tagger():
    return new_tagger()


def test_targets_stand_at_the_first_pieces(tagger):
    inputs = [["loved", "New", NOTHING], []]
    targets = [["B-PER", "B-LOC", "I-LOC"], []]
    features = tagger.features(inputs, targets, sample_weight=[1, 2])
    first, second = features.targets["logits"]
    assert tagger.tokenizer.tokens(features.inputs["token_ids"][0]) == (
        "[CLS] love ##d n ##e ##w [SEP]".split()
    )
    assert first.tolist() == [-1, 3, -1, 1, -1, -1, -1]
    assert second.tolist() == [-1, -1]
    assert features.weights.tolist() == [1, 2]


def test_tags_may_be_numbers_and_words_ragged(tagger):
    inputs, targets = [["loved", "New"], ["a"]], [["B-PER", "O"], ["B-LOC"]]
    expected = tagger.evaluate(inputs, targets)
    ragged = tf.ragged.constant(inputs), tf.ragged.constant([[3, 0], [1]])
    assert tagger.evaluate(*ragged) == expected
    with pytest.raises(ValueError, match=r"got 5 \(1\), the first at position 1"):
        tagger.evaluate(inputs, [[3, 0], [5]])


def test_entities_of_texts_become_tags_of_their_words(tagger):
    text = "in New York, loved"
    loc, per = {"start": 3, "end": 11, "type": "LOC"}, {"start": 14, "end": 15}
    features = tagger.features([text], [[{**per, "type": "PER"}, loc]])
    [targets] = features.targets["logits"]
    words = [number for number in targets.tolist() if number != -1]
    assert words == [0, 1, 2, 0, 3]


def test_tags_that_the_scheme_does_not_allow_are_learnt_as_it_writes_them(tagger):
    features = tagger.features([["a", "b", "c"]], [["I-LOC", "I-LOC", "I-PER"]])
    assert features.targets["logits"][0].tolist() == [-1, 1, 2, 3, -1]


def test_loss_is_the_mean_over_the_words(tagger):
    inputs, targets = [["loved", "a"], ["New"], []], [["B-PER", "O"], ["B-LOC"], []]
    logits = np.asarray(tagger.model(tagger.tokenizer(["loved a", "New"]))["logits"])
    places = [(0, 1, 3), (0, 3, 0), (1, 1, 1)]  # text, token, label
    losses = [
        np.log(np.exp(logits[row, token]).sum()) - logits[row, token, label]
        for row, token, label in places
    ]
    found = tagger.evaluate(inputs, targets)
    assert found["loss"] == pytest.approx(np.mean(losses), rel=1e-5)
    assert np.isfinite(tagger.evaluate([[], [NOTHING]], [[], ["O"]])["loss"])


def test_a_text_counts_as_much_as_its_weight_says():
    inputs = [["loved", "a", "film"], ["New"]]
    targets = [["B-PER", "O", "O"], ["B-LOC"]]
    tagger = new_tagger()

    def loss(*weights):
        tagger.compile(keras.optimizers.SGD(1e-12))  # it learns nothing
        report = tagger.fit(inputs, targets, sample_weight=weights, epochs=1, verbose=0)
        return report.history["loss"][0]

    first, second = loss(1, 0), loss(0, 1)
    assert min(first, second) > 0.1
    assert loss(1, 1) == pytest.approx(first + second, rel=1e-5)
    assert loss(0.5, 2) == pytest.approx(0.5 * first + 2 * second, rel=1e-5)


def test_it_learns_what_it_is_shown(tmp_path):
    inputs = ["I love York , not the film".split(), "the river is in York".split()] * 2
    targets = ["B-PER O B-LOC O O O O".split(), "O O O O B-LOC".split()] * 2
    tagger = kerasbert.TokenClassifier.from_pretrained(TINY, labels=labels_of(targets))
    tagger.compile(kerasbert.Recipe(learning_rate=1e-2))
    history = tagger.fit(
        inputs,
        targets,
        validation_data=(inputs, targets),
        epochs=12,
        batch_size=4,
        verbose=0,
    )
    assert history.history["val_f1"][-1] == 1.0
    assert {"val_precision", "val_recall", "val_loss"} <= set(history.history)
    assert tagger.predict_tags(inputs[:2]) == targets[:2]
    text = "The river, in York."
    [[entity]] = tagger.predict([text])
    assert (entity["type"], entity["text"], entity["start"]) == ("LOC", "York", 14)
    york = [{"start": 14, "end": 18, "type": "LOC"}]
    assert tagger.evaluate([text], [york])["f1"] == 1.0
    wrong = [{"start": 11, "end": 18, "type": "LOC"}]
    assert tagger.answer_metrics([text], [wrong]) == {
        "precision": 0.0,
        "recall": 0.0,
        "f1": 0.0,
        "accuracy": 4 / 6,
    }

    tagger.save(tmp_path / "ner")
    loaded = kerasbert.load(tmp_path / "ner")
    assert loaded.labels == tagger.labels
    assert loaded.options() == tagger.options()
    assert loaded.predict([text]) == tagger.predict([text])


@pytest.mark.parametrize(
    "inputs, targets, message",
    [
        ([["a"]], [["B-FOO"]], r"got 'B-FOO' \(1\), the first at position 0"),
        (
            [["a", "b"], ["a"]],
            [["O", "O"], ["X"]],
            r"'X' \(1\), the first at posit.* 1",
        ),
        ([["a", "b"]], [["O"]], "each of the 2 words at position 0, got 1"),
        ([["a"]], [], "a target for each of 1 examples, got 0"),
        (["ab"], [[{"start": 0, "end": 3, "type": "LOC"}]], "within the 2 characters"),
        (["ab"], [[{"start": 1, "end": 1, "type": "LOC"}]], "got 1 to 1"),
        (["ab"], [[{"start": 0, "end": 1, "type": "X"}]], r"among LOC, PER; got 'X'"),
        (["ab"], [["O"]], "Expected entities with start, end and type at position 0"),
        (
            ["abc"],
            [[{"start": s, "end": s + 2, "type": "LOC"} for s in (1, 0)]],
            "do not overlap at position 0",
        ),
    ],
)
def test_targets_that_do_not_fit_are_refused(tagger, inputs, targets, message):
    with pytest.raises(ValueError, match=message):
        tagger.features(inputs, targets)
