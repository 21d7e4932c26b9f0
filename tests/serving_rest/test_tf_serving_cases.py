"""What TF Serving's JSON layer makes of requests and outputs, as facts.

The facts are those of tensorflow/serving's `util/json_tensor.cc` and of its tests, at
version 2.12.1 and later; bodies and tables are our own. Where we differ, `OURS` says
how and why.
"""

import json

import numpy as np
import pytest
import tensorflow as tf

from kerasbert.serving.errors import ServingError
from kerasbert.serving.examples import read_examples, results
from kerasbert.serving.json_text import parse_object
from kerasbert.serving.limits import Limits
from kerasbert.serving.protocol import Input, answer, read_request

NAN, INF = float("nan"), float("inf")
FOUR = {"i": "int32", "s": "string", "f": "float", "d": "double"}
TWO = {"i": "int32", "s": "string"}


def read(body, types):
    types = {"x": types} if isinstance(types, str) else types
    inputs = {name: Input(type) for name, type in types.items()}
    return read_request("predict", body.encode(), {"serving_default": inputs}, Limits())


# types of the inputs, body, and the values that come out of it; shape where it is told
# from the values alone.
TENSORS = [
    ("int32", '{"instances": [[1,2],[3,4],[5,6]]}', [[1, 2], [3, 4], [5, 6]]),
    ("int32", '{"instances": [{"x": [1,2]},{"x": [3,4]}]}', [[1, 2], [3, 4]]),
    ("int32", '{"inputs": {"x": [[[1,2],[3,4]]]}}', [[[1, 2], [3, 4]]]),
    ("int32", '{"inputs": [[[1,2],[3,4]]]}', [[[1, 2], [3, 4]]]),
    ("int32", '{"inputs": 7}', 7),
    ("int32", '{"inputs": []}', []),
    ("int32", '{"inputs": [[], []]}', [[], []]),
    ("int32", '{"instances": [[], []]}', [[], []]),
    ("int32", '\ufeff{"inputs": [1]}', [1]),
    ("int32", '{"inputs": [1], "unknown": {"key": null}}', [1]),
    ("float", '{"instances": [1, 2.0, 3, 4, 5.003, 0.007, 0.0]}', None),
    ("double", '{"instances": [1.0, 2, 3, 4, 0.662, 0, 0.0]}', None),
    ("float", '{"inputs": [NaN, Infinity, -Infinity]}', [NAN, INF, -INF]),
    ("float", '{"inputs": [-NaN, Inf, -Inf, 1]}', [NAN, INF, -INF, 1]),
    ("double", '{"inputs": [NaN, 2.0]}', [NAN, 2.0]),
    ("float", '{"inputs": [1e3, 1E-3, -2.5e+1]}', [1000, 1e-3, -25]),
    ("float", '{"inputs": [3.4028234e38, 1e-50]}', [3.4028234e38, 0]),
    ("float", '{"inputs": [16777215, -16777215]}', [16777215, -16777215]),
    ("double", '{"inputs": [9007199254740991]}', [9007199254740991]),
    ("double", '{"inputs": [1.7976931348623157e308]}', [1.7976931348623157e308]),
    # Integers of more than 64 bits are floats.
    ("float", '{"inputs": [18446744073709551616]}', [18446744073709551616.0]),
    ("double", '{"inputs": [-9223372036854775809]}', [-9223372036854775809.0]),
    ("int64", '{"inputs": [9223372036854775807]}', [2**63 - 1]),
    ("int64", '{"inputs": [-9223372036854775808]}', [-(2**63)]),
    ("uint64", '{"inputs": [18446744073709551615]}', [2**64 - 1]),
    ("uint32", '{"inputs": [4294967295, 0]}', [2**32 - 1, 0]),
    ("int8", '{"inputs": [-128, 127]}', [-128, 127]),
    ("uint8", '{"inputs": [0, 255]}', [0, 255]),
    ("int16", '{"inputs": [-32768, 32767]}', [-32768, 32767]),
    ("int32", '{"inputs": [-0, -2147483648]}', [0, -(2**31)]),
    ("bool", '{"inputs": [true, false]}', [True, False]),
    ("string", '{"instances": ["foo", "bar"]}', [b"foo", b"bar"]),
    ("string", '{"instances": [{"b64": "aGVsbG8="}, {"b64": "d29ybGQ="}]}', None),
    ("string", '{"instances": [[{"b64": "aGk="}], [{"b64": "aG8="}]]}', None),
    ("string", '{"instances": [{"x": [[{"b64": "aGk="}]]}]}', [[[b"hi"]]]),
    ("string", '{"inputs": {"b64": "aGk="}}', b"hi"),
    ("string", '{"instances": ["a", {"b64": "aGk="}]}', [b"a", b"hi"]),
    ("string", '{"inputs": [{"b64": "AP8"}]}', [b"\x00\xff"]),
    ("string", '{"inputs": [{"b64": " A P8= "}]}', [b"\x00\xff"]),
    ("string", '{"inputs": ["", "\\u0000", "\\ud83d\\ude00"]}', None),
]


