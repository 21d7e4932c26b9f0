import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasbert.serving.errors import ServingError
from kerasbert.serving.json_text import parse_object
from kerasbert.serving.limits import Limits
from kerasbert.serving.protocol import Input, answer, read_inputs, read_request

TEXT = {"text": Input("string")}
TWO = {"a": Input("int32"), "b": Input("float")}


def refusal(function, *arguments):
    with pytest.raises(ServingError) as caught:
        function(*arguments)
    assert caught.value.http_status == 400
    return caught.value.message


def test_rows_of_one_input_need_no_name():
    for instances in (["x", "y"], [{"text": "x"}, {"text": "y"}]):
        inputs, in_rows = read_inputs(
            {"instances": instances}, {"text": Input("string")}
        )
        assert in_rows
        assert inputs["text"].tolist() == [b"x", b"y"]


def test_rows_of_several_inputs_become_their_columns():
    rows = [{"a": [1, 2], "b": 0.5}, {"b": 1.5, "a": [3, 4]}]
    inputs, _ = read_inputs({"instances": rows}, TWO)
    np.testing.assert_array_equal(inputs["a"], [[1, 2], [3, 4]])
    np.testing.assert_array_equal(inputs["b"], np.float32([0.5, 1.5]))
    columns = {"a": [[1, 2], [3, 4]], "b": [0.5, 1.5]}
    same, in_rows = read_inputs({"inputs": columns}, TWO)
    assert not in_rows
    for name in TWO:
        np.testing.assert_array_equal(inputs[name], same[name])


def test_a_base64_object_is_a_value_and_no_row_of_names():
    for body in ({"instances": [{"b64": "aGk="}]}, {"inputs": [{"b64": "aGk="}]}):
        inputs, _ = read_inputs(body, {"text": Input("string")})
        assert inputs["text"].tolist() == [b"hi"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Missing 'inputs' or 'instances' key"),
        ({"instances": [1], "inputs": [1]}, "expecting only one of 'inputs' or"),
        ({"instances": 1}, "Excepting 'instances' to be an list/array"),
        ({"instances": []}, "No values in 'instances' array"),
        (
            {"instances": [1]},
            "instances is a plain list, but expecting list of objects",
        ),
        ({"inputs": [1]}, "inputs is a plain value/list, but expecting an object"),
        ({"inputs": {"a": [1]}}, "Missing named input: b in 'inputs' object."),
        ({"instances": [{"a": 1}]}, "keys must be equal to: a,b"),
        (
            {"instances": [{"a": 1, "b": 2, "c": 3}]},
            "Failed to process element: 0 key: c of 'instances' list. Error: "
            "INVALID_ARGUMENT: JSON object: does not have named input: c",
        ),
        (
            {"instances": [{"a": 1, "b": 2}, 3]},
            "Expecting object but got list at item 1",
        ),
        (
            {"instances": [{"a": [1], "b": 2}, {"a": [1, 2], "b": 2}]},
            "Expecting tensor size: 1 but got: 2",
        ),
        (
            {"instances": [{"a": [1, 2], "b": 2}, {"a": [[1, 2]], "b": 2}]},
            "Expecting shape [2] but got: [1,2]",
        ),
    ],
)
def test_what_is_wrong_with_a_request_is_said(body, message):
    assert message in refusal(read_inputs, body, TWO)


def test_an_object_among_plain_rows_is_refused():
    message = refusal(
        read_inputs, {"instances": ["a", {"text": "b"}]}, {"text": Input("string")}
    )
    assert message == "Expecting value/list but got object at item 1 of input list"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The document is empty"),
        (b" ", "The document is empty. at offset: 1"),
        (b"{", "Missing a name for object member. at offset: 1"),
        (b"{1:2}", "Missing a name for object member. at offset: 1"),
        (b'{"a" 1}', "Missing a colon after a name of object member. at offset: 5"),
        (b'{"a":}', "Invalid value. at offset: 5"),
        (b'{"a":"b', "Missing a closing quotation mark in string. at offset: 5"),
        (b'{"a":"\\x"}', "Invalid escape character in string. at offset: 6"),
        (b'{"a":[1 2', "Missing a comma or ] after an array element. at offset: 8"),
        (b'{"a":[[1],{"b":1 2', "Missing a comma or } after an object member."),
        (b"{} {}", "The document root must not be followed by other values."),
        (b'{"\xc3\xa9":}', "Invalid value. at offset: 6"),
        (b"[" * 100_000, "Nested too deeply."),
        (b'{"a":' + b"9" * 5000 + b"}", "Number too big to be stored in double."),
    ],
)
def test_malformed_json_is_placed(body, message):
    assert refusal(parse_object, body).startswith(f"JSON Parse error: {message}")


