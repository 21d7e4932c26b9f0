import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasbert.export import export_task
from kerasbert.inference import int8_products
from kerasbert.inference.calibration import (
    block_products,
    calibration_texts,
    largest_inputs,
)
from kerasbert.inference.int8_products import OPERATION, codes_of_weights
from kerasbert.inference.matmul_overrides import (
    kernel_and_bias,
    method_of,
    override_matmuls,
)
from kerasbert.inference.serving_graph import frozen
from tests.export.served import MODELS, TEXTS, Served, cosines, embedder_of, texts_of
from tests.export.test_operations import meta_graph_of, operations_of

pytestmark = [
    pytest.mark.usefixtures("truncation_is_known"),
    pytest.mark.skipif(
        int8_products.operation_is_missing(), reason="this TensorFlow has no int8"
    ),
]


@pytest.fixture(scope="module", params=MODELS)
def case(request, tmp_path_factory):
    """An embedder, its version folder in int8, and that in a session."""
    embedder = embedder_of(request.param)
    folder = tmp_path_factory.mktemp("int8") / "model"
    version = export_task(embedder, folder, "int8", token_layers=(-1,))
    return embedder, version, Served(version)


@pytest.fixture(scope="module")
def products():
    """The dense layers of a tiny BERT, and what stands in for them."""
    model, constants = frozen(embedder_of("sentence_mean").model)
    encoder = model.encoder
    rng = np.random.default_rng(0)
    largest = {
        layer: rng.uniform(0.5, 8, kernel_and_bias(layer)[0].shape[0]).astype("float32")
        for block in encoder.blocks
        for layer in block_products(block)
    }
    return encoder, largest, int8_products.int8_products(encoder, largest)


def compute(product, inputs):
    return tf.function(product)(tf.constant(inputs)).numpy()


def inputs_within(largest, tokens=50, seed=1):
    rng = np.random.default_rng(seed)
    return (rng.uniform(-1, 1, (tokens, len(largest))) * largest).astype("float32")


def test_the_vectors_point_where_those_of_float32_do(case):
    embedder, _, served = case
    vectors = served(text=texts_of(TEXTS))["embedding"]
    expected = embedder.encode(TEXTS)
    assert vectors.dtype == np.float32
    assert cosines(vectors, expected).min() > 0.995
    assert np.abs(vectors - expected).max() > 1e-5  # it is int8


def test_a_text_gets_the_same_vector_alone_and_in_any_order(case):
    _, _, served = case
    together = served(text=texts_of(TEXTS))["embedding"]
    backwards = served(text=texts_of(TEXTS[::-1]))["embedding"]
    np.testing.assert_allclose(backwards[::-1], together, 0, 1e-6)
    for text, vector in zip(TEXTS, together, strict=True):
        alone = served(text=texts_of([text]))["embedding"]
        np.testing.assert_allclose(alone, [vector], 0, 1e-6)


def test_texts_tokens_and_no_texts_at_all(case):
    embedder, _, served = case
    answer = served("token_embeddings", text=texts_of(TEXTS[:1]))
    [expected] = embedder.encode_tokens(TEXTS[:1])
    assert cosines(answer["token_embeddings"][0], expected.vectors).min() > 0.99
    assert len(served(text=texts_of([]))["embedding"]) == 0
    rows = embedder.tokenizer(tf.constant(TEXTS), max_length=embedder.max_length)
    vectors = served("tokens", **{name: row.numpy() for name, row in rows.items()})
    expected = served(text=texts_of(TEXTS))["embedding"]
    np.testing.assert_allclose(vectors["embedding"], expected, 0, 1e-6)


def test_the_graph_holds_no_kernel_in_float32(case):
    embedder, version, _ = case
    graph = meta_graph_of(version).graph_def
    assert OPERATION in operations_of(graph)
    kernels = {
        tuple(kernel_and_bias(layer)[0].shape)
        for block in embedder.encoder.blocks
        for layer in block_products(block)
    }
    constants = [node.attr["value"].tensor for node in graph.node if node.op == "Const"]
    dtypes = {
        tensor.dtype
        for tensor in constants
        if tuple(dim.size for dim in tensor.tensor_shape.dim) in kernels
    }
    assert dtypes == {tf.int8.as_datatype_enum}