@pytest.mark.parametrize(("types", "body", "expected"), TENSORS)
def test_a_body_is_these_tensors(types, body, expected):
    if expected is None:
        expected = {
            TENSORS[10][1]: np.float32([1, 2, 3, 4, 5.003, 0.007, 0]),
            TENSORS[11][1]: np.float64([1, 2, 3, 4, 0.662, 0, 0]),
            TENSORS[32][1]: [b"hello", b"world"],
            TENSORS[33][1]: [[b"hi"], [b"ho"]],
            TENSORS[39][1]: [b"", b"\0", "\N{GRINNING FACE}".encode()],
        }[body]
    dtype = {"string": object, "float": "float32", "double": "float64"}
    expected = np.array(expected, dtype.get(types, types))
    request = read(body, types)
    found = request.inputs["x"]
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found, expected)
    assert request.in_rows == ("instances" in body)


def test_several_inputs_of_several_types_are_read_together():
    first = '{"i": [[1,2],[3,4]], "s": ["foo", "bar"], "f": [1.0, NaN], "d": [NaN]}'
    second = '{"f": [2.0, Infinity], "d": [2.0], "i": [[5,6],[7,8]], "s": ["b", "c"]}'
    inputs = read(f'{{"instances": [{first}, {second}]}}', FOUR).inputs
    assert inputs["i"].tolist() == [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]
    assert inputs["s"].tolist() == [[b"foo", b"bar"], [b"b", b"c"]]
    np.testing.assert_array_equal(inputs["f"], np.float32([[1, NAN], [2, INF]]))
    np.testing.assert_array_equal(inputs["d"], [[NAN], [2.0]])


def test_columns_may_have_other_shapes_than_each_other():
    body = '{"inputs": {"i": [[[1,2],[3,4]]], "s": {"b64": "aGk="}, "more": 1}}'
    inputs = read(body, TWO).inputs
    assert inputs["i"].shape == (1, 2, 2)
    assert inputs["s"].shape == () and inputs["s"].item() == b"hi"


def test_a_zero_keeps_its_sign_where_it_has_a_point():
    found = read('{"inputs": [-0.0, -0, 0.0]}', "float").inputs["x"]
    assert np.signbit(found).tolist() == [True, False, False]


def refusal(function, *arguments):
    with pytest.raises(ServingError) as caught:
        function(*arguments)
    return caught.value


