import functools
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasbert
from kerasbert.checkpoints.hubs.tfhub import _tensorflow_hub
from kerasbert.export.reusable import export_reusable, hub_variables
from tests.export.served import FIXTURES, embedder_of

LENGTH = 16
TEXTS = ["good morning", "a cat sat on the mat", "the"]
INPUTS = {
    "input_word_ids": "token_ids",
    "input_mask": "padding_mask",
    "input_type_ids": "segment_ids",
}


one_model = pytest.mark.parametrize("model", ["sentence_mean"], indirect=True)


@functools.cache
def hub():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _tensorflow_hub()


@pytest.fixture(scope="module", params=["sentence_mean", "sentence_albert"])
def model(request, tmp_path_factory):
    """An embedder, and the folder that it was written to."""
    embedder = embedder_of(request.param)
    folder = tmp_path_factory.mktemp("reusable") / "model"
    return embedder, export_reusable(embedder, folder, max_length=LENGTH)


@pytest.fixture
def batch(model):
    """What the model's tokenizer makes of texts, by TF Hub's names."""
    rows = model[0].tokenizer.encode(TEXTS, max_length=LENGTH)
    token_ids = np.full([len(TEXTS), LENGTH], model[0].tokenizer.pad_token_id, "int32")
    padding_mask = np.zeros_like(token_ids)
    for index, row in enumerate(rows):
        token_ids[index, : len(row)] = row
        padding_mask[index, : len(row)] = 1
    return {
        "input_word_ids": tf.constant(token_ids),
        "input_mask": tf.constant(padding_mask),
        "input_type_ids": tf.zeros_like(token_ids),
    }


def test_tensorflow_hub_loads_an_encoder_that_computes_the_same(model, batch):
    embedder, folder = model
    answer = hub().load(str(folder))(batch)
    expected = embedder.encoder(
        {ours: batch[theirs] for theirs, ours in INPUTS.items()}
    )
    for name in ("sequence_output", "pooled_output"):
        np.testing.assert_allclose(answer[name], expected[name], 0, 1e-5)
    layers = expected["hidden_states"][1:]
    for ours, theirs in zip(answer["encoder_outputs"], layers, strict=True):
        np.testing.assert_allclose(ours, theirs, 0, 1e-5)
    np.testing.assert_allclose(answer["default"], embedder.encode(TEXTS), 0, 1e-5)


def test_the_preprocessor_makes_its_inputs_of_texts(model, batch):
    _, folder = model
    inputs = hub().load(str(folder / "preprocessor"))(tf.constant(TEXTS))
    assert set(inputs) == set(batch)
    for name, rows in inputs.items():
        np.testing.assert_array_equal(rows, batch[name])


