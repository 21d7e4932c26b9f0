import pathlib

import keras
import numpy as np
import pytest

import kerasbert
from kerasbert.checkpoints import read_checkpoint
from kerasbert.compression import Distiller, student_of
from kerasbert.compression.distiller import compare_vectors, without_dropout
from kerasbert.compression.losses import CosineDistance, InnerLosses, SoftLabels
from kerasbert.training import RoundedRecipe
from tests.tasks.test_before_training import made

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures"
SOURCE = FIXTURES / "sentence_mean" / "sentence_transformers"
TEXTS = ["a cat", "the bank", "hello", "it rains"]


@pytest.fixture(scope="module")
def teacher():
    return kerasbert.TextEmbedder.from_pretrained(SOURCE)


@pytest.fixture(scope="module")
def trained(teacher):
    """A student of one layer, distilled with every loss."""
    student = student_of(teacher, layers=[-1])
    distiller = Distiller(teacher, student, hidden_states=1.0, attention=1.0)
    distiller.compile(kerasbert.Recipe(1e-2, warmup=0.0))
    before = distiller.evaluate(TEXTS)
    history = distiller.fit(
        TEXTS, validation_data=TEXTS, epochs=12, batch_size=4, verbose=0
    )
    return distiller, before, history.history


def test_all_losses_fall_and_the_student_comes_nearer(trained):
    distiller, before, history = trained
    for name in ("embedding_loss", "hidden_states_loss", "attention_loss", "val_loss"):
        assert history[name][-1] < 0.8 * history[name][0], name
    after = distiller.evaluate(TEXTS)
    assert after["cosine"] > before["cosine"]
    assert after["worst_cosine"] > before["worst_cosine"]


def test_the_teacher_and_dropout_rates_stay_as_they_were(trained, teacher):
    distiller, *_ = trained
    checkpoint = read_checkpoint(SOURCE)
    path = "layer_0/attention/query/kernel"
    kernel = teacher.encoder.blocks[0].attention.query_dense.kernel
    np.testing.assert_array_equal(kernel, checkpoint.weights[path]())
    with without_dropout(distiller.model):
        rates = {x.rate for x in _dropouts(distiller.model)}
        assert rates == {0.0}
    assert {x.rate for x in _dropouts(distiller.model)} != {0.0}
    ours = sum(np.prod(w.shape) for w in distiller.model.weights)
    assert ours == sum(np.prod(w.shape) for w in distiller.student.model.weights)


def _dropouts(model):
    return [x for x in model._flatten_layers() if isinstance(x, keras.layers.Dropout)]


def test_a_student_with_all_layers_has_no_inner_loss(teacher):
    distiller = Distiller(
        teacher, student_of(teacher), output=0, hidden_states=1, attention=1
    )
    features = distiller.features(TEXTS)
    inputs, targets, _ = features.batch(range(len(TEXTS)))
    outputs = distiller.model(inputs)
    assert set(targets) == {"hidden_states", "attention"}
    np.testing.assert_allclose(outputs["hidden_states"], np.zeros(4), atol=1e-10)
    np.testing.assert_allclose(outputs["attention"], np.zeros(4), atol=1e-6)


def test_inner_losses_are_those_by_hand(teacher):
    student = student_of(teacher, layers=[0])
    distiller = Distiller(teacher, student, hidden_states=1, attention=1, layers=[1])
    inputs, _, _ = distiller.features(TEXTS).batch([0, 3])
    outputs = distiller.model(inputs)
    ours, theirs = (
        task.encoder.attention_model()(inputs) for task in (student, teacher)
    )
    mask = inputs["padding_mask"]
    hidden, attention = [], []
    for row, length in enumerate(mask.sum(axis=1)):
        errors = []
        for own, other in ((0, 0), (1, 2)):
            found = np.asarray(ours["hidden_states"][own])[row, :length]
            wanted = np.asarray(theirs["hidden_states"][other])[row, :length]
            errors.append(((found - wanted) ** 2).sum() / (wanted**2).sum())
        hidden.append(np.mean(errors))
        found = np.asarray(ours["attention_probs"][0])[row, :, :length, :length]
        wanted = np.asarray(theirs["attention_probs"][1])[row, :, :length, :length]
        gaps = (wanted * np.log(wanted / found)).sum(axis=-1)
        attention.append(gaps.mean())
    np.testing.assert_allclose(outputs["hidden_states"], hidden, rtol=1e-3)
    np.testing.assert_allclose(outputs["attention"], attention, rtol=1e-3)


