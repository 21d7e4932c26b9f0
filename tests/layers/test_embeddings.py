import numpy as np
import pytest

from kerasbert.layers import Embeddings, FactorizedEmbeddings
from tests import reference
from tests.harness import BATCH, D, V, numpy, randomise

IDS = BATCH["token_ids"], BATCH["segment_ids"]


def made(layer):
    layer(*IDS)
    return randomise(layer)


def test_token_segment_and_position_add_up():
    layer = Embeddings(3, 2, max_positions=4, name="embeddings")
    layer.build((None, None))
    layer.token_embedding.set_weights([np.array([[0, 0], [1, 0], [2, 0]])])
    layer.segment_embedding.set_weights([np.array([[0, 0], [0, 7]])])
    layer.position_embedding.set_weights([np.array([[0, 0], [9, 0], [0, 0], [0, 50]])])
    out = numpy(layer(np.array([[1, 2, 0, 0]]), np.array([[0, 1, 0, 0]])))
    # Sums (1, 0), (11, 7), (0, 0), (0, 50); two values normalise to 1 and -1.
    np.testing.assert_allclose(out[0], [[1, -1], [1, -1], [0, 0], [-1, 1]], atol=1e-6)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Embeddings(V, D, 16, name="embeddings"),
        lambda: FactorizedEmbeddings(V, 4, D, max_positions=16, name="embeddings"),
    ],
    ids=["BERT", "ALBERT"],
)
def test_embeddings_are_the_reference(make):
    layer = made(make())
    weights = reference.under(reference.weights_of(layer), "embeddings")
    np.testing.assert_allclose(
        numpy(layer(*IDS)), reference.embeddings(*IDS, weights), rtol=1e-5, atol=3e-6
    )


def test_factorised_tables_are_narrow():
    layer = made(FactorizedEmbeddings(100, 4, 32, max_positions=16))
    assert layer.token_embedding.embeddings.shape == (100, 4)
    # tokens, segments, positions, norm, projection
    assert layer.count_params() == 100 * 4 + 2 * 4 + 16 * 4 + 2 * 4 + 4 * 32 + 32


def test_packed_tokens_take_their_positions_along():
    layer = made(Embeddings(V, D, 16))
    tokens = BATCH["padding_mask"].astype(bool)
    positions = np.nonzero(tokens)[1]
    packed = layer(IDS[0][tokens], IDS[1][tokens], positions)
    np.testing.assert_allclose(numpy(packed), numpy(layer(*IDS))[tokens], atol=1e-6)


def test_as_many_tokens_as_positions_pass_and_one_more_is_refused():
    layer = Embeddings(V, D, max_positions=4)
    ids = np.ones((1, 5), "int32")
    layer(ids[:, :4], ids[:, :4])
    with pytest.raises(ValueError, match="at most 4 tokens.*got 5.*max_length=4"):
        layer(ids, ids)


def test_dropout_is_active_in_training_alone():
    layer = made(Embeddings(V, D, 16, dropout=0.5))
    assert (numpy(layer(*IDS, training=True)) == 0).mean() > 0.3
    np.testing.assert_array_equal(
        numpy(layer(*IDS, training=False)), numpy(layer(*IDS))
    )
