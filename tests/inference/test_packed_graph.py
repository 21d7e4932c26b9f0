"""The graph of packed tokens against the model that it is made of, as a server has it.

Servers optimise graphs with constants otherwise than graphs with variables: on some
processors a layer normalisation, written as TensorFlow's own, loses its epsilon.
"""

import numpy as np
import pytest
import tensorflow as tf

import kerasbert
from kerasbert.export.saved_model import save
from kerasbert.inference.packed_graph import (
    best_split,
    groups_of_like_length,
    packing_of_rows,
    tokens_to_fill,
)
from kerasbert.layers import GroupedPacking, MultiHeadAttention
from kerasbert.layers.packing import with_padding
from kerasbert.text.wordpiece import WordPieceTokenizer as Tokenizer
from tests.export.served import Served
from tests.harness import randomise

# The model's table has more rows than the vocabulary, for ids that it lacks.
pytestmark = pytest.mark.filterwarnings("ignore:The vocabulary has 13 tokens")

B, S, V = 5, 9, 40
rng = np.random.default_rng(0)
TOKEN_IDS = rng.integers(0, V, (B, S)).astype("int32")
SEGMENT_IDS = rng.integers(0, 2, (B, S)).astype("int32")
MASKS = np.array(
    [
        [1, 1, 1, 1, 1, 1, 1, 1, 1],
        [1, 1, 1, 0, 0, 0, 0, 0, 0],
        [1, 0, 1, 1, 0, 1, 0, 0, 1],  # holes
        [0, 0, 1, 1, 1, 0, 0, 0, 0],  # padding before the tokens
        [0, 0, 0, 0, 0, 0, 0, 0, 0],  # padding alone
    ],
    "int32",
)
BERT = {
    "vocab_size": V,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 12,
}
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefgh"]


def bert(activation):
    return kerasbert.BertEncoder(kerasbert.BertConfig(**BERT, hidden_act=activation))


def albert():
    config = kerasbert.AlbertConfig(**BERT, embedding_size=8, inner_group_num=2)
    return kerasbert.AlbertEncoder(config)


CASES = {
    "erf GELU, mean and max": (lambda: bert("gelu"), {"pooling": ["mean", "max"]}),
    "ReLU, CLS and square root": (
        lambda: bert("relu"),
        {"pooling": ["cls", "sqrt_length"]},
    ),
    "ALBERT, tanh GELU, dense layer, length 1": (
        albert,
        {
            "pooling": "mean",
            "projections": [{"units": 6, "activation": "tanh", "use_bias": True}],
            "normalize": True,
        },
    ),
}


@pytest.fixture(scope="module", params=CASES)
def case(request, tmp_path_factory):
    """An embedder with random weights, and its signature `tokens` in a session."""
    make, options = CASES[request.param]
    embedder = kerasbert.TextEmbedder(make(), Tokenizer(VOCABULARY), **options)
    randomise(embedder.model)
    return embedder, serve(embedder, tmp_path_factory.mktemp("model"))


def serve(embedder, folder):
    functions = embedder.serving_functions("float32", 12)
    save({"tokens": functions["tokens"]}, folder)
    return Served(folder)


def inputs(rows=slice(None)):
    return {
        "token_ids": TOKEN_IDS[rows],
        "segment_ids": SEGMENT_IDS[rows],
        "padding_mask": MASKS[rows],
    }


def test_it_computes_what_the_model_does_for_any_mask(case):
    embedder, served = case
    vectors = served("tokens", **inputs())["embedding"]
    expected = embedder.model(inputs())["embedding"]
    assert np.isfinite(vectors).all()
    np.testing.assert_allclose(vectors[:4], expected[:4], 1e-5, 1e-5)


def test_batches_have_few_numbers_of_tokens_and_no_more_than_they_need():
    counts = np.arange(5000)
    fill = tf.vectorized_map(tokens_to_fill, tf.constant(counts, tf.int32)).numpy()
    found = counts + fill
    assert len(set(found)) < 240
    assert found[:10].tolist() == [0, 8, 8, 8, 8, 8, 8, 8, 8, 9]
    assert not fill[8:33].any()  # one short text is computed alone
    assert found[33:38].tolist() == [36, 36, 36, 36, 40]
    assert ((fill >= 0) & (fill < np.maximum(counts / 32, 8))).all()