def test_kerasbert_reads_it_back(model):
    embedder, folder = model
    again = kerasbert.load_encoder(folder)
    config = embedder.encoder.config
    for name in ("hidden_size", "num_hidden_layers", "hidden_act", "vocab_size"):
        assert getattr(again.config, name) == getattr(config, name)
    for ours, theirs in zip(
        again.get_weights(), embedder.encoder.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    tokenizer = kerasbert.Tokenizer.from_pretrained(folder)
    assert tokenizer.vocabulary == embedder.tokenizer.vocabulary
    assert tokenizer.encode(TEXTS) == embedder.tokenizer.encode(TEXTS)


@pytest.mark.usefixtures("truncation_is_known")
def test_an_embedder_read_back_gives_the_same_vectors(tmp_path):
    embedder = embedder_of("sentence_dense")  # normalised, a projection, a length
    prompted = kerasbert.TextEmbedder.from_pretrained(
        FIXTURES / "sentence_dense" / "sentence_transformers"
    )
    prompted.prompts, prompted.default_prompt = {"cats": "a cat: "}, "cats"
    vectors = []
    for number, each in enumerate((embedder, prompted)):
        folder = export_reusable(each, tmp_path / f"model{number}")
        again = kerasbert.TextEmbedder.from_pretrained(folder)
        assert again.max_length == each.max_length
        inputs = hub().load(str(folder / "preprocessor"))(tf.constant(TEXTS))
        expected = each.encode(TEXTS)
        found = hub().load(str(folder))(inputs)["default"]
        np.testing.assert_allclose(again.encode(TEXTS), expected, 0, 1e-5)
        np.testing.assert_allclose(found, expected, 0, 1e-5)
        vectors.append(expected)
    assert np.abs(vectors[0] - vectors[1]).max() > 0.01
    card = (tmp_path / "model1" / "README.md").read_text("utf-8")
    assert 'hub.load("model1/preprocessor")' in card
    assert "| put before every text | `a cat: ` |" in card


def test_dropout_is_there_in_training_alone_and_another_every_time(tmp_path):
    config = kerasbert.BertConfig(
        vocab_size=300,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=16,
        hidden_dropout_prob=0.5,
    )
    embedder = kerasbert.TextEmbedder(
        kerasbert.BertEncoder(config), embedder_of("sentence_mean").tokenizer
    )
    root = hub().load(str(export_reusable(embedder, tmp_path / "model")))
    ones = tf.ones([1, 3], tf.int32)
    batch = dict.fromkeys(INPUTS, ones)
    quiet = [root(batch, training=False)["default"].numpy() for _ in range(2)]
    noisy = [root(batch, training=True)["default"].numpy() for _ in range(2)]
    np.testing.assert_array_equal(*quiet)
    assert np.abs(noisy[0] - noisy[1]).max() > 0.01
    assert np.abs(noisy[0] - quiet[0]).max() > 0.01


def fit(keras, optimizer, inputs, outputs, batch):
    """Trains to give texts their number; returns the loss before and after."""
    model = keras.Model(inputs, keras.layers.Dense(1)(outputs))
    model.compile(optimizer=optimizer, loss="mse")
    labels = np.arange(len(TEXTS), dtype="float32")[:, None]
    history = model.fit(batch, labels, epochs=4, verbose=0).history["loss"]
    return history[0], history[-1]


@one_model
@pytest.mark.filterwarnings("ignore")
def test_hub_keras_layer_fine_tunes_it(model, batch):
    import tf_keras

    _, folder = model
    layer = hub().KerasLayer(str(folder), trainable=True)
    before = [weight.numpy() for weight in layer.trainable_weights]
    assert len(before) == len(hub_variables(model[0].encoder))
    inputs = {name: tf_keras.Input([None], dtype="int32", name=name) for name in INPUTS}
    adam = tf_keras.optimizers.Adam(0.01)
    first, last = fit(tf_keras, adam, inputs, layer(inputs)["default"], batch)
    assert last < first
    changed = [
        np.abs(weight.numpy() - old).max()
        for weight, old in zip(layer.trainable_weights, before, strict=True)
    ]
    assert np.mean(np.array(changed) > 1e-4) > 0.8  # all but the pooler's


@one_model
def test_keras_3_fine_tunes_it(model, batch):
    _, folder = model
    layer = keras.layers.TFSMLayer(
        str(folder), call_endpoint="__call__", call_training_endpoint="train"
    )
    assert len(layer.trainable_weights) == len(hub_variables(model[0].encoder))
    before = layer.trainable_weights[0].numpy()
    inputs = {name: keras.Input([None], dtype="int32", name=name) for name in INPUTS}
    # Keras 3 names the moments of Adam after `kernel:0`, which TensorFlow refuses.
    plain = keras.optimizers.SGD(0.01)
    first, last = fit(keras, plain, inputs, layer(inputs)["default"], batch)
    assert last < first
    assert np.abs(layer.trainable_weights[0].numpy() - before).max() > 1e-6


def test_an_albert_of_several_groups_has_no_place_there():
    encoder = kerasbert.load_encoder(FIXTURES / "albert_groups" / "huggingface")
    with pytest.raises(ValueError, match="4 blocks with weights of their own"):
        hub_variables(encoder)


def test_a_folder_that_exists_is_replaced_when_asked_alone(tmp_path):
    (tmp_path / "old").write_text("old")
    with pytest.raises(FileExistsError):
        export_reusable(embedder_of("sentence_mean"), tmp_path)
    assert (tmp_path / "old").read_text() == "old"
