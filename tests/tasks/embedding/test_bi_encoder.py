import keras
import numpy as np
import pytest

import kerasbert
from kerasbert.metrics import pearson, spearman
from kerasbert.tasks import semantic_search
from kerasbert.training.fit import Run
from kerasbert.training.similarity_losses import (
    CosineSimilarityLoss,
    OnlineContrastiveLoss,
)
from tests.tasks.conftest import FIXTURES
from tests.training.killed import KillAfter, Killed

MEAN = FIXTURES / "sentence_mean" / "sentence_transformers"
PAIRS = [
    ("the film is good", "a good film"),
    ("the river was quiet", "we read the book"),
    ("quiet in the morning", "a quiet morning"),
    ("a bad, slow film!", "I love you"),
    ("the book", "we read and play in the world"),
]
SCORES = [1.0, 0.1, 0.8, 0.0, 0.3]
POSITIVES = [positive for _, positive in PAIRS]
TRIPLETS = [
    (*pair, negative)
    for pair, negative in zip(PAIRS, POSITIVES[1:] + POSITIVES[:1], strict=True)
]


@pytest.fixture
def fresh():
    """An embedder that a test may train."""
    keras.utils.set_random_seed(0)
    return kerasbert.TextEmbedder.from_pretrained(MEAN)


def cosines_of(embedder, pairs):
    first, second = (embedder.encode(list(texts)) for texts in zip(*pairs, strict=True))
    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return (first * second).sum(axis=1) / norms


def test_the_similarity_of_a_pair_is_the_cosine_of_its_vectors(embedder):
    expected = cosines_of(embedder, PAIRS)
    np.testing.assert_allclose(embedder.similarity(PAIRS), expected, atol=1e-6)
    found = [answer["score"] for answer in embedder.predict(PAIRS)]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_the_answer_for_a_text_is_its_embedding(embedder):
    [answer] = embedder.predict(["the film is good"])
    np.testing.assert_array_equal(
        np.array(answer["embedding"], "float32"),
        embedder.encode(["the film is good"])[0],
    )
    assert embedder.predict([]) == []


def test_a_batch_holds_the_texts_of_each_example_in_turn(fresh):
    fresh.compile("adam", loss="multiple_negatives")
    dataset = fresh.dataset(TRIPLETS, batch_size=2, shuffle=False)
    texts = {}
    for inputs, targets in dataset:
        rows = inputs["token_ids"].numpy()
        assert len(rows) == 3 * len(targets["embedding"])
        numbers = targets["embedding"].numpy().ravel().astype(int)
        decoded = fresh.tokenizer.decode(rows.tolist(), skip_special_tokens=True)
        texts |= dict(zip(numbers.tolist(), decoded, strict=True))
    flat = [text for triplet in TRIPLETS for text in triplet]
    different = dict.fromkeys(flat)
    expected = fresh.tokenizer.decode(
        fresh.tokenizer.encode(list(different)), skip_special_tokens=True
    )
    assert texts == dict(enumerate(expected))


def test_the_loss_is_that_of_the_vectors(fresh):
    fresh.compile(loss="cosine")
    found = fresh.evaluate(PAIRS, SCORES)
    cosines = cosines_of(fresh, PAIRS)
    assert found["loss"] == pytest.approx(np.mean((cosines - SCORES) ** 2), rel=1e-4)
    assert found["pearson"] == pytest.approx(pearson(cosines, SCORES), abs=1e-5)
    assert found["spearman"] == pytest.approx(spearman(cosines, SCORES))


def test_it_learns_the_scores_of_pairs(fresh):
    fresh.compile(kerasbert.Recipe(learning_rate=5e-3))
    before = fresh.evaluate(PAIRS, SCORES)
    pooler = [variable.numpy() for variable in fresh.encoder.pooler.variables]
    report = fresh.fit(
        PAIRS, SCORES, (PAIRS, SCORES), epochs=12, batch_size=5, verbose=0
    )
    after = fresh.evaluate(PAIRS, SCORES)
    assert after["loss"] < before["loss"] and after["spearman"] > 0.85
    assert report.history["val_spearman"][-1] == after["spearman"]
    for variable, values in zip(fresh.encoder.pooler.variables, pooler, strict=True):
        np.testing.assert_array_equal(variable.numpy(), values)


@pytest.mark.slow
def test_it_learns_texts_that_belong_together(fresh):
    fresh.compile(kerasbert.Recipe(learning_rate=5e-3))
    report = fresh.fit(TRIPLETS, None, (TRIPLETS,), epochs=15, batch_size=5, verbose=0)
    assert report.history["loss"][-1] < report.history["loss"][0] / 2
    found = fresh.evaluate(TRIPLETS)
    assert found["accuracy"] == 1.0 == found["mrr"]
    assert report.history["val_mrr"][-1] == found["mrr"]
    # What is trained so is tested on scores, too.
    assert set(fresh.evaluate(PAIRS, SCORES)) == {"loss", "pearson", "spearman"}


def test_accuracy_and_mrr_are_those_of_a_search(embedder):
    anchors, positives = (list(texts) for texts in zip(*PAIRS, strict=True))
    numbers, _ = semantic_search(embedder.encode(anchors), embedder.encode(positives))
    places = [row.tolist().index(i) for i, row in enumerate(numbers)]
    found = embedder.answer_metrics(PAIRS)
    assert found["accuracy"] == np.mean([place == 0 for place in places])
    assert found["mrr"] == pytest.approx(np.mean([1 / (1 + place) for place in places]))


