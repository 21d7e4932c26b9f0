import collections
import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_text
from tensorflow.core.protobuf import saved_model_pb2

from kerasbert.export import curl_line, export_task
from kerasbert.export.saved_model import save
from kerasbert.export.serving_files import batching_parameters
from kerasbert.inference.serving_graph import ServingGraph
from kerasbert.tasks import TextEmbedder
from kerasbert.tasks.embedding.serving import tokens_signature
from tests.export.served import (
    MODELS,
    TEXTS,
    Served,
    embedder_of,
    exported,
    served,
    texts_of,
)
from tests.export.test_operations import meta_graph_of

pytestmark = pytest.mark.usefixtures("truncation_is_known")


@pytest.mark.parametrize("name", MODELS)
def test_the_served_vectors_are_the_embedders(name):
    answer = served(name)(text=texts_of(TEXTS))
    expected = embedder_of(name).encode(TEXTS)
    assert answer["embedding"].dtype == np.float32
    np.testing.assert_allclose(answer["embedding"], expected, 0, 1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_a_text_gets_the_same_vector_alone_and_in_any_order(name):
    together = served(name)(text=texts_of(TEXTS))["embedding"]
    backwards = served(name)(text=texts_of(TEXTS[::-1]))["embedding"]
    np.testing.assert_allclose(backwards[::-1], together, 0, 1e-6)
    for text, vector in zip(TEXTS, together, strict=True):
        alone = served(name)(text=texts_of([text]))["embedding"]
        np.testing.assert_allclose(alone, [vector], 0, 1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_a_weight_stands_once_in_the_graph_for_all_signatures(name):
    encoder = embedder_of(name).encoder
    counts = collections.Counter(
        tuple(dim.size for dim in node.attr["value"].tensor.tensor_shape.dim)
        for node in meta_graph_of(exported(name)).graph_def.node
        if node.op == "Const"
    )
    for block in encoder.blocks:
        kernel, _ = block.attention.projection()
        assert counts[tuple(kernel.shape)] == len(encoder.blocks)
        kernel = block.feed_forward.output_dense.kernel
        assert counts[tuple(kernel.shape)] == len(encoder.blocks)


def test_tokens_with_a_mask_of_another_shape_are_refused():
    ids = np.array([[1, 2, 3, 4], [1, 2, 3, 4]], "int32")
    with pytest.raises(tf.errors.InvalidArgumentError):
        served(MODELS[0])(
            "tokens",
            token_ids=ids,
            segment_ids=0 * ids,
            padding_mask=np.ones((2, 3), "int32"),
        )


@pytest.mark.parametrize("name", MODELS)
def test_token_count_tells_what_was_cut(name):
    embedder = embedder_of(name)
    counts = served(name)(text=texts_of(TEXTS))["token_count"]
    assert counts.tolist() == [len(row) for row in embedder.tokenizer.encode(TEXTS)]
    assert counts.max() > embedder.max_length


@pytest.mark.parametrize("signature", ["serving_default", "token_embeddings", "xla"])
def test_no_texts_give_no_vectors(signature):
    answer = served("sentence_dense")(signature, text=texts_of([]))
    assert {len(output) for output in answer.values()} == {0}


def test_ten_megabytes_of_text_are_cut_like_any():
    embedder = embedder_of("sentence_dense")
    text = "the cat " * 1_300_000
    answer = served("sentence_dense")(text=texts_of(["short", text]))
    expected = embedder.encode(["short", text[:800]])
    np.testing.assert_allclose(answer["embedding"], expected, 0, 1e-5)
    assert answer["token_count"][1] > 1_300_000


def test_a_word_of_ten_megabytes_is_unknown():
    text = "a" * 10_000_000
    answer = served("sentence_dense")(text=texts_of([text, "a" * 101]))
    np.testing.assert_allclose(*answer["embedding"], 0, 1e-6)
    assert answer["token_count"].tolist() == [3, 3]


def test_xla_computes_the_same():
    name = "sentence_dense"
    compiled = served(name)("xla", text=texts_of(TEXTS))
    plain = served(name)(text=texts_of(TEXTS))
    np.testing.assert_allclose(compiled["embedding"], plain["embedding"], 0, 1e-5)
    np.testing.assert_array_equal(compiled["token_count"], plain["token_count"])


@pytest.mark.parametrize("name", MODELS)
def test_tokens_come_with_their_places_and_vectors(name):
    answer = served(name)("token_embeddings", text=texts_of(TEXTS))
    expected = embedder_of(name).encode_tokens(TEXTS, layers=(0, -1))
    for row, text in enumerate(expected):
        size = len(text.tokens)
        tokens = [token.decode() for token in answer["tokens"][row]]
        assert tokens == text.tokens + [""] * (len(tokens) - size)
        places = zip(answer["starts"][row], answer["ends"][row], strict=True)
        assert list(places)[:size] == text.offsets
        vectors = answer["token_embeddings"][row]
        np.testing.assert_allclose(vectors[:size], text.vectors, 0, 1e-5)
        assert not vectors[size:].any()
    counts = served(name)(text=texts_of(TEXTS))["token_count"]
    np.testing.assert_array_equal(answer["token_count"], counts)


def test_names_types_and_the_batch_axis_are_those_of_tf_serving():
    signatures = served("sentence_dense").signatures
    assert set(signatures) == {"serving_default", "tokens", "token_embeddings", "xla"}
    for signature in signatures.values():
        assert signature.method_name == "tensorflow/serving/predict"
        for name, info in [*signature.inputs.items(), *signature.outputs.items()]:
            assert info.tensor_shape.dim[0].size == -1
            assert not name.endswith("_bytes")
            assert tf.dtypes.as_dtype(info.dtype) in (tf.float32, tf.int32, tf.string)
    default = signatures["serving_default"]
    assert list(default.inputs) == ["text"]
    assert sorted(default.outputs) == ["embedding", "token_count"]


def test_the_default_prompt_stands_before_every_text(tmp_path):
    embedder = embedder_of("sentence_mean")
    embedder.prompts, embedder.default_prompt = {"query": "the query: "}, "query"
    try:
        functions = embedder.serving_functions("float32")
        vectors = functions["serving_default"](tf.constant(["a cat"]))["embedding"]
        np.testing.assert_allclose(vectors, embedder.encode(["a cat"]), 0, 1e-6)
    finally:
        embedder.prompts, embedder.default_prompt = {}, None
    np.testing.assert_allclose(vectors, embedder.encode(["the query: a cat"]), 0, 1e-6)


@pytest.mark.parametrize("length", [2, 513])
def test_a_length_that_the_model_does_not_have_is_refused(tmp_path, length):
    with pytest.raises(ValueError, match=f"max_length from 3 to .*got {length}"):
        embedder_of("sentence_mean").export(tmp_path / "model", max_length=length)
    assert not (tmp_path / "model").exists()


def test_an_unknown_precision_is_refused(tmp_path):
    with pytest.raises(ValueError, match="float32, bfloat16, int8, got 'int3'"):
        embedder_of("sentence_mean").export(tmp_path / "model", "int3")


def test_a_model_that_tf_serving_lacks_operations_for_is_not_written(
    tmp_path, monkeypatch
):
    def trimming(self, graph):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
        def of_text(text):
            words = tf.strings.split(text)
            [trimmed] = tensorflow_text.RoundRobinTrimmer(5).trim([words])
            return {"words": trimmed.to_tensor()}

        return {"serving_default": of_text}

    monkeypatch.setattr(TextEmbedder, "signatures", trimming)
    with pytest.raises(ValueError, match="holds TFText>RoundRobinTrim, which TF Serv"):
        embedder_of("sentence_mean").export(tmp_path / "model")
    assert list((tmp_path / "model").iterdir()) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError("disk full")])
