import numpy as np
import pytest

from kerasbert import models
from tests import reference
from tests.harness import BATCH, numpy, randomise
from tests.models import tiny

POSITIONS = BATCH["masked_positions"]


def test_masked_lm_model_is_the_reference():
    encoder = tiny.albert()
    model = randomise(models.MaskedLMModel(encoder), seed=1)
    out = numpy(model({**tiny.INPUTS, "masked_positions": POSITIONS}))["mlm_logits"]
    states = numpy(encoder(tiny.INPUTS))["sequence_output"].astype("float64")
    picked = np.take_along_axis(states, POSITIONS[..., None], 1)
    weights = reference.weights_of(model)
    expected = reference.masked_lm(
        picked,
        reference.under(weights, "masked_lm_head"),
        weights["embeddings/token_embedding/embeddings"],
        reference.gelu_tanh,
    )
    np.testing.assert_allclose(out, expected, rtol=1e-5, atol=3e-6)


def test_masked_lm_logits_follow_the_token_embedding():
    encoder = tiny.bert(num_hidden_layers=1)
    model = randomise(models.PretrainingModel(encoder))
    inputs = {**tiny.INPUTS, "masked_positions": POSITIONS}
    table = encoder.token_embedding.embeddings
    assert sum(v is table for v in model.trainable_variables) == 1
    before = numpy(model(inputs))["mlm_logits"]
    unused = next(t for t in range(11) if t not in tiny.INPUTS["token_ids"])
    changed = numpy(table)
    changed[unused] += 1.0
    table.assign(changed)
    after = numpy(model(inputs))["mlm_logits"]
    assert np.abs(after - before)[..., unused].min() > 0
    others = np.arange(11) != unused
    np.testing.assert_array_equal(after[..., others], before[..., others])


def test_pair_logits_are_a_dense_layer_on_the_pooled_output():
    encoder = tiny.bert(num_hidden_layers=1)
    model = randomise(models.SentencePairModel(encoder))
    weights = reference.weights_of(model)
    pooled = numpy(encoder(tiny.INPUTS))["pooled_output"].astype("float64")
    expected = reference.dense(pooled, weights, "pair_head/dense")
    out = numpy(model(tiny.INPUTS))["pair_logits"]
    np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("make", [tiny.bert, tiny.albert])
def test_class_logits_are_those_of_the_whole_encoder(make):
    """Of the last block, the model computes the token that the pooler reads."""
    encoder = make(num_hidden_layers=2)
    model = randomise(models.SequenceClassificationModel(encoder, 3))
    whole = numpy(encoder(tiny.INPUTS))
    weights = reference.weights_of(model)
    expected = reference.dense(
        whole["pooled_output"].astype("float64"), weights, "classification_head/dense"
    )
    out = numpy(model(tiny.INPUTS))["logits"]
    np.testing.assert_allclose(out, expected, rtol=1e-5, atol=2e-6)
    states = numpy(model.encoder(tiny.INPUTS))["sequence_output"]
    np.testing.assert_array_equal(states, whole["sequence_output"])


def test_token_logits_are_a_dense_layer_on_every_state():
    encoder = tiny.bert(num_hidden_layers=1)
    model = randomise(models.TokenClassificationModel(encoder, 3))
    weights = reference.weights_of(model)
    states = numpy(encoder(tiny.INPUTS))["sequence_output"].astype("float64")
    expected = reference.dense(states, weights, "classification_head/dense")
    out = numpy(model(tiny.INPUTS))["logits"]
    np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-6)


def test_span_logits_are_the_two_columns_of_a_dense_layer():
    encoder = tiny.bert(num_hidden_layers=1)
    model = randomise(models.QuestionAnsweringModel(encoder))
    weights = reference.weights_of(model)
    states = numpy(encoder(tiny.INPUTS))["sequence_output"].astype("float64")
    expected = reference.dense(states, weights, "span_head/dense")
    out = numpy(model(tiny.INPUTS))
    for i, name in enumerate(["start_logits", "end_logits"]):
        np.testing.assert_allclose(out[name], expected[..., i], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "labels, names", [(2, ["0", "1"]), (["bad", "good"], ["bad", "good"])]
)
def test_labels_are_names_or_their_number(labels, names):
    model = models.SequenceClassificationModel(tiny.bert(num_hidden_layers=1), labels)
    assert model.labels == names
    assert model.get_config()["labels"] == names
    assert model.output["logits"].shape[-1] == 2


def test_masked_lm_heads_run_on_states_that_were_computed_otherwise():
    model = randomise(models.MaskedLMModel(tiny.bert(num_hidden_layers=1)))
    expected = numpy(model({**tiny.INPUTS, "masked_positions": POSITIONS}))
    states = model.encoder(tiny.INPUTS)["hidden_states"]
    mask = tiny.INPUTS["padding_mask"]
    found = numpy(model.outputs_of(states, mask, POSITIONS))["mlm_logits"]
    np.testing.assert_allclose(found, expected["mlm_logits"], rtol=1e-5, atol=1e-6)
    every = numpy(model.outputs_of(states, mask))["mlm_logits"]
    picked = np.take_along_axis(every, POSITIONS[..., None], 1)
    np.testing.assert_allclose(picked, found, rtol=1e-5, atol=1e-6)
