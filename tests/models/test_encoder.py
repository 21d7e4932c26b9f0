import keras
import numpy as np
import pytest

from kerasbert.layers import packing_of
from tests import harness, reference
from tests.harness import LENGTHS, S, numpy
from tests.models import tiny

ENCODERS = {
    "BERT": lambda: tiny.bert(hidden_act="gelu"),
    "ALBERT": lambda: tiny.albert(num_hidden_layers=3),
    "ALBERT, groups": lambda: tiny.albert(
        num_hidden_layers=4, num_hidden_groups=2, inner_group_num=2
    ),
}
BLOCKS_OF_LAYERS = {
    "BERT": [["layer_0"], ["layer_1"]],
    "ALBERT": [["group_0_inner_0"]] * 3,
    "ALBERT, groups": [["group_0_inner_0", "group_0_inner_1"]] * 2
    + [["group_1_inner_0", "group_1_inner_1"]] * 2,
}
every_encoder = pytest.mark.parametrize("kind", ENCODERS)


@every_encoder
def test_encoder_is_the_reference(kind):
    encoder = ENCODERS[kind]()
    activation = reference.gelu if kind == "BERT" else reference.gelu_tanh
    inputs = {name: value[tiny.REAL] for name, value in tiny.INPUTS.items()}
    hidden_states, pooled = reference.encoder(
        inputs, reference.weights_of(encoder), BLOCKS_OF_LAYERS[kind], 2, activation
    )
    outputs = numpy(encoder(inputs))
    assert len(outputs["hidden_states"]) == len(hidden_states)
    for out, ref in zip(outputs["hidden_states"], hidden_states, strict=True):
        np.testing.assert_allclose(out, ref, rtol=1e-5, atol=5e-6)
    np.testing.assert_allclose(outputs["pooled_output"], pooled, rtol=1e-5, atol=5e-6)


@every_encoder
def test_outputs_are_those_of_the_contract(kind):
    encoder = ENCODERS[kind]()
    outputs = numpy(encoder(tiny.INPUTS))
    assert set(outputs) == {"sequence_output", "pooled_output", "hidden_states"}
    assert len(outputs["hidden_states"]) == encoder.config.num_hidden_layers + 1
    np.testing.assert_array_equal(
        outputs["hidden_states"][-1], outputs["sequence_output"]
    )
    np.testing.assert_array_equal(
        outputs["hidden_states"][0],
        numpy(encoder.embeddings(tiny.INPUTS["token_ids"], tiny.INPUTS["segment_ids"])),
    )


@every_encoder
def test_packed_tokens_come_out_as_in_rows(kind):
    encoder = ENCODERS[kind]()
    packing, position_ids, mask = packing_of(LENGTHS, int(LENGTHS.sum()), S)
    packed = encoder.compute_packed(
        tiny.INPUTS["token_ids"][tiny.TOKENS],
        tiny.INPUTS["segment_ids"][tiny.TOKENS],
        position_ids,
        mask,
        packing,
    )
    padded = encoder(tiny.INPUTS)["hidden_states"]
    for out, ref in zip(numpy(packed), numpy(padded), strict=True):
        np.testing.assert_allclose(out, ref[tiny.TOKENS], rtol=1e-6, atol=1e-6)


def test_albert_shares_its_weights_between_layers():
    two, five = tiny.albert(), tiny.albert(num_hidden_layers=5)
    assert two.count_params() == five.count_params()
    assert len(five.blocks) == 1
    block = 4 * (8 * 8 + 8) + (8 * 16 + 16) + (16 * 8 + 8) + 2 * 2 * 8
    embeddings = (11 + 2 + 16) * 4 + 2 * 4 + (4 * 8 + 8)
    assert five.count_params() - _seeds(five) == embeddings + block + (8 * 8 + 8)


def test_groups_and_inner_groups_have_weights_of_their_own():
    one = tiny.albert(num_hidden_layers=4)
    many = tiny.albert(num_hidden_layers=4, num_hidden_groups=2, inner_group_num=3)
    assert [block.name for block in many.blocks] == [
        f"group_{group}_inner_{inner}" for group in range(2) for inner in range(3)
    ]
    block = one.blocks[0].count_params() - _seeds(one.blocks[0])
    added = (many.count_params() - _seeds(many)) - (one.count_params() - _seeds(one))
    assert added == 5 * block