@pytest.mark.slow
def test_a_plain_keras_fit_takes_the_dataset(fresh):
    fresh.compile(keras.optimizers.Adam(5e-3), loss="contrastive")
    dataset = fresh.dataset(PAIRS, [1, 0, 1, 0, 0], batch_size=3)
    assert len(dataset) == 2
    fresh.model.fit(dataset, epochs=8, shuffle=False, verbose=0)
    cosines = fresh.similarity(PAIRS)
    assert min(cosines[[0, 2]]) > max(cosines[[1, 3, 4]])


@pytest.mark.slow
def test_it_learns_in_half_precision():
    embedder = kerasbert.TextEmbedder.from_pretrained(MEAN, dtype="mixed_bfloat16")
    embedder.compile(
        kerasbert.Recipe(learning_rate=5e-3), loss=CosineSimilarityLoss(low=-1)
    )
    report = embedder.fit(PAIRS, SCORES, epochs=8, batch_size=5, verbose=0)
    assert report.history["loss"][-1] < report.history["loss"][0]
    assert {v.dtype for v in embedder.model.trainable_variables} == {"float32"}


def test_the_prompt_that_a_model_always_wants_is_trained_with(embedder):
    prompted = kerasbert.TextEmbedder(
        embedder.encoder, embedder.tokenizer, prompts={"query": "the film "}
    )
    prompted.default_prompt = "query"
    [first, second] = prompted.features([("is good", "is bad")], [1]).inputs[
        "token_ids"
    ]
    assert embedder.tokenizer.encode(["the film is good", "the film is bad"]) == [
        first.tolist(),
        second.tolist(),
    ]


def test_what_was_saved_is_loaded_as_a_task(fresh, tmp_path):
    fresh.model.set_weights([weights * 0.9 for weights in fresh.model.get_weights()])
    fresh.save(tmp_path / "saved")
    loaded = kerasbert.load(tmp_path / "saved")
    assert type(loaded) is kerasbert.TextEmbedder and loaded.kind == "embed"
    np.testing.assert_array_equal(loaded.similarity(PAIRS), fresh.similarity(PAIRS))


@pytest.mark.parametrize(
    "loss, inputs, targets, error, message",
    [
        (
            "cosine",
            PAIRS,
            [5, 4, 3, 2, 1],
            ValueError,
            "from -1 to 1 at pos.* 0.*cosent",
        ),
        ("contrastive", PAIRS, [-1] * 5, ValueError, "score from 0 to 1 at position 0"),
        ("cosent", PAIRS, [1, 2], ValueError, "a target for each of 5 examples, got 2"),
        ("cosent", PAIRS, None, ValueError, "with a score each.*got no scores"),
        ("cosent", TRIPLETS, SCORES, ValueError, "got 3 texts an example"),
        (None, ["a text"], [1], TypeError, "a tuple of 6 texts at position 0, got str"),
        (None, [("a", "b"), ("c",)], None, TypeError, "of 2 texts at position 1"),
        (None, [("a", None)], [1], TypeError, "a tuple of 2 texts at position 0"),
        (None, [], [], ValueError, "two texts or more, got none"),
    ],
)
def test_examples_that_are_none_are_refused(
    fresh, loss, inputs, targets, error, message
):
    fresh.compile(loss=loss)
    with pytest.raises(error, match=message):
        fresh.fit(inputs, targets)


def test_weights_are_for_losses_of_single_examples(fresh):
    fresh.compile(loss="cosent")
    with pytest.raises(ValueError, match="Expected no sample_weight with CoSENTLoss"):
        fresh.fit(PAIRS, SCORES, sample_weight=np.ones(5, "float32"))


def test_the_loss_is_said_where_the_embedder_is_made():
    embedder = kerasbert.TextEmbedder.from_pretrained(MEAN, loss="online_contrastive")
    embedder.compile(kerasbert.Recipe())
    assert type(embedder.loss) is OnlineContrastiveLoss
    with pytest.raises(ValueError, match="a loss among cosine.*got 'triplet'"):
        kerasbert.TextEmbedder.from_pretrained(MEAN, loss="triplet")


@pytest.mark.parametrize("loss", ["cosent", "multiple_negatives"])
def test_a_run_that_is_killed_goes_on_to_the_same_weights(loss, tmp_path):
    """With dropout, from every step; each time in an embedder that knows nothing."""
    inputs, targets = (PAIRS, SCORES) if loss == "cosent" else (TRIPLETS, None)

    def train(run, *callbacks):
        embedder = kerasbert.TextEmbedder.from_pretrained(MEAN)
        embedder.compile(kerasbert.Recipe(1e-2), loss=loss, run_eagerly=True)
        options = {"epochs": 2, "batch_size": 2, "verbose": 0, "checkpoints": run}
        report = embedder.fit(inputs, targets, callbacks=callbacks, **options)
        return embedder, report.history

    uninterrupted, expected = train(None)
    run = Run(tmp_path, every=1)
    for batches in (1, 2, 2):
        with pytest.raises(Killed):
            train(run, KillAfter(batches))
    embedder, history = train(run)
    assert history == expected
    pairs = zip(embedder.model.weights, uninterrupted.model.weights, strict=True)
    for one, two in pairs:
        np.testing.assert_array_equal(one.numpy(), two.numpy(), err_msg=one.path)
