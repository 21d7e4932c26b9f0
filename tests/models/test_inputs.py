import keras
import numpy as np
import pytest

from kerasbert import models
from tests.models import tiny

IDS = tiny.INPUTS["token_ids"]


def with_input(name, value):
    return {**tiny.INPUTS, name: value}


@pytest.fixture(scope="module")
def encoder():
    return tiny.bert()


@pytest.mark.parametrize("name", tiny.INPUTS)
def test_a_missing_input_is_named(encoder, name):
    inputs = {key: value for key, value in tiny.INPUTS.items() if key != name}
    with pytest.raises(ValueError, match=f'"?{name}'):
        encoder(inputs)


def test_a_list_is_refused(encoder):
    with pytest.raises(ValueError, match="dictionary with token_ids.*got list"):
        encoder(list(tiny.INPUTS.values()))


def test_a_tensor_is_refused(encoder):
    with pytest.raises(ValueError, match="as a dict|dictionary"):
        encoder(IDS)


@pytest.mark.parametrize(
    "name, wrong, message",
    [
        ("token_ids", 11, "token_ids from 0 to 10 .*vocab_size is 11.*got 11"),
        ("token_ids", -1, "token_ids from 0 to 10 .*vocab_size is 11.*got -1"),
        ("segment_ids", 2, "segment_ids from 0 to 1 .*type_vocab_size is 2.*got 2"),
        ("segment_ids", -3, "segment_ids from 0 to 1 .*got -3"),
    ],
)
def test_an_id_outside_its_table_is_refused(encoder, name, wrong, message):
    ids = tiny.INPUTS[name].copy()
    ids[1, 2] = wrong
    with pytest.raises(ValueError, match=message):
        encoder(with_input(name, ids))


def test_a_head_model_refuses_what_its_encoder_refuses():
    model = models.SequenceClassificationModel(tiny.bert(num_hidden_layers=1), 2)
    with pytest.raises(ValueError, match="token_ids from 0 to 10"):
        model(with_input("token_ids", IDS + 20))


def test_more_tokens_than_positions_are_refused_in_eager_mode(encoder):
    inputs = {name: np.tile(value, (1, 3)) for name, value in tiny.INPUTS.items()}
    with pytest.raises(ValueError, match="at most 16 tokens .*got 21.*max_length=16"):
        encoder(inputs)


def test_as_many_tokens_as_positions_pass(encoder):
    inputs = {name: np.ones((1, 16), "int32") for name in tiny.INPUTS}
    assert np.isfinite(encoder(inputs)["pooled_output"]).all()


def test_more_tokens_than_positions_are_refused_in_predict():
    # An encoder of its own: on JAX, Keras leaves no weights behind a failure here.
    encoder = tiny.bert(num_hidden_layers=1)
    inputs = {name: np.ones((2, 20), "int32") for name in tiny.INPUTS}
    with pytest.raises(ValueError, match="at most 16 tokens .*got 20"):
        encoder.predict(inputs, verbose=0)


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="lengths are static elsewhere"
)
@pytest.mark.parametrize(
    "inputs, message",
    [
        (
            {name: np.tile(value, (1, 3)) for name, value in tiny.INPUTS.items()},
            r"is not in \[0, 16\)",
        ),
        (with_input("token_ids", IDS + 20), r"is not in \[0, 11\)"),
    ],
    ids=["too many tokens", "id outside the vocabulary"],
)
def test_a_graph_of_any_length_refuses_what_has_no_weights(encoder, inputs, message):
    import tensorflow as tf

    signature = {
        name: tf.TensorSpec((None, None), tf.int32, name) for name in tiny.INPUTS
    }
    function = tf.function(
        lambda batch: encoder(batch)["pooled_output"], input_signature=[signature]
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        function({name: tf.constant(value) for name, value in inputs.items()})


def test_64_bit_ids_are_taken(encoder):
    inputs = {name: value.astype("int64") for name, value in tiny.INPUTS.items()}
    np.testing.assert_array_equal(
        encoder(inputs)["pooled_output"], encoder(tiny.INPUTS)["pooled_output"]
    )


def test_no_rows_give_no_rows(encoder):
    inputs = {name: value[:0] for name, value in tiny.INPUTS.items()}
    assert tuple(encoder(inputs)["pooled_output"].shape) == (0, 8)