MAX = "1.7976931348623157e308"
REFUSED = [
    ("int32", "", "The document is empty"),
    ("int32", "instances = [1, 2]", "JSON Parse error: Invalid value. at offset: 0"),
    ("int32", "[1]", "Is not object"),
    ("int32", '{"signature_name": 5, "instances": [1]}', "must be a string value"),
    ("int32", '{"instances": [1], "inputs": [1]}', "Not formatted correctly"),
    ("int32", '{"instances": 1}', "to be an list/array"),
    ("int32", '{"instances": []}', "No values in 'instances' array"),
    ("int32", "{}", "Missing 'inputs' or 'instances' key"),
    ("int32", '{"instances": [[1,2],[3,4],[5,6,7]]}', "Expecting tensor size: 2 but"),
    ("int32", '{"instances": [[1,2],[3,4],[[5,6]]]}', "Expecting shape [2] but got"),
    ("int32", '{"instances": [1, [1]]}', "Expecting shape [] but got: [1]"),
    ("int32", '{"instances": [[1,2],["a","b"]]}', "not of expected type: int32"),
    ("int32", '{"instances": [null]}', "Type: Null is not of expected type"),
    ("int32", '{"inputs": [1.0]}', "JSON Value: 1.0 Type: Number is not of"),
    ("int32", '{"inputs": [1e2]}', "Type: Number is not of expected type"),
    ("int32", '{"inputs": [2147483648]}', "Type: Number is not of expected type"),
    ("int64", '{"inputs": [9223372036854775808]}', "is not of expected type: int64"),
    ("uint64", '{"inputs": [-1]}', "is not of expected type: uint64"),
    ("uint64", '{"inputs": [18446744073709551616]}', "is not of expected type"),
    ("uint32", '{"inputs": [-1]}', "is not of expected type: uint32"),
    ("bool", '{"inputs": [1]}', "Type: Number is not of expected type: bool"),
    ("bool", '{"inputs": ["true"]}', "Type: String is not of expected type: bool"),
    ("float", '{"inputs": [true]}', "Type: True is not of expected type: float"),
    ("float", '{"inputs": ["1.0"]}', "Type: String is not of expected type: float"),
    ("string", '{"inputs": [1]}', "Type: Number is not of expected type: string"),
    ("float", f'{{"instances": [{MAX}]}}', "without loss of precision"),
    ("float", '{"instances": [16777217]}', "16777217 to float without loss of prec"),
    ("float", '{"instances": [NaN, 1e39]}', "without loss of precision"),
    ("double", '{"instances": [9007199254740993]}', "without loss of precision"),
    ("double", '{"instances": [1e400]}', "Number too big to be stored in double."),
    ("double", f'{{"instances": [{"9" * 400}]}}', "Number too big to be stored"),
    ("float", '{"inputs": [NaN, 1e999]}', "Number too big to be stored in double."),
    ("float", '{"inputs": [nan]}', "Invalid value."),
    ("float", '{"inputs": [Infinite]}', "Invalid value."),
    ("float", '{"inputs": [+1]}', "Invalid value."),
    ("float", '{"inputs": [1.]}', "Miss fraction part in number."),
    ("float", '{"inputs": [1e]}', "Miss exponent in number."),
    ("float", '{"inputs": [01]}', "Missing a comma or ] after an array element."),
    ("float", '{"inputs": [1,]}', "Invalid value."),
    ("float", '{"inputs": {"x": [[1], 2]}}', "found at incorrect level: 2"),
    ("float", '{"inputs": [1, [2]]}', "Encountered list at unexpected level: 1"),
    ("float", '{"inputs": [[1, 2], [3]]}', "at unexpected size: 1 at level: 1"),
    ("string", '{"inputs": [{"b64": "%"}]}', "Unable to base64 decode"),
    ("string", '{"inputs": [{"b64": "AP8=="}]}', "Unable to base64 decode"),
    ("string", '{"inputs": [{"b64": 1}]}', "not formatted correctly for base64 data"),
    ("string", '{"inputs": [{"b64": "aGk=", "a": 1}]}', "not formatted correctly for"),
    ("int32", '{"inputs": {"b64": "aGk="}}', "Type: Object is not of expected type"),
    ("string", '{"inputs": ["\\ud800"]}', "The surrogate pair in string is invalid."),
    ("string", '{"inputs": ["\\udc80"]}', "The surrogate pair in string is invalid."),
    ("string", '{"inputs": ["\\ud800a"]}', "The surrogate pair in string is inval"),
    ("string", '{"inputs": ["a\nb"]}', "Invalid encoding in string."),
    ("string", '{"inputs": ["\\u12g4"]}', "Incorrect hex digit after \\u escape"),
    (TWO, '{"instances": [1]}', "instances is a plain list, but expecting list of"),
    (TWO, '{"inputs": [1]}', "inputs is a plain value/list, but expecting an object"),
    (TWO, '{"inputs": {"i": 1}}', "Missing named input: s in 'inputs' object."),
    (TWO, '{"instances": [{"i": 1, "s": "a"}, {"i": 1}]}', "keys must be equal to: i,"),
    (TWO, '{"instances": [{"i": 1, "s": "a", "z": 1}]}', "not have named input: z"),
    (TWO, '{"instances": [{"i": 1, "s": "a"}, [1]]}', "Expecting object but got list"),
    (
        TWO,
        '{"instances": [{"i": [1], "s": "a"}, {"i": [[1]], "s": "a"}]}',
        "Expecting shape [1] but got: [1,1]",
    ),
    (
        TWO,
        '{"instances": [{"i": [1], "s": "a"}, {"i": [1, 2], "s": "a"}]}',
        "Expecting tensor size: 1 but got: 2",
    ),
    ("string", '{"instances": [["a"], {"x": "b"}]}', "Expecting value/list but got ob"),
]


