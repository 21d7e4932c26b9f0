import pytest
import tensorflow as tf
import tensorflow_text
from tensorflow.core.protobuf import saved_model_pb2

from kerasbert.export.operations import TF_TEXT_OPERATIONS, operations_of
from kerasbert.export.saved_model import save
from tests.export.served import MODELS, embedder_of, exported


def meta_graph_of(folder):
    saved_model = saved_model_pb2.SavedModel()
    saved_model.ParseFromString((folder / "saved_model.pb").read_bytes())
    return saved_model.meta_graphs[0]


@pytest.mark.parametrize("name", MODELS)
def test_an_export_holds_the_operations_of_tf_serving_2_12_alone(name):
    operations = operations_of(meta_graph_of(exported(name)).graph_def)
    core = {name for name in dir(tf.raw_ops) if not name.startswith("_")}
    assert operations - core <= TF_TEXT_OPERATIONS
    assert {"MatMul", "FastBertNormalize"} <= operations  # of functions, too
    assert "_QuantizedMatMul" not in operations  # it is for int8


@pytest.mark.parametrize("name", MODELS)
def test_all_weights_are_constants_but_the_table_of_tokens(name):
    graph = meta_graph_of(exported(name)).graph_def
    tables = [node for node in graph.node if node.op == "VarHandleOp"]
    config = embedder_of(name).encoder.config
    sizes = [[dim.size for dim in node.attr["shape"].shape.dim] for node in tables]
    width = getattr(config, "embedding_size", None) or config.hidden_size
    assert sizes == [[config.vocab_size, width]]


def test_the_signature_xla_alone_needs_xla():
    """A server without XLA fails every request that comes to such a function."""
    meta_graph = meta_graph_of(exported("sentence_dense"))
    nodes = {node.name: node for node in meta_graph.graph_def.node}
    functions = {f.signature.name: f for f in meta_graph.graph_def.library.function}
    compiled = {name for name, f in functions.items() if f.attr["_XlaMustCompile"].b}
    assert compiled
    for name, signature in meta_graph.signature_def.items():
        outputs = {info.name.split(":")[0] for info in signature.outputs.values()}
        needed = any(reaches(nodes[output], functions, compiled) for output in outputs)
        assert needed == (name == "xla")


def reaches(node, functions, targets):
    called, waiting = set(), [node]
    while waiting:
        node = waiting.pop()
        for value in node.attr.values():
            for name in [value.func.name, *(f.name for f in value.list.func)]:
                if name in functions and name not in called:
                    called.add(name)
                    waiting += functions[name].node_def
    return bool(called & targets)


def test_an_operation_that_tf_serving_lacks_is_named(tmp_path):
    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32, name="ids")])
    def trim(ids):
        ragged = tf.RaggedTensor.from_tensor(ids)
        trimmed = tensorflow_text.RoundRobinTrimmer(3).trim([ragged])[0]
        return {"ids": trimmed.to_tensor()}

    with pytest.raises(ValueError, match="TFText>RoundRobinTrim, which TF Serving"):
        save({"serving_default": trim}, tmp_path)


def test_an_operation_that_is_newer_than_tf_serving_2_12_is_named(tmp_path):
    @tf.function(input_signature=[tf.TensorSpec([None, 4], name="x")])
    def rows(x):
        return {"y": tf.math.segment_max(x, tf.range(tf.shape(x)[0]))}

    save({"serving_default": rows}, tmp_path / "old")

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.complex64, name="x")])
    def fourier(x):
        return {"y": tf.raw_ops.FFTND(input=x, fft_length=[4], axes=[1])}

    with pytest.raises(ValueError, match="FFTND, which TF Serving 2.12.1 does not"):
        save({"serving_default": fourier}, tmp_path / "new")


def test_an_operation_of_xla_is_named(tmp_path):
    from tensorflow.compiler.tf2xla.python import xla

    @tf.function(input_signature=[tf.TensorSpec([None, 4], name="x")])
    def write(x):
        return {"y": xla.dynamic_update_slice(x, x[:1, :1], [0, 0])}

    with pytest.raises(ValueError, match="XlaDynamicUpdateSlice, which TF Serving"):
        save({"serving_default": write}, tmp_path)


def test_operations_within_functions_within_functions_are_found(tmp_path):
    def inner(row):
        return tf.cond(row > 0, lambda: tf.math.erf(row), lambda: row)

    @tf.function(input_signature=[tf.TensorSpec([None], name="x")])
    def outer(x):
        return {"y": tf.map_fn(inner, x)}

    save({"serving_default": outer}, tmp_path)
    operations = operations_of(meta_graph_of(tmp_path).graph_def)
    assert "Erf" in operations and operations & {"While", "StatelessWhile"}
