import collections

import numpy as np
import tensorflow as tf

from kerasbert.export.saved_model import save
from kerasbert.inference.serving_graph import frozen
from tests.export.served import Served, cosines, embedder_of
from tests.export.test_operations import meta_graph_of

WORDS = [" ".join(["good morning cat"] * count) for count in range(1, 6)]


def test_bfloat16_halves_the_weights_and_keeps_the_direction(tmp_path):
    embedder = embedder_of("sentence_mean_max")
    save(embedder.serving_functions("bfloat16", 16), tmp_path)
    dtypes = {value.dtype for _, value in frozen(embedder.model, "bfloat16")[1]}
    assert dtypes == {tf.bfloat16}

    rows = embedder.tokenizer(tf.constant(WORDS), max_length=16)
    rows = {name: row.numpy() for name, row in rows.items()}
    vectors = Served(tmp_path)("tokens", **rows)["embedding"]
    expected = embedder.model(rows)["embedding"]
    assert vectors.dtype == np.float32
    assert cosines(vectors, expected).min() > 0.999
    assert np.abs(vectors - expected).max() > 1e-5  # it is bfloat16


def test_kernels_are_constants_of_every_graph_and_stand_once_in_the_file(tmp_path):
    """So that oneDNN lays them out, also after `tf.saved_model.load`."""
    embedder = embedder_of("sentence_mean_max")
    save(embedder.serving_functions("bfloat16", 16), tmp_path)
    counts = collections.Counter()
    arguments = set()
    for function in meta_graph_of(tmp_path).graph_def.library.function:
        for node in function.node_def:
            if node.op == "Const":
                shape = node.attr["value"].tensor.tensor_shape
                counts[tuple(size.size for size in shape.dim)] += 1
        for attributes in function.arg_attr.values():
            for shape in attributes.attr["_output_shapes"].list.shape:
                arguments.add(tuple(size.size for size in shape.dim))
    for block in (blocks := embedder.encoder.blocks):
        joint, _ = block.attention.projection()
        for kernel in (joint, block.feed_forward.output_dense.kernel):
            assert counts[tuple(kernel.shape)] == len(blocks)
            assert tuple(kernel.shape) not in arguments

    loaded = tf.saved_model.load(str(tmp_path))
    rows = embedder.tokenizer(tf.constant(WORDS), max_length=16)
    found = loaded.signatures["tokens"](**rows)["embedding"]
    rows = {name: row.numpy() for name, row in rows.items()}
    expected = Served(tmp_path)("tokens", **rows)["embedding"]
    np.testing.assert_allclose(found, expected, 0, 1e-5)


def test_no_kernel_is_cast_whenever_a_text_comes():
    embedder = embedder_of("sentence_mean_max")
    tokens = embedder.serving_functions("bfloat16", 16)["tokens"]
    graph = tokens.get_concrete_function().graph.as_graph_def()
    cast = set()
    for function in graph.library.function:
        weights = {argument.name for argument in function.signature.input_arg[4:]}
        cast |= weights & {n.input[0] for n in function.node_def if n.op == "Cast"}
    # Those of layer normalisation are, which is computed in float32.
    norms = 1 + 2 * embedder.encoder.config.num_hidden_layers
    assert len(cast) <= 2 * norms


def test_the_embedder_keeps_its_weights_and_precision():
    model = embedder_of("sentence_mean_max").model
    before = model.get_weights()
    copy, constants = frozen(model, "bfloat16")
    assert copy.encoder.compute_dtype == "bfloat16"
    assert model.encoder.compute_dtype == "float32"
    values = {variable.path: value for variable, value in constants}
    for ours, variable, old in zip(model.weights, copy.weights, before, strict=True):
        np.testing.assert_array_equal(ours, old)
        if "/pooler/" not in f"/{variable.path}":  # which is not trained here
            value = tf.cast(values[variable.path], "float32")
            np.testing.assert_allclose(value, ours, 0.01)


def test_float32_is_float32_whatever_the_embedder_computes_in():
    model = embedder_of("sentence_mean_max").model
    half, _ = frozen(model, "bfloat16")
    half.set_weights(model.get_weights())
    whole, constants = frozen(half, "float32")
    assert whole.encoder.compute_dtype == "float32"
    assert {constant.dtype for _, constant in constants} == {tf.float32}