@pytest.mark.parametrize(("types", "body", "message"), REFUSED)
def test_a_body_is_refused_with_the_words_of_tf_serving(types, body, message):
    error = refusal(read, body, types)
    assert (error.code, error.http_status) == ("INVALID_ARGUMENT", 400)
    assert message in error.message


@pytest.mark.parametrize("dtype", ["complex64", "bfloat16", "resource"])
def test_a_type_without_json_is_not_implemented(dtype):
    error = refusal(read, '{"inputs": [1]}', dtype)
    assert (error.code, error.http_status) == ("UNIMPLEMENTED", 501)
    assert error.message == f"Conversion of JSON Value: 1 to type: {dtype}"
    assert refusal(read, '{"instances": [1]}', dtype).http_status == 400


OURS = [
    # TF Serving wraps 300 to 44; a value is right, or refused.
    ("int8", '{"inputs": [300]}', "Type: Number is not of expected type: int8"),
    # TF Serving takes the first member of inputs, and the last of a row.
    ("int32", '{"inputs": [1], "inputs": [2]}', '"inputs" names more than one member'),
    ("int32", '{"inputs": {"x": 1, "x": 2}}', '"x" names more than one member'),
    ("int32", '{"instances": [{"x": 1}, {"x": 1, "x": 2}]}', '"x" names more than'),
]


@pytest.mark.parametrize(("types", "body", "message"), OURS)
def test_what_tf_serving_takes_in_silence_is_refused(types, body, message):
    error = refusal(read, body, types)
    assert error.http_status == 400
    assert message in error.message


@pytest.mark.parametrize(("dtype", "value"), [("half", 1.5), ("uint16", 65535)])
def test_types_that_tf_serving_does_not_read_are_read(dtype, value):
    [found] = read(json.dumps({"inputs": [value]}), dtype).inputs["x"]
    assert found == value


def written(outputs, in_rows):
    """The JSON of outputs, in which numbers stay text."""
    return json.loads(
        answer(outputs, in_rows), parse_float=str, parse_constant=str, parse_int=int
    )