def test_the_card_tells_which_servers_load_it(case):
    _, version, _ = case
    card = (version / "README.md").read_text("utf-8")
    assert "| precision | int8 |" in card
    assert "TF Serving 2.18 and later, on Linux and x86-64" in card


@pytest.mark.parametrize("case", MODELS[:1], indirect=True, scope="module")
def test_a_process_without_kerasbert_computes_the_same(case, tmp_path):
    _, version, served = case
    program = (
        "import json, sys, tensorflow as tf, tensorflow_text\n"
        "model = tf.saved_model.load(sys.argv[1])\n"
        "texts = tf.constant(json.load(sys.stdin))\n"
        "answer = model.signatures['serving_default'](text=texts)\n"
        "assert 'kerasbert' not in sys.modules\n"
        "print(json.dumps(answer['embedding'].numpy().tolist()))\n"
    )
    texts = [text for text in TEXTS if isinstance(text, str)]
    done = subprocess.run(
        [sys.executable, "-c", program, version],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    expected = served(text=texts_of(texts))["embedding"]
    np.testing.assert_allclose(json.loads(done.stdout), expected, 0, 1e-5)


@pytest.mark.parametrize("group", range(4), ids=["query", "output", "inner", "outer"])
def test_a_product_is_off_by_no_more_than_its_codes_are(products, group):
    """Half a step of every input and weight, which adds up over the channels."""
    encoder, largest, stand_ins = products
    layer = block_products(encoder.blocks[0])[group]
    x = inputs_within(largest[layer])
    if group == 3:  # what GELU gives
        x = np.maximum(x, -0.17)
    found = compute(stand_ins[layer], x)
    kernel = kernel_and_bias(layer)[0].numpy()
    expected = getattr(layer, method_of(layer))(x).numpy()
    # Errors of rounding are independent: they grow as the root of their number.
    steps = np.abs(x).max() / 127 * np.linalg.norm(kernel, axis=0).max()
    steps += np.abs(kernel).max() / 64 * np.linalg.norm(x, axis=1).max()
    assert 0 < np.abs(found - expected).max() < 3 * steps
    relative = np.linalg.norm(found - expected) / np.linalg.norm(expected)
    assert relative < 0.03


def test_the_largest_codes_give_the_product_of_whole_numbers_on_every_processor():
    rng = np.random.default_rng(0)
    kernel = rng.choice([-1.0, -0.9, 0.7, 1.0], [64, 48])
    weights = int8_products._Weights(kernel, 1.0)
    codes = rng.choice([-127, 127], [20, 64])
    inputs = tf.bitcast(tf.constant(codes, tf.int8), tf.qint8)
    found = compute(lambda x: weights.product(x, tf.zeros([48])), inputs)
    scaled = weights.codes.numpy() * (weights.ranges[3].numpy() / 127)
    np.testing.assert_allclose(found, codes @ scaled, 1e-5, 1e-3)


def test_codes_of_weights_are_near_them_and_no_pair_is_too_large():
    kernel = np.random.default_rng(0).normal(size=[385, 64])
    codes, scales = codes_of_weights(kernel)
    pairs = np.pad(codes.astype(int), [(0, 1), (0, 0)]).reshape(-1, 2, 64).sum(1)
    assert 100 < np.abs(codes).max() <= 127
    assert np.abs(pairs).max() <= 128
    error = np.linalg.norm(codes * scales - kernel) / np.linalg.norm(kernel)
    assert error < 0.0115  # 0.0147 if all were at most 64


def test_inputs_larger_than_any_of_calibration_become_the_largest(products):
    encoder, largest, stand_ins = products
    dense = encoder.blocks[0].attention
    x = inputs_within(largest[dense])
    huge = compute(stand_ins[dense], x * 1e6)
    assert np.isfinite(huge).all()
    signs = np.abs(huge - compute(stand_ins[dense], x * 1e9))
    assert signs.max() < 1e-3 * np.abs(huge).max()


def test_a_token_with_an_outlier_leaves_the_others_as_they_were(products):
    encoder, largest, stand_ins = products
    dense = encoder.blocks[0].feed_forward.output_dense
    x = inputs_within(largest[dense])
    outlier = x.copy()
    outlier[3, 5] = 1e4
    plain, beside = (compute(stand_ins[dense], y) for y in (x, outlier))
    np.testing.assert_array_equal(np.delete(beside, 3, 0), np.delete(plain, 3, 0))
    expected = outlier[3] @ dense.kernel.numpy() + dense.bias.numpy()
    assert cosines(beside[3], expected) > 0.999


@pytest.mark.parametrize("least", [-0.1701, None])
def test_a_token_is_as_large_as_what_is_largest_in_it(products, least):
    """Of either sign, where the activation before it has no least value."""
    encoder, _, _ = products
    dense = encoder.blocks[0].feed_forward.output_dense
    x = np.random.default_rng(0).uniform(-9, 0.1, (20, dense.kernel.shape[0]))
    x = np.maximum(x, least or -9).astype("float32")
    found = compute(int8_products._with_scales_of_tokens(dense, least), x)
    expected = dense(x).numpy()
    assert np.linalg.norm(found - expected) / np.linalg.norm(expected) < 0.03


def test_the_least_of_an_activation_is_no_larger_than_any_value_of_it():
    x = tf.linspace(-9.0, 9.0, 20001)
    for activation, least in int8_products.LEAST.items():
        assert least <= tf.reduce_min(activation(x)).numpy() < least + 2e-4


def test_a_token_of_zeros_gives_the_bias(products):
    encoder, _, stand_ins = products
    dense = encoder.blocks[0].feed_forward.output_dense
    zeros = np.zeros([2, dense.kernel.shape[0]], "float32")
    found = compute(stand_ins[dense], zeros)
    np.testing.assert_allclose(found, [dense.bias.numpy()] * 2)


def test_the_largest_inputs_are_those_of_the_texts():
    embedder = embedder_of("sentence_mean")
    model, constants = frozen(embedder.model)
    encoder = model.encoder
    ids = embedder.tokenizer.tokenize(tf.constant(["good morning", "a cat"]))
    rows = embedder.tokenizer.pack(ids, None, 16)
    largest = largest_inputs(encoder, constants, rows)
    dense = encoder.blocks[0].attention
    padded = embedder.tokenizer(tf.constant(["good morning", "a cat"]), max_length=16)
    states = encoder(padded)["hidden_states"][0].numpy()
    of_tokens = states[padded["padding_mask"].numpy() > 0]
    np.testing.assert_allclose(largest[dense], np.abs(of_tokens).max(0), 1e-5)


def test_other_calibration_texts_give_other_scales(tmp_path):
    embedder = embedder_of("sentence_mean")
    default, other = (
        embedder.serving_functions("int8", 16, texts)["tokens"]
        for texts in (None, ["cat"])
    )
    rows = embedder.tokenizer(tf.constant(["good morning"]), max_length=16)
    first, second = (f(**rows)["embedding"] for f in (default, other))
    assert 0 < np.abs(first - second).max()
    with pytest.raises(ValueError, match="calibration texts for int8, got none"):
        embedder.export(tmp_path / "model", "int8", calibration=[])


def test_what_cannot_be_int8_is_refused(tmp_path, monkeypatch):
    embedder = embedder_of("sentence_mean")
    with pytest.raises(ValueError, match="no signature for XLA beside int8"):
        embedder.export(tmp_path / "model", "int8", xla=True)
    monkeypatch.setattr(int8_products, "operation_is_missing", lambda: True)
    with pytest.raises(ValueError, match="_QuantizedMatMul .*Export with precision="):
        embedder.export(tmp_path / "model", "int8")
    assert not any(tmp_path.rglob("model/*"))


def test_layers_are_themselves_again_after_a_trace():
    dense = keras.layers.Dense(2, kernel_initializer="ones")
    x = tf.ones([1, 3])
    expected = dense(x).numpy()
    with (
        pytest.raises(RuntimeError),
        override_matmuls({dense: lambda inputs: inputs * 7}),
    ):
        np.testing.assert_array_equal(dense(x), x * 7)
        raise RuntimeError
    np.testing.assert_array_equal(dense(x), expected)


def test_there_are_256_calibration_texts_and_no_two_are_the_same():
    texts = calibration_texts()
    assert len(texts) == len(set(texts)) == 256
    lengths = [len(text) for text in texts]
    assert min(lengths) < 5 and max(lengths) > 300