def test_an_interrupted_export_leaves_nothing_that_loads(tmp_path, monkeypatch, error):
    def interrupted(*arguments):
        raise error

    monkeypatch.setattr("kerasbert.export.saved_model.save", lambda *arguments: None)
    monkeypatch.setattr("kerasbert.export.saved_model.write_warm_up", interrupted)
    with pytest.raises(type(error) if isinstance(error, OSError) else error):
        export_task(embedder_of("sentence_mean"), tmp_path / "model")
    assert list((tmp_path / "model").iterdir()) == []


def test_the_folder_stands_alone(tmp_path):
    """Moved, and loaded by a process that knows TensorFlow and TF Text alone."""
    version = exported("sentence_dense")
    moved = tmp_path / "elsewhere" / "7"
    moved.parent.mkdir()
    version.rename(moved)
    program = (
        "import json, sys, tensorflow as tf, tensorflow_text\n"
        "model = tf.saved_model.load(sys.argv[1])\n"
        "texts = tf.constant(json.load(sys.stdin))\n"
        "answer = model.signatures['serving_default'](text=texts)\n"
        "assert 'kerasbert' not in sys.modules\n"
        "print(json.dumps(answer['embedding'].numpy().tolist()))\n"
    )
    texts = ["Good morning", "", "你好 [MASK]"]
    try:
        done = subprocess.run(
            [sys.executable, "-c", program, moved],
            input=json.dumps(texts),
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )
    finally:
        moved.rename(version)
    assert done.returncode == 0, done.stderr
    vectors = np.array(json.loads(done.stdout))
    expected = embedder_of("sentence_dense").encode(texts)
    np.testing.assert_allclose(vectors, expected, 0, 1e-5)