THREE = np.int32([[[1, 2], [3, 4]], [[5, 6], [7, 8]]])


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (THREE, THREE.tolist()),
        (np.int32([1, 2, 3]), [1, 2, 3]),
        (np.int64([2**63 - 1, -(2**63)]), [2**63 - 1, -(2**63)]),
        (np.uint64([2**64 - 1]), [2**64 - 1]),
        (np.uint32([2**32 - 1]), [2**32 - 1]),
        (np.int8([-128]), [-128]),
        (np.uint8([255]), [255]),
        (np.int16([-32768]), [-32768]),
        (np.array([True, False]), [True, False]),
        (np.float32([1, 0.2, -0.0, 555557.5]), ["1.0", "0.2", "-0.0", "555557.5"]),
        (np.float32([999999, 0.0003, 0.5]), ["999999.0", "0.0003", "0.5"]),
        (np.float64([0.1, 1 / 3]), ["0.1", "0.3333333333333333"]),
        (np.float16([0.5, 2]), ["0.5", "2.0"]),
        (
            np.float32([[NAN, INF], [3, -INF]]),
            [["NaN", "Infinity"], ["3.0", "-Infinity"]],
        ),
        (np.float64([0.1, NAN]), ["0.1", "NaN"]),
        (np.float32([0.2, NAN]), ["0.2", "NaN"]),  # not 0.20000000298023224
        (np.array([b"a", b"\xc3\xa9"], object), ["a", "é"]),
        (np.zeros([0, 2], np.int32), []),
        (np.zeros([0], object), []),
    ],
)
def test_an_output_is_this_json(array, expected):
    assert written({"x": array}, True) == {"predictions": expected}
    assert written({"x": array}, False) == {"outputs": expected}


def test_large_floats_are_the_numbers_of_tf_serving_in_other_digits():
    values = np.float32([9000000, 0.00003, 1e30, 1 / 3])
    read_back = json.loads(answer({"x": values}, False))["outputs"]
    theirs = [9e06, 3e-05, 1e30, 0.333333343]  # nine digits where six do not do
    np.testing.assert_array_equal(np.float32(read_back), np.float32(theirs))


def test_several_outputs_are_objects_in_rows_and_one_object_in_columns():
    outputs = {
        "n": THREE,
        "s": np.array([[b"foo"], [b"bar"]], object),
        "f": np.float32([[1], [NAN]]),
        "d": np.float64([8, 9]),
        "s_bytes": np.array([[b"hello"], [b"world"]], object),
    }
    hello, world = {"b64": "aGVsbG8="}, {"b64": "d29ybGQ="}
    row = {"n": [[1, 2], [3, 4]], "s": ["foo"], "f": ["1.0"], "d": "8.0"}
    other = {"n": [[5, 6], [7, 8]], "s": ["bar"], "f": ["NaN"], "d": "9.0"}
    rows = [{**row, "s_bytes": [hello]}, {**other, "s_bytes": [world]}]
    assert written(outputs, True) == {"predictions": rows}
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    assert written(outputs, False) == {"outputs": columns}


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({}, "Cannot convert empty tensor map to JSON"),
        ({"x": np.complex64([1])}, "write JSON value for tensor type: complex64"),
        ({"x": np.int32(1)}, "Tensor name: x has no shape information"),
        ({"a": THREE, "b": THREE[:1]}, "inconsistent batch size: 1 expecting: 2"),
        ({"a": THREE[:0], "b": THREE[:1]}, "inconsistent batch size: 1 expecting: 0"),
    ],
)
def test_outputs_that_are_no_rows_are_refused(outputs, message):
    error = refusal(answer, outputs, True)
    assert (error.code, error.http_status) == ("INVALID_ARGUMENT", 400)
    assert message in error.message


def features(serialized):
    """The features of a serialized example, by TensorFlow's own reader."""
    found = tf.train.Example.FromString(serialized).features.feature
    return {
        name: list(getattr(feature, feature.WhichOneof("kind") or "int64_list").value)
        for name, feature in found.items()
    }


def examples(body):
    return read_examples(parse_object(body.encode()), 10)


def test_examples_are_what_tensorflow_reads():
    found = examples(
        '{"examples": [{"names": ["foo", "bar"], "ratings": [8.0, 9.0], "age": 20},'
        ' {"names": ["baz", {"b64": "aGVsbG8="}], "ratings": 6.0, "mix": [1, true,'
        ' false, -9223372036854775808], "none": []}, {"ratings": [-Infinity, 1e30]}]}'
    )
    assert [features(each) for each in found] == [
        {"names": [b"foo", b"bar"], "ratings": [8.0, 9.0], "age": [20]},
        {
            "names": [b"baz", b"hello"],
            "ratings": [6.0],
            "mix": [1, 1, 0, -(2**63)],
            "none": [],
        },
        {"ratings": [-INF, np.float32(1e30)]},
    ]


