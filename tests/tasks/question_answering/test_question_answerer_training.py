import itertools
import json

import keras
import numpy as np
import pytest

import kerasbert
from kerasbert.data import read_squad
from kerasbert.tasks.question_answering.loss import SlotCrossentropy
from tests.tasks.question_answering.test_question_answerer import answerer_of


@pytest.fixture(scope="module")
def answerer():
    """One whose windows are short: 24 tokens, of which neighbours share 6."""
    return answerer_of(max_length=24, stride=6, max_answer_length=5)


def test_features_have_the_slots_of_the_answer_where_a_window_holds_it(answerer):
    context = "the good film is not bad; the train is very good to the world of the"
    context += " book that i love to read in the good world"
    target = {"text": ["is not"], "answer_start": [14]}
    features = answerer.features([("who", context)], [target], sample_weight=[0.5])
    tokens = [answerer.tokenizer.tokens(row) for row in features.inputs["token_ids"]]
    assert len(tokens) == len(features) == 2, tokens
    assert (features.weights == 0.5).all()
    slots = {
        name: [row.argmax() for row in rows] for name, rows in features.targets.items()
    }
    assert tokens[0][slots["start_logits"][0]] == "is"
    assert tokens[0][slots["end_logits"][0]] == "not"
    # The second window begins after it, so that it should say [CLS].
    assert "not" not in tokens[1]
    assert slots["start_logits"][1] == slots["end_logits"][1] == 0
    assert all(row.sum() == 1 for rows in features.targets.values() for row in rows)


def test_questions_without_an_answer_aim_at_the_first_token(answerer):
    features = answerer.features([("who", "good")], [None])
    for name in ("start_logits", "end_logits"):
        assert features.targets[name][0].tolist()[:2] == [1, 0]


def test_misaligned_answers_are_left_out_of_training_and_counted_in_metrics(answerer):
    inputs = [("what", "good film"), ("what", "bad film"), ("who", "good train")]
    targets = [
        {"text": ["film"], "answer_start": [5]},
        {"text": ["film"], "answer_start": [5]},
        {"text": ["train"], "answer_start": [-1]},
    ]
    with pytest.warns(UserWarning, match="1 of the 3 questions .* position 1: 'what'"):
        features = answerer.features(inputs, targets, sample_weight=[1, 2, 3])
    assert len(features) == 1 and features.weights.tolist() == [1]
    expected = answerer.features(inputs[:1], targets[:1])
    for name, [row] in features.inputs.items():
        np.testing.assert_array_equal(row, expected.inputs[name][0])
    found = [answer["answer"] for answer in answerer.predict(inputs)]
    exact = sum(text in ("film", "train") for text in found)
    metrics = answerer.answer_metrics(inputs, targets)
    assert metrics["exact_match"] == pytest.approx(100 * exact / 3)
    with pytest.raises(ValueError, match="got 1 questions with none"):
        answerer.features(inputs[2:], targets[2:])


def test_the_loss_is_the_cross_entropy_of_the_slot_without_padding():
    logits = np.array([[1.0, 2.0, 0.5, 9.0], [0.0, 1.0, 0.0, 3.0]], "float32")
    targets = np.array([[0, 1, 0, -1], [0, 0, 0, 1]])
    first = -np.log(np.exp(2) / (np.exp(1) + np.exp(2) + np.exp(0.5)))
    second = -np.log(np.exp(3) / (2 + np.exp(1) + np.exp(3)))
    loss = SlotCrossentropy(reduction="none")
    np.testing.assert_allclose(loss(targets, logits), [first, second], rtol=1e-6)
    config = keras.losses.serialize(loss)
    assert isinstance(keras.losses.deserialize(config), SlotCrossentropy)


def test_start_and_end_have_half_of_the_loss_each(answerer):
    context = "the good film is not bad"
    inputs = [("who", context)]
    targets = [{"text": "film", "answer_start": 9}]
    metrics = answerer.evaluate(inputs, targets)
    [row] = answerer.features(inputs).inputs["token_ids"]
    slot = answerer.tokenizer.tokens(row).index("film")
    [outputs] = answerer.outputs(answerer.features(inputs))
    losses = [
        np.log(np.exp(logits).sum()) - logits[slot]
        for logits in (outputs["start_logits"], outputs["end_logits"])
    ]
    assert metrics["loss"] == pytest.approx(sum(losses) / 2, rel=1e-5)
    assert {"exact_match", "f1"} <= set(metrics)


def lessons(words):
    """What I love stands after love, and nobody says what the world loves."""
    contexts = [
        f"i love {a}, you read {b}" for a, b in itertools.permutations(words, 2)
    ]
    loved = [context[7 : context.index(",")] for context in contexts]
    inputs = [("what i love", context) for context in contexts]
    targets = [{"text": [word], "answer_start": [7]} for word in loved]
    inputs += [("what world", context) for context in contexts]
    return inputs, targets + [None] * len(contexts)


def test_it_learns_to_answer_and_not_to():
    keras.utils.set_random_seed(0)
    learner = answerer_of(max_answer_length=8)
    assert not learner.no_answer
    inputs, targets = lessons(["good", "bad", "world", "train", "river"])
    learner.compile(kerasbert.Recipe(learning_rate=1e-2))
    report = learner.fit(
        inputs,
        targets,
        epochs=8,
        batch_size=8,
        validation_data=(inputs[:4], targets[:4]),
        verbose=0,
    )
    assert learner.no_answer and learner.options()["no_answer"]
    assert report.history["loss"][-1] < report.history["loss"][0] / 4
    assert report.history["val_exact_match"][-1] == 100
    metrics = learner.answer_metrics(inputs, targets)
    assert metrics["HasAns_exact_match"] == metrics["NoAns_exact_match"] == 100
    assert learner.predict(inputs[-1:])[0]["answer"] == ""


def test_a_squad_file_gives_its_inputs_and_targets(answerer, tmp_path):
    question = {"id": "1", "question": "who", "is_impossible": False}
    question["answers"] = [{"text": "train", "answer_start": 4}]
    paragraph = {"context": "the train", "qas": [question]}
    file = tmp_path / "squad.json"
    file.write_text(json.dumps({"data": [{"paragraphs": [paragraph]}]}))
    data = read_squad(file)
    features = answerer.features(data.inputs, data.targets)
    tokens = answerer.tokenizer.tokens(features.inputs["token_ids"][0])
    assert tokens == ["[CLS]", *"w ##h ##o [SEP] the train [SEP]".split()]
    assert features.targets["start_logits"][0].tolist() == [0, 0, 0, 0, 0, 0, 1, 0]