def test_hidden_states_of_another_width_are_projected(teacher):
    config = kerasbert.BertConfig(
        *(teacher.encoder.config.vocab_size, 8, 1, 2, 16),
        max_position_embeddings=teacher.encoder.config.max_position_embeddings,
    )
    inner = InnerLosses(
        *(teacher.encoder, kerasbert.BertEncoder(config), [0], ["hidden_states"])
    )
    ids = np.array([[2, 3, 4]])
    found = inner([np.ones((1, 3, 8), "f")] * 2, ids, ids * 0, ids * 0 + 1)
    assert found["hidden_states"].shape == (1,)
    assert inner.projection.kernel.shape == (8, teacher.encoder.config.hidden_size)


def test_losses_by_hand():
    found = np.array([[3.0, 4.0]], "float32")
    assert float(CosineDistance()(np.array([[1.0, 0.0]]), found)) == pytest.approx(0.4)
    true, logits = np.array([[2.0, 0.0]]), np.array([[0.0, 0.0]])
    p = 1 / (1 + np.exp(-1.0))  # of the first class, at temperature 2
    divergence = p * np.log(2 * p) + (1 - p) * np.log(2 * (1 - p))
    assert float(SoftLabels(2.0)(true, logits)) == pytest.approx(4 * divergence, 1e-5)
    q = 1 / (1 + np.exp(-2.0))
    divergence = q * np.log(2 * q) + (1 - q) * np.log(2 * (1 - q))
    found = float(SoftLabels(independent=True)(true, logits))
    assert found == pytest.approx(divergence, 1e-5)


def test_vectors_are_compared_by_hand():
    wanted = np.array([[1.0, 0], [0.9, 0.1], [0, 1], [0.1, 0.9]], "float32")
    report = compare_vectors(wanted, wanted[[0, 1, 3, 2]], neighbours=1)
    cosine = 0.9 / np.sqrt(0.82)
    assert report["worst_cosine"] == pytest.approx(cosine, rel=1e-5)
    assert report["cosine"] == pytest.approx((2 + 2 * cosine) / 4, rel=1e-5)
    assert report["neighbours"] == 1.0
    report = compare_vectors(wanted, wanted[[0, 2, 1, 3]], neighbours=1)
    assert report["neighbours"] == 0.0


@pytest.mark.parametrize("name", ["TextClassifier", "TextRegressor"])
def test_a_classifier_and_a_regressor_learn_the_teachers_logits(name):
    teacher = made(name)
    random = np.random.default_rng(0)
    for weight in teacher.model.weights:
        weight.assign(weight + random.normal(0, 0.3, weight.shape))
    student = student_of(teacher, layers=[0])
    distiller = Distiller(teacher, student, temperature=2.0)
    distiller.compile(kerasbert.Recipe(1e-2, warmup=0.0), run_eagerly=True)
    before = distiller.evaluate(TEXTS)
    history = distiller.fit(TEXTS, epochs=8, batch_size=4, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    after = distiller.evaluate(TEXTS)
    assert after["mean_absolute_error"] < before["mean_absolute_error"]
    if name == "TextClassifier":
        assert after["agreement"] >= before["agreement"]
        assert student.labels == teacher.labels


def test_rounded_weights_are_distilled_and_saved_as_they_are(teacher, tmp_path):
    student = student_of(teacher)
    distiller = Distiller(teacher, student)
    distiller.compile(RoundedRecipe(1e-3, bits=4), run_eagerly=True)
    distiller.fit(TEXTS, epochs=4, batch_size=4, verbose=0)
    student.save(tmp_path / "packed", bits=4)
    again = kerasbert.load(tmp_path / "packed")
    np.testing.assert_array_equal(again.encode(TEXTS), student.encode(TEXTS))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"output": -1}, "Expected weights of 0 or above"),
        ({"temperature": 0}, "a temperature above 0, got"),
        ({"output": 0}, "Expected a weight above 0 for some loss"),
        ({"attention": 1, "layers": [0, 1]}, "Expected 1 layers, one for each"),
        ({"hidden_states": 1, "layers": [2]}, r"from 0 to 1 \(the teacher's\)"),
    ],
)
def test_bad_settings_are_refused(teacher, options, told):
    with pytest.raises(ValueError, match=told):
        Distiller(teacher, student_of(teacher, layers=[0]), **options)


def test_tasks_that_do_not_fit_are_refused(teacher):
    with pytest.raises(ValueError, match="got a TextEmbedder and a TextClassifier"):
        Distiller(teacher, made("TextClassifier"))
    with pytest.raises(ValueError, match="got a TokenClassifier and a TokenClassifier"):
        Distiller(made("TokenClassifier"), made("TokenClassifier"))
    with pytest.raises(ValueError, match="Expected texts to distill on, got none"):
        Distiller(teacher, student_of(teacher, layers=[0])).fit([])
    with pytest.raises(ValueError, match="Expected targets for 1 texts, got 2"):
        Distiller(teacher, teacher).fit(["a"], targets=np.zeros((2, 4)))