def test_json_that_is_no_object_is_refused():
    assert refusal(parse_object, b"[1]") == "JSON Value: [\n    1\n] Is not object"


def test_an_error_repeats_the_beginning_of_a_long_value_alone():
    assert len(refusal(parse_object, b'"' + b"a" * 10**6 + b'"')) < 300


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "b64", "c"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(
    value=VALUES,
    key=st.sampled_from(["instances", "inputs"]),
    types=st.sampled_from(
        [TWO, *({"a": Input(type)} for type in ("string", "int64", "double", "bool"))]
    ),
)
@settings(max_examples=300, deadline=None)
def test_any_json_is_tensors_or_refused(value, key, types):
    try:
        document = parse_object(json.dumps({key: value}).encode())
        inputs, _ = read_inputs(document, types)
    except ServingError as error:
        assert error.http_status == 400
    else:
        assert inputs.keys() == types.keys()


def test_the_default_signature_is_the_serving_one():
    inputs = {"serving_default": TEXT, "empty": {}}
    for body in (b'{"inputs": []}', b'{"signature_name": "", "inputs": []}'):
        request = read_request("predict", body, inputs, Limits())
        assert request.signature == "serving_default"
    for name, message in (
        (b"1", "'signature_name' key must be a string value."),
        (b'"other"', 'Serving signature name: "other" not found in signature def'),
        (b'"empty"', "Failed to get input map for signature: empty"),
    ):
        body = b'{"signature_name": %b, "inputs": []}' % name
        assert refusal(read_request, "predict", body, inputs, Limits()).endswith(
            message
        )


def test_one_output_drops_its_name_and_several_make_objects():
    one = {"x": np.float32([[1, 0.1], [2, 0.2]])}
    two = {**one, "n": np.int32([3, 4])}
    assert answer(one, True) == b'{"predictions":[[1.0,0.1],[2.0,0.2]]}'
    assert json.loads(answer(one, False)) == {"outputs": [[1, 0.1], [2, 0.2]]}
    rows = [{"n": 3, "x": [1, 0.1]}, {"n": 4, "x": [2, 0.2]}]
    assert json.loads(answer(two, True)) == {"predictions": rows}
    columns = {"n": [3, 4], "x": [[1, 0.1], [2, 0.2]]}
    assert json.loads(answer(two, False)) == {"outputs": columns}


def test_floats_survive_the_way_there_and_back():
    values = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    values[:3] = 1e-30, 3e38, -0.0
    read = json.loads(answer({"x": values}, False))["outputs"]
    np.testing.assert_array_equal(np.float32(read), values)


def test_special_values_are_written_bare():
    outputs = {"x": np.float32([np.nan, np.inf, -np.inf]), "n": np.int32([1, 2, 3])}
    assert b'"x":[NaN,Infinity,-Infinity]' in answer(outputs, False)
    assert b'{"n":1,"x":NaN}' in answer(outputs, True)


def test_outputs_without_a_row_for_every_row_are_refused_in_rows_alone():
    scalar = {"x": np.float32(1)}
    assert answer(scalar, False) == b'{"outputs":1.0}'
    assert refusal(answer, scalar, True) == "Tensor name: x has no shape information "
    uneven = {"x": np.float32([1]), "y": np.float32([1, 2])}
    assert refusal(answer, uneven, True) == (
        "Tensor name: y has inconsistent batch size: 2 expecting: 1"
    )