def test_the_context_is_part_of_every_example():
    found = examples(
        '{"context": {"query": "pizza", "é": [1]}, "examples": [{"a": 1}, {"a": NaN}]}'
    )
    first, second = map(features, found)
    assert first == {"query": [b"pizza"], "é": [1], "a": [1]}
    assert np.isnan(second.pop("a"))
    assert second == {"query": [b"pizza"], "é": [1]}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"instances": [1]}', "key 'examples' is expected and was not found"),
        (
            '{"examples": {"names": ["foo"]}}',
            "Expecting 'examples' value to be an list",
        ),
        ('{"examples": []}', "'examples' value is an empty array"),
        ('{"examples": [[{}]]}', "Example must be JSON object but got JSON Array"),
        ('{"context": [{}]}', "Example must be JSON object but got JSON Array"),
        ('{"examples": [{"n": [10, null]}]}', "Feature: n has element with unexpected"),
        ('{"examples": [{"n": [10, 10.0]}]}', "feature: n expecting type: int64"),
        ('{"examples": [{"n": ["a", 1]}]}', "feature: n expecting type: bytes"),
        ('{"examples": [{"n": [1.5, true]}]}', "feature: n expecting type: float"),
        ('{"examples": [{"n": [10, {"t": 1}]}]}', "unexpected JSON type: Object"),
        ('{"examples": [{"n": [[10], 20]}]}', "unexpected JSON type: Array"),
        ('{"examples": [{"n": [18446744073709551603]}]}', "Only int64 is supported."),
        (f'{{"examples": [{{"n": {MAX}}}]}}', "to float without loss of precision"),
    ],
)
def test_what_is_no_example_is_refused(body, message):
    error = refusal(examples, body)
    assert error.http_status == 400
    assert message in error.message


def test_classes_are_pairs_of_label_and_score():
    labels = np.array([[b"car", b"bike"], [b"bus", b""]], object)
    scores = np.float32([[0.2, 0.7], [NAN, 1]])
    both = {"classes": labels, "scores": scores}
    assert results("classify", both, 2) == (
        b'{"results":[[["car",0.2],["bike",0.7]],[["bus",NaN],["",1.0]]]}'
    )
    assert results("classify", {"scores": scores[:1]}, 1) == (
        b'{"results":[[["",0.2],["",0.7]]]}'
    )
    assert results("classify", {"classes": labels[:1]}, 1) == (
        b'{"results":[[["car",0.0],["bike",0.0]]]}'
    )


def test_regressions_are_numbers():
    values = np.float32([0.2, INF, 1, -INF, NAN])
    body = b'{"results":[0.2,Infinity,1.0,-Infinity,NaN]}'
    assert results("regress", {"outputs": values}, 5) == body
    assert results("regress", {"outputs": values[:, None]}, 5) == body


@pytest.mark.parametrize(
    ("verb", "outputs", "message"),
    [
        ("regress", {"outputs": np.float32([[1, 2]])}, "either [batch_size] or [batch"),
        ("regress", {"outputs": np.float32([1, 2])}, "batch size: 1 vs. 2"),
        ("regress", {"outputs": np.float64([1])}, "Expected output Tensor of DT_FLOAT"),
        ("classify", {"scores": np.float32([1])}, "[batch_size num_classes] but got"),
        ("classify", {"scores": np.float32([[1], [2]])}, "batch size of 1. Got: 2"),
        ("classify", {"scores": np.int32([[1]])}, "scores Tensor of DT_FLOAT. Got"),
        ("classify", {"classes": np.float32([[1]])}, "classes Tensor of DT_STRING."),
        (
            "classify",
            {"classes": np.array([[b"a"]], object), "scores": np.float32([[1, 2]])},
            "should match in dim_size(1). Got 1 vs. 2",
        ),
    ],
)
def test_results_of_another_shape_or_type_are_refused(verb, outputs, message):
    assert message in refusal(results, verb, outputs, 1).message