def test_a_group_takes_one_gather_and_no_index_is_computed():
    layer = MultiHeadAttention(2)
    layer.build((None, 8))

    @tf.function(input_signature=[tf.TensorSpec([None, 8])])
    def attend(tokens):
        packing = GroupedPacking((tf.constant([[0, 1]]),), tf.constant([0, 1]))
        bias = (tf.zeros((1, 1, 1, 2)),)
        return layer(tokens, attention_bias=bias, packing=packing)

    kinds = [x.type for x in attend.get_concrete_function().graph.get_operations()]
    assert kinds.count("GatherV2") == 2  # to the rows, and back to the tokens
    assert not {"SelectV2", "Less"} & set(kinds)
    tokens = rng.normal(size=(2, 8)).astype("float32")
    alone = layer(tokens[None])[0]
    np.testing.assert_allclose(attend(tokens), alone, 1e-5, 1e-6)


def test_rows_do_not_see_each_other(case):
    _, served = case
    together = served("tokens", **inputs())["embedding"]
    for row in range(B):
        alone = served("tokens", **inputs([row]))["embedding"]
        np.testing.assert_allclose(alone[0], together[row], 1e-5, 1e-6)


def test_no_rows_give_no_vectors(case):
    embedder, served = case
    vectors = served("tokens", **inputs(slice(0, 0)))["embedding"]
    assert vectors.shape == (0, embedder.size)


def test_epsilon_is_that_of_the_model_where_the_variance_is_small(tmp_path):
    embedder = kerasbert.TextEmbedder(bert("gelu"), Tokenizer(VOCABULARY))
    randomise(embedder.model)
    encoder = embedder.encoder
    tables = [encoder.embeddings.token_embedding, encoder.embeddings.segment_embedding]
    for table in [*tables, encoder.embeddings.position_embedding]:
        table.embeddings.assign(table.embeddings * 1e-4)
    for block in encoder.blocks:  # what every layer adds is small, and so is its norm
        for norm in (block.attention_norm, block.feed_forward_norm):
            norm.gamma.assign(norm.gamma * 1e-3)
            norm.beta.assign(norm.beta * 1e-3)
        for dense in (block.attention.output_dense, block.feed_forward.output_dense):
            dense.kernel.assign(dense.kernel * 1e-3)
            dense.bias.assign(dense.bias * 1e-3)
    vectors = serve(embedder, tmp_path)("tokens", **inputs())["embedding"]
    expected = embedder.model(inputs())["embedding"].numpy()
    scale = np.abs(expected).max()
    assert scale < 0.01  # and so an epsilon of 0.001 would not hide
    np.testing.assert_allclose(vectors / scale, expected / scale, 0, 1e-4)


def test_inputs_of_different_shapes_are_refused(case):
    _, served = case
    wrong = inputs() | {"segment_ids": SEGMENT_IDS[:, :4]}
    with pytest.raises(tf.errors.InvalidArgumentError):
        served("tokens", **wrong)


def test_an_id_that_the_model_lacks_is_refused_and_the_next_request_answered(case):
    _, served = case
    with pytest.raises(tf.errors.InvalidArgumentError):
        served("tokens", **inputs() | {"token_ids": TOKEN_IDS + V})
    assert served("tokens", **inputs())["embedding"].shape[0] == B


def test_rows_in_groups_are_the_rows_and_short_ones_are_padded_less():
    packed = MASKS.copy()
    packed[:, 0] = 1  # the first slot of a row is always there
    packing, _ = packing_of_rows(tf.constant(packed))
    tokens = tf.range(int(packed.sum()))[:, None]  # [T, 1]
    grouped, masks = groups_of_like_length(packing, packed, tf.constant(MASKS))
    assert sorted(tf.concat([tf.reduce_sum(m, 1) for m in masks], 0).numpy()) == sorted(
        MASKS.sum(1)
    )
    widths = [mask.shape[1] for mask in masks if len(mask)]
    assert widths == sorted(widths) and widths[0] < widths[-1] == S
    biases = tuple(mask[:, :, None] for mask in masks)  # [B, S, 1]

    def own_and_count(rows, bias):
        """Of each slot: its token, and how many slots of its row are attended to."""
        count = tf.reduce_sum(bias, 1, keepdims=True) * tf.ones_like(rows)
        return tf.concat([rows, count], -1)

    found = with_padding(own_and_count, tokens, grouped, biases).numpy()
    rows = np.nonzero(packed)[0]
    np.testing.assert_array_equal(found[:, 0], np.arange(len(rows)))
    np.testing.assert_array_equal(found[:, 1], MASKS.sum(1)[rows])


def test_rows_are_split_where_the_squares_of_their_slots_add_up_to_the_least():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        lengths = np.sort(rng.integers(1, 50, rng.integers(1, 9)))
        sums = [
            k * (lengths[k - 1] if k else 1) ** 2
            + (len(lengths) - k) * lengths[-1] ** 2
            for k in range(len(lengths) + 1)
        ]
        assert sums[best_split(tf.constant(lengths, tf.int32))] == min(sums)
    assert best_split(tf.zeros([0], tf.int32)) == 0