def test_the_folder_holds_what_a_server_needs_and_a_reader_wants():
    version = exported("sentence_dense")
    files = {str(path.relative_to(version)) for path in version.rglob("*")}
    assert {
        "saved_model.pb",
        "batching_params.pbtxt",
        "README.md",
        "assets.extra/tf_serving_warmup_requests",
    } <= files
    card = (version / "README.md").read_text("utf-8")
    assert "longest text | 16 tokens" in card
    assert (
        "| `serving_default` | `text` string [B] | `embedding` float32 [B, 10]" in card
    )
    assert "127.0.0.1" not in card and str(version) not in card


def batching_of(signatures):
    """`BatchingParameters` of session_bundle_config.proto, all in wrapper messages."""
    lines = batching_parameters(signatures).splitlines()
    pairs = [line.removesuffix(" }").split(" { value: ") for line in lines]
    return {name: json.loads(value) for name, value in pairs}


def test_a_server_computes_a_long_request_in_parts_where_rows_are_alike():
    embedder = embedder_of("sentence_mean")
    signatures = embedder.serving_functions("float32", 16)
    assert batching_of(signatures) == {
        "max_batch_size": 1024,
        "batch_timeout_micros": 1000,
        "max_enqueued_batches": 256,
        "max_execution_batch_size": 64,
        "enable_large_batch_splitting": True,
    }
    # These are padded to the longest of a batch, and parts would not fit together.
    signatures = embedder.serving_functions("float32", 16, token_layers=(-1,))
    assert batching_of(signatures) == {
        "max_batch_size": 64,
        "batch_timeout_micros": 1000,
        "max_enqueued_batches": 256,
    }
    version = exported("sentence_dense")
    lines = (version / "batching_params.pbtxt").read_text().splitlines()
    assert lines[0] == "max_batch_size { value: 64 }"
    assert "up to 64 rows" in (version / "README.md").read_text()


def test_the_curl_line_holds_json():
    line = curl_line("minilm", port=9000)
    assert line.endswith(" http://localhost:9000/v1/models/minilm:predict")
    body = json.loads(line.split("'")[1])
    assert body == {"instances": ["hello world"]}
    assert curl_line("my model").endswith("/v1/models/my%20model:predict")


def test_signatures_share_the_weights(tmp_path):
    embedder = embedder_of("sentence_mean")
    graph = ServingGraph(embedder.model, embedder.tokenizer, "float32", 16)
    names = ("tokens", "again")
    functions = {name: tokens_signature(embedder, graph) for name in names}
    weights = 4 * embedder.encoder.count_params()
    save(functions, tmp_path)
    size = sum(file.stat().st_size for file in (tmp_path / "variables").iterdir())
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((tmp_path / "saved_model.pb").read_bytes())
    graph = saved.meta_graphs[0].graph_def
    nodes = [*graph.node, *(n for f in graph.library.function for n in f.node_def)]
    size += sum(n.attr["value"].ByteSize() for n in nodes if n.op == "Const")
    assert weights < size < weights * 1.5
    assert len(Served(tmp_path).signatures) == 2
