import json

import numpy as np
import pytest

import kerasbert
from kerasbert.metrics import pearson, spearman
from tests.tasks.conftest import FIXTURES

TINY = FIXTURES / "bert_tiny" / "huggingface"
TRAINED = FIXTURES / "bert_regression" / "huggingface"
PAIRS = [
    ("good morning", "good day"),
    ("a bad day", "the film"),
    ("you are good", "good you are"),
    ("night", "a bad book"),
] * 4
SCORES = [4.0, 0.5, 5.0, 0.0] * 4


def regressor_of(source=TINY, **options):
    return kerasbert.TextRegressor.from_pretrained(source, **options)


@pytest.fixture(scope="module")
def trained():
    return regressor_of(TRAINED)


def predicted(regressor, inputs):
    return np.array([answer["score"] for answer in regressor.predict(inputs)])


def test_a_published_regressor_gives_the_logit_of_transformers(trained):
    with np.load(TRAINED.parent / "expected.npz") as arrays:
        expected = dict(arrays)
    inputs = {
        name: expected[name].astype("int32")
        for name in ("token_ids", "segment_ids", "padding_mask")
    }
    np.testing.assert_allclose(
        np.asarray(trained.model(inputs)["logits"]),
        expected["sequence_logits"],
        atol=3e-6,
    )
    logits = trained.model(trained.tokenizer(["good morning", ""]))["logits"]
    np.testing.assert_allclose(
        predicted(trained, ["good morning", ""]), np.asarray(logits)[:, 0], atol=1e-6
    )


def test_a_range_is_that_of_the_scores(trained):
    ranged = kerasbert.TextRegressor(trained.model, trained.tokenizer, low=1, high=5)
    logits = predicted(trained, PAIRS)
    np.testing.assert_allclose(
        predicted(ranged, PAIRS), 1 + 4 / (1 + np.exp(-logits)), atol=1e-5
    )


def test_pairs_are_two_segments(trained):
    inputs = trained.tokenizer([a for a, _ in PAIRS], [b for _, b in PAIRS])
    logits = np.asarray(trained.model(inputs)["logits"])[:, 0]
    np.testing.assert_allclose(predicted(trained, PAIRS), logits, atol=1e-6)


@pytest.mark.parametrize("options", [{}, {"low": 0, "high": 5}], ids=["mse", "range"])
def test_it_learns_what_it_is_shown(options):
    regressor = regressor_of(dropout=0.0, **options)
    regressor.compile(kerasbert.Recipe(learning_rate=1e-2))
    before = regressor.evaluate(PAIRS, SCORES)
    report = regressor.fit(
        PAIRS,
        SCORES,
        epochs=8,
        batch_size=4,
        validation_data=(PAIRS, SCORES),
        verbose=0,
    )
    found = regressor.evaluate(PAIRS, SCORES)
    assert found["pearson"] > 0.9 and found["mse"] < before["mse"]
    assert report.history["val_spearman"][-1] == found["spearman"]
    assert regressor.pairs


def test_the_metrics_are_those_of_the_scores():
    regressor = regressor_of(TRAINED, low=0, high=5)
    found, scores = regressor.evaluate(PAIRS, SCORES), predicted(regressor, PAIRS)
    assert found["pearson"] == pytest.approx(pearson(scores, SCORES))
    assert found["spearman"] == pytest.approx(spearman(scores, SCORES))
    assert found["mse"] == pytest.approx(np.mean((scores - SCORES) ** 2))
    share, parts = scores / 5, np.array(SCORES) / 5
    entropy = -parts * np.log(share) - (1 - parts) * np.log(1 - share)
    assert found["loss"] == pytest.approx(entropy.mean(), rel=1e-5)


def test_without_a_range_the_loss_is_the_squared_error(trained):
    found = trained.evaluate(PAIRS, SCORES)
    assert found["loss"] == pytest.approx(found["mse"], rel=1e-5)


def test_one_example_has_no_correlation(trained):
    assert set(trained.evaluate(PAIRS[:1], SCORES[:1])) == {"loss", "mse"}


def test_what_was_saved_is_loaded(tmp_path):
    regressor = regressor_of(TRAINED, low=0, high=5, max_length=20)
    regressor.dataset(PAIRS, SCORES)  # to train on
    with pytest.warns(UserWarning, match="give the part of it, from 0 to 1"):
        regressor.save(tmp_path / "saved")
    loaded = kerasbert.load(tmp_path / "saved")
    assert type(loaded) is kerasbert.TextRegressor
    assert loaded.options() == regressor.options() | {"pairs": True}
    np.testing.assert_array_equal(predicted(loaded, PAIRS), predicted(regressor, PAIRS))
    config = json.loads((tmp_path / "saved" / "config.json").read_text())
    assert config["architectures"] == ["BertForSequenceClassification"]
    assert config["id2label"] == {"0": "score"}


def test_a_head_of_one_class_is_kept_whatever_its_name(trained, tmp_path):
    trained.save(tmp_path / "model")
    file = tmp_path / "model" / "config.json"
    config = json.loads(file.read_text()) | {"id2label": {"0": "likeness"}}
    file.write_text(json.dumps(config))
    np.testing.assert_array_equal(
        predicted(regressor_of(tmp_path / "model"), PAIRS),
        predicted(trained, PAIRS),
    )


def test_no_texts_have_no_scores(trained):
    assert trained.predict([]) == []


@pytest.mark.parametrize(
    "scores, message",
    [
        ([1, 2], "a target for each of 3 examples, got 2"),
        ([1, "much", 2], "a number at position 1, got 'much'"),
        ([1, 2, float("nan")], "a score from 0 to 5 at position 2, got nan"),
        ([1, 5.5, 2], "a score from 0 to 5 at position 1, got 5.5"),
    ],
)
def test_scores_that_are_none_are_refused(trained, scores, message):
    ranged = kerasbert.TextRegressor(trained.model, trained.tokenizer, low=0, high=5)
    with pytest.raises(ValueError, match=message):
        ranged.fit(["a", "b", "c"], scores)


@pytest.mark.parametrize("options", [{"low": 0}, {"low": 5, "high": 5}])
def test_a_range_has_two_ends(trained, options):
    with pytest.raises(ValueError, match="the lowest score and the highest"):
        kerasbert.TextRegressor(trained.model, trained.tokenizer, **options)


def test_a_model_of_several_classes_is_refused():
    classifier = kerasbert.TextClassifier.from_pretrained(TINY, labels=["a", "b"])
    with pytest.raises(ValueError, match="one class.*kerasbert.TextClassifier"):
        kerasbert.TextRegressor(classifier.model, classifier.tokenizer)
