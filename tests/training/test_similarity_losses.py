import keras
import numpy as np
import pytest
from keras import ops

from kerasbert.training import similarity_losses as losses

# Embeddings of the first, second and third text of six examples.
TEXTS = np.array(
    [
        [
            [0.4, 0.7, 0.1, -0.5],
            [-0.1, -0.6, 0.5, 1.7],
            [-0.1, -0.2, 0.9, 0.8],
            [0.5, -0.5, 0.4, 1.1],
            [-0.9, -0.1, -1.5, -0.9],
            [-1.4, 0.2, -0.9, 0.7],
        ],
        [
            [0.6, 0.2, -2.1, -0.1],
            [0.4, 0.5, -1.1, -0.1],
            [-0.6, -0.4, 1.5, -0.4],
            [0.4, 1.3, -0.2, 0.3],
            [0.5, 0.5, -0.8, 0.5],
            [1.8, -1.1, 1.3, 0.5],
        ],
        [
            [-0.2, 2.4, 1.2, -0.8],
            [0.5, 1.0, 0.2, 1.1],
            [0.3, 1.1, 1.8, -0.3],
            [0.6, -0.1, 0.5, -0.8],
            [-0.2, 0.2, 1.3, 1.5],
            [-0.9, -0.4, 1.0, -1.6],
        ],
    ],
    "float32",
)
SCORES = np.array([0.9, 0.2, 0.5, 1.0, 0.2, 0.0], "float32")
LABELS = np.array([1, 0, 1, 1, 0, 0], "float32")
NUMBERS = np.arange(18, dtype="float32").reshape(6, 3)  # all texts differ

# What sentence-transformers 6.2 gives for them in float64: the loss, the norm of its
# gradient in the first texts, and its gradient in the second text of the first example.
EXPECTED = {
    "cosine": (
        *(0.4795337729935043, 0.4085941438612043),
        [-0.047145033569, -0.087412562241, -0.024780017644, 0.062685044634],
    ),
    "cosent": (
        *(13.256052605692908, 19.720060684587217),
        [-0.053220271372, -0.098676783780, -0.027973238405, 0.070762810711],
    ),
    "contrastive": (
        *(0.18457544845977147, 0.2111308147242256),
        [-0.026537784655, -0.049204244378, -0.013948590598, 0.035285205878],
    ),
    "online_contrastive": (
        *(2.0196234107817332, 2.461792280157324),
        [-0.318453415868, -0.590450932540, -0.167383087182, 0.423422470542],
    ),
    "multiple_negatives": (
        *(12.864712574763976, 6.086076297897927),
        [-2.114848428841, -1.166932456609, -0.742097189458, 0.561085492365],
    ),
    "multiple_negatives of three": (
        *(16.012652627605195, 7.063376565750478),
        [-2.103453630346, -1.168087395454, -0.738702474490, 0.555855391341],
    ),
}


def stacked(count=2):
    """The embeddings as a model gives them: the texts of an example in turn."""
    return np.swapaxes(TEXTS[:count], 0, 1).reshape(6 * count, -1)


def targets_of(name):
    if "multiple" in name:
        return NUMBERS[:, : 3 if "three" in name else 2]
    return LABELS if "contrastive" in name else SCORES


def value(loss, targets, embeddings):
    return float(losses.similarity_loss(loss)(targets, embeddings))


@pytest.mark.parametrize("name", EXPECTED)
def test_a_loss_and_its_gradient_are_those_of_sentence_transformers(name):
    tf = pytest.importorskip("tensorflow")
    expected, norm, gradient = EXPECTED[name]
    loss = losses.similarity_loss(name.split()[0])
    embeddings = tf.Variable(stacked(3 if "three" in name else 2))

    @tf.function(jit_compile=False)
    def found_loss(targets):  # of batches of any size
        with tf.GradientTape() as tape:
            found = loss(targets, embeddings)
        return found, tape.gradient(found, embeddings)

    targets = targets_of(name)
    spec = tf.TensorSpec([None] * targets.ndim, tf.float32)
    found, gradients = found_loss.get_concrete_function(spec)(tf.constant(targets))
    gradients = gradients.numpy().reshape(6, -1, 4)
    assert float(found) == pytest.approx(expected, rel=2e-6)
    assert np.linalg.norm(gradients[:, 0]) == pytest.approx(norm, rel=1e-5)
    np.testing.assert_allclose(gradients[0, 1], gradient, rtol=2e-5, atol=1e-7)


@pytest.mark.parametrize(
    "label, expected", [(1, 6.4529028287109025), (0, 0.0033747737636665577)]
)
def test_hard_pairs_of_one_kind_alone_are_those_beyond_the_mean(label, expected):
    found = value("online_contrastive", np.full(6, label, "float32"), stacked())
    assert found == pytest.approx(expected, rel=1e-5)


def test_scores_of_any_range_become_cosines():
    loss = losses.CosineSimilarityLoss(low=1, high=5)
    found = float(loss(1 + 4 * SCORES, stacked()))
    assert found == pytest.approx(EXPECTED["cosine"][0], rel=1e-5)
    assert (loss.lowest, loss.highest) == (-3, 5)


def test_cosent_sees_the_order_of_the_scores_alone():
    found = value("cosent", 100 * SCORES - 7, stacked())
    assert found == pytest.approx(EXPECTED["cosent"][0], rel=2e-6)


@pytest.mark.parametrize(
    "change, left_out",
    [
        ((3, 0, 0), [(0, 3), (3, 0)]),  # example 3 has the anchor of example 0
        ((3, 1, 1), [(0, 3), (3, 0)]),  # example 3 has the positive of example 0
        ((3, 1, 0), [(0, 3)]),  # the positive of example 3 is the anchor of 0
    ],
)
def test_a_text_is_no_negative_of_itself(change, left_out):
    numbers = NUMBERS[:, :2].copy()
    row, column, same_as = change
    numbers[row, column] = numbers[0, same_as]
    unit = TEXTS / np.linalg.norm(TEXTS, axis=-1, keepdims=True)
    logits = 20 * unit[0].astype("float64") @ unit[1].T
    own = np.diagonal(logits).copy()
    for place in left_out:
        logits[place] = -np.inf
    expected = np.mean(np.log(np.exp(logits).sum(axis=1)) - own)
    assert value("multiple_negatives", numbers, stacked()) == pytest.approx(
        expected, rel=1e-5
    )


def test_examples_have_weights_where_each_has_a_loss():
    weights = np.array([1, 0, 2, 0, 0, 0], "float32")
    for name in ("cosine", "contrastive", "multiple_negatives"):
        loss, targets = losses.similarity_loss(name), targets_of(name)
        alone = loss.call(ops.convert_to_tensor(targets), stacked())
        found = loss(targets, stacked(), sample_weight=weights)
        assert float(found) == pytest.approx(float(ops.mean(alone * weights)), rel=1e-5)
        assert loss.weighs_examples


@pytest.mark.parametrize("name", losses.LOSSES)
def test_a_loss_is_made_again_from_its_config(name):
    loss = losses.similarity_loss(name)
    config = keras.saving.serialize_keras_object(loss)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(loss) and again.get_config() == loss.get_config()


def test_losses_that_there_are_not_are_refused():
    with pytest.raises(ValueError, match="a loss among cosine, cosent.*got 'triplet'"):
        losses.similarity_loss("triplet")
