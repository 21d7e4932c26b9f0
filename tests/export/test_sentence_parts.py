"""What a vector may be besides a mean of tokens, in every export."""

import pathlib
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_text  # noqa: F401  the operations of a preprocessor

import kerasbert
from kerasbert.export.litert import convert
from kerasbert.export.reusable import export_reusable
from kerasbert.layers import SentenceHead
from kerasbert.layers.activations import DENSE_ACTIVATIONS

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures"
TEXTS = ["the film is good", "a bad, slow film!", "x", ""]

pytestmark = pytest.mark.filterwarnings("ignore:.*were truncated")


@pytest.fixture(scope="module", params=["matryoshka", "instructor", "layers"])
def embedder(request):
    folder = FIXTURES / f"embedder_{request.param}" / "sentence_transformers"
    return kerasbert.TextEmbedder.from_pretrained(folder)


@pytest.fixture(scope="module")
def expected(embedder):
    return embedder.encode(TEXTS)


def rows_of(embedder, text):
    prompt = embedder.prompts.get(embedder.default_prompt, "")
    [ids] = embedder.tokenizer.encode([prompt + text], max_length=embedder.max_length)
    ids = np.array([ids], "int32")
    return {
        "token_ids": ids,
        "segment_ids": np.zeros_like(ids),
        "padding_mask": np.ones_like(ids),
    }


def near(found, expected):
    np.testing.assert_allclose(np.array(found), expected, 1e-5, 1e-5)


def test_the_signatures_of_a_saved_model_compute_them(embedder, expected):
    functions = embedder.serving_functions("float32", xla=True)
    near(functions["serving_default"](tf.constant(TEXTS))["embedding"], expected)
    rows = {k: tf.constant(v) for k, v in rows_of(embedder, TEXTS[0]).items()}
    near(functions["tokens"](**rows)["embedding"], expected[:1])
    with warnings.catch_warnings():
        near(functions["xla"](tf.constant(TEXTS))["embedding"], expected)


def test_the_reusable_encoder_computes_them_and_is_read_back(
    embedder, expected, tmp_path
):
    folder = export_reusable(embedder, tmp_path / "model")
    inputs = tf.saved_model.load(str(folder / "preprocessor"))(tf.constant(TEXTS))
    near(tf.saved_model.load(str(folder))(inputs)["default"], expected)
    again = kerasbert.TextEmbedder.from_pretrained(folder)
    near(again.encode(TEXTS), expected)
    assert again.similarity_fn_name == embedder.similarity_fn_name
    card = (folder / "README.md").read_text("utf-8")
    assert f"| similarity | {embedder.similarity_fn_name} |" in card


def litert_of(model):
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    return interpreter.Interpreter(model_content=model).get_signature_runner()


def test_litert_computes_them(embedder, expected):
    run = litert_of(convert(embedder, "float32"))
    for text, vector in zip(TEXTS, expected, strict=True):
        near(run(**rows_of(embedder, text))["embedding"][0], vector)


def test_litert_computes_every_activation(tmp_path):
    head = SentenceHead(
        ["last_token"],
        [{"units": 4, "activation": name} for name in DENSE_ACTIVATIONS],
        normalize=False,
    )
    states = np.random.default_rng(0).normal(size=(1, 3, 4)).astype("float32")
    mask = np.ones((1, 3), "int32")
    expected = head(states, mask)
    constants = [(weight, tf.constant(weight.numpy())) for weight in head.weights]

    @tf.function(input_signature=[tf.TensorSpec([1, 3, 4], tf.float32, "states")])
    def compute(states):
        with keras.StatelessScope(constants):
            return {"vector": head(states, mask)}

    signature = compute.get_concrete_function()
    tf.saved_model.save(tf.Module(), str(tmp_path), signature)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path))
    run = litert_of(converter.convert())
    near(run(states=states)["vector"], expected)
