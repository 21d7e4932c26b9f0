"""Models that write, hear or see, with int8 products and scales of each token."""

import numpy as np
import pytest
import tensorflow as tf

import kerasbert
from kerasbert.decoding import BeamSearch, Limits
from kerasbert.inference import int8_products
from kerasbert.inference.frozen_model import frozen_model
from kerasbert.models.decoder import Continuation
from kerasbert.models.speech_model import SpeechRecognitionModel

pytestmark = pytest.mark.skipif(
    int8_products.operation_is_missing(), reason="this TensorFlow has no int8"
)
SIZES = {
    "vocab_size": 50,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}
ENDLESS = Limits(end_token_id=2, min_length=6)


def perturbed(model):
    """A model with biases and kernels that are not near 0."""
    random = np.random.default_rng(0)
    for variable in model.trainable_variables:
        size = 0.3 if len(variable.shape) > 1 else 0.1
        variable.assign_add(size * random.normal(size=variable.shape))
    return model


def seq2seq(norm):
    config = kerasbert.Seq2SeqConfig(**SIZES, num_decoder_layers=2, norm=norm)
    return perturbed(kerasbert.Seq2SeqTransformer(config))


def language_model():
    return perturbed(kerasbert.BertDecoder(kerasbert.BertConfig(**SIZES)))


def recognizer():
    config = kerasbert.SpeechConfig(**SIZES, sampling_rate=8000)
    return perturbed(SpeechRecognitionModel(config))


def inputs_of(kind):
    random = np.random.default_rng(1)
    if kind == "speech":
        waveform = random.normal(size=(3, 4000)).astype("float32") / 4
        return {"waveform": waveform, "length": np.array([4000, 3000, 2000], "int32")}
    token_ids = random.integers(3, 50, (3, 7)).astype("int32")
    found = {"token_ids": token_ids, "padding_mask": np.ones_like(token_ids)}
    more = "segment_ids" if kind == "language model" else "decoder_token_ids"
    return {**found, more: token_ids % 2}


MODELS = {
    "post": lambda: seq2seq("post"),
    "pre": lambda: seq2seq("pre"),
    "language model": language_model,
    "speech": recognizer,
}


@pytest.mark.parametrize("kind", MODELS)
def test_logits_in_int8_are_near_those_of_float32(kind):
    model = MODELS[kind]()
    inputs = inputs_of(kind)
    expected = model(inputs)["logits"].numpy()
    same, weights = frozen_model(model, "int8")

    @tf.function(autograph=False)
    def logits():
        with weights():
            return same(inputs)["logits"]

    found = logits().numpy()
    assert np.abs(found - expected).max() > 1e-4  # it is int8
    inside = np.abs(expected) < 1e3  # padding of speech is the blank
    error = np.linalg.norm((found - expected)[inside])
    assert error < 0.1 * np.linalg.norm((expected - expected.mean())[inside])
    operations = logits.get_concrete_function().graph.as_graph_def()
    names = {node.op for node in operations.node}
    names |= {n.op for f in operations.library.function for n in f.node_def}
    assert int8_products.OPERATION in names


@pytest.mark.parametrize("kind", ["post", "language model"])
def test_a_search_in_int8_is_that_of_its_own_logits(kind):
    """The loop with its cache against whole rows of the same products."""
    model = MODELS[kind]()
    inputs = inputs_of(kind)
    token_ids = tf.constant(inputs["token_ids"])
    mask = tf.ones_like(token_ids)
    same, weights = frozen_model(model, "int8")

    @tf.function(autograph=False)
    def search():
        with weights():
            if kind == "post":
                begun = same.continuation(token_ids, mask, 1, 6)
            else:
                begun = Continuation(same, token_ids, mask, length=6)
            return tuple(BeamSearch(3)(begun, ENDLESS))

    tokens, _, scores, _ = (x.numpy() for x in search())

    @tf.function(autograph=False)
    def score():
        first = token_ids if kind != "post" else tf.ones_like(token_ids[:, :1])
        rows = tf.concat([first, tokens[:, 0]], axis=1)
        given = {"token_ids": rows, "padding_mask": tf.ones_like(rows)}
        if kind == "post":
            given = {"token_ids": token_ids, "padding_mask": mask}
            given["decoder_token_ids"] = rows
        else:
            given["segment_ids"] = tf.zeros_like(rows)
        with weights():
            logits = same(given)["logits"][:, first.shape[1] - 1 : -1]
        log_probs = tf.nn.log_softmax(logits)
        return tf.reduce_mean(tf.gather(log_probs, tokens[:, 0], batch_dims=2), axis=1)

    np.testing.assert_allclose(scores[:, 0], score().numpy(), atol=2e-3)


def test_images_in_int8_have_near_logits_in_any_batch():
    images = np.random.default_rng(2).integers(0, 256, (4, 8, 8, 1)).astype("uint8")
    task = kerasbert.ImageClassifier.for_images(
        ["a", "b"], image_size=8, num_channels=1, patch_size=4
    )
    perturbed(task.model)
    expected = [answer["scores"]["a"] for answer in task.predict(images)]
    serve = task.serving_functions("int8")["pixels"]
    found = serve(tf.constant(images))["scores"].numpy()[:, 0]
    np.testing.assert_allclose(found, expected, atol=0.05)
    assert np.abs(found - expected).max() > 1e-6
    alone = serve(tf.constant(images[1:2]))["scores"].numpy()[0, 0]
    assert alone == pytest.approx(found[1], abs=1e-6)
    with pytest.raises(ValueError, match="Expected no calibration texts"):
        task.serving_functions("int8", calibration=["one"])