@pytest.mark.parametrize(
    "layers, groups, expected",
    [(4, 2, "0011"), (5, 2, "00011"), (6, 3, "001122"), (3, 3, "012")],
)
def test_layers_fall_into_groups_in_their_order(layers, groups, expected):
    encoder = tiny.albert(num_hidden_layers=layers, num_hidden_groups=groups)
    names = [blocks[0].name for blocks in encoder.layer_blocks]
    assert names == [f"group_{group}_inner_0" for group in expected]


def _seeds(layer):
    """Numbers that count as parameters and are the state of dropout."""
    return sum(2 for variable in layer.variables if "seed" in variable.path)


@every_encoder
def test_attention_model_gives_the_probabilities_of_every_block(kind):
    encoder = ENCODERS[kind]()
    before = numpy(encoder(tiny.INPUTS))
    model = encoder.attention_model()
    outputs = numpy(model(tiny.INPUTS))
    probs = outputs.pop("attention_probs")
    assert len(probs) == sum(map(len, BLOCKS_OF_LAYERS[kind]))
    for out in probs:
        np.testing.assert_allclose(out.sum(-1), 1.0, rtol=1e-5)
        hidden = ~tiny.TOKENS[:, None, None, :] & tiny.REAL[:, None, None, None]
        assert np.abs(out * hidden).max() == 0.0
    for out, ref in zip(harness.flat(outputs), harness.flat(before), strict=True):
        np.testing.assert_array_equal(out, ref)


def test_attention_model_gives_the_probabilities_of_the_reference():
    encoder = tiny.bert()
    weights = reference.weights_of(encoder)
    inputs = {name: value[tiny.REAL] for name, value in tiny.INPUTS.items()}
    outputs = numpy(encoder.attention_model()(inputs))
    visible = inputs["padding_mask"].astype(bool)[:, None].repeat(S, 1)
    for layer, probs in enumerate(outputs["attention_probs"]):
        states = outputs["hidden_states"][layer].astype("float64")
        part = reference.under(weights, f"layer_{layer}/attention")
        _, expected = reference.attention(states, states, visible, part, 2)
        np.testing.assert_allclose(probs, expected, rtol=1e-5, atol=2e-6)


def test_attention_model_shares_the_weights_and_leaves_the_encoder_alone():
    encoder = tiny.bert()
    layers, variables = list(encoder.layers), [id(v) for v in encoder.variables]
    model = encoder.attention_model()
    assert encoder.layers == layers
    assert [id(v) for v in encoder.variables] == variables
    assert {id(v) for v in model.variables} == set(variables)
    query = encoder.blocks[0].attention.query_dense
    before = numpy(model(tiny.INPUTS))["attention_probs"][0]
    query.kernel.assign(5.0 * query.kernel)
    after = numpy(model(tiny.INPUTS))["attention_probs"][0]
    assert np.abs(before - after).max() > 1e-3


def test_a_part_of_the_graph_is_a_model_of_its_own():
    encoder = tiny.bert()
    first = keras.Model(encoder.input, encoder.output["hidden_states"][1])
    np.testing.assert_array_equal(
        numpy(first(tiny.INPUTS)), numpy(encoder(tiny.INPUTS))["hidden_states"][1]
    )


def test_every_layer_can_be_frozen_on_its_own():
    encoder = tiny.bert()
    encoder.embeddings.trainable = False
    encoder.blocks[0].trainable = False
    paths = {variable.path.split("/")[0] for variable in encoder.trainable_variables}
    assert paths == {"layer_1", "pooler"}


def test_outputs_are_of_the_policys_dtype_and_heads_are_not():
    encoder = tiny.bert("mixed_bfloat16")
    kinds = {x.dtype for x in keras.tree.flatten(encoder.output)}
    assert kinds == {"bfloat16"}
    assert encoder.dtype_policy.name == "mixed_bfloat16"


def test_global_policy_is_taken_where_none_is_given():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        encoder = tiny.bert()
    finally:
        keras.config.set_dtype_policy("float32")
    assert encoder.blocks[0].attention.query_dense.compute_dtype == "bfloat16"
    assert encoder.get_config()["dtype"]["config"]["name"] == "mixed_bfloat16"
