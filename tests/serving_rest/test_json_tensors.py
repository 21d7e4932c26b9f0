import numpy as np
import pytest

from kerasbert.serving.errors import ServingError
from kerasbert.serving.json_tensors import array_of, json_of


def refusal(value, dtype):
    with pytest.raises(ServingError) as caught:
        array_of(value, dtype)
    assert caught.value.http_status == 400
    return caught.value.message


def test_a_scalar_and_nested_lists_become_arrays_of_their_shape():
    assert array_of(3, "int32").shape == ()
    array = array_of([[1, 2, 3], [4, 5, 6]], "int32")
    assert array.dtype == np.int32
    np.testing.assert_array_equal(array, [[1, 2, 3], [4, 5, 6]])
    assert array_of([], "string").shape == (0,)
    assert array_of([[], []], "float").shape == (2, 0)


def test_strings_are_bytes_and_base64_is_decoded():
    array = array_of(["é", {"b64": "AP8="}, {"b64": "AP8"}], "string")
    assert array.tolist() == ["é".encode(), b"\x00\xff", b"\x00\xff"]


def test_whole_numbers_and_special_values_are_floats():
    array = array_of([1, 2.5, float("nan"), float("-inf")], "float")
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, [1, 2.5, np.nan, -np.inf])


@pytest.mark.parametrize(
    ("value", "dtype", "kind"),
    [
        ("a", "int32", "String"),
        (1.0, "int32", "Number"),
        (True, "int64", "True"),
        (2**31, "int32", "Number"),
        (None, "string", "Null"),
        (1, "bool", "Number"),
        (False, "float", "False"),
        ({"a": 1}, "float", "Object"),
    ],
)
def test_a_value_of_another_type_is_named(value, dtype, kind):
    message = refusal([value], dtype)
    assert message.endswith(f"Type: {kind} is not of expected type: {dtype}")


def test_a_number_that_would_lose_digits_is_refused():
    message = refusal(2**24 + 1, "float")
    assert message == (
        "Cannot convert JSON value: 16777217 to float without loss of precision."
    )
    assert "to float without loss" in refusal(1e39, "float")
    assert array_of(2**24 + 1, "double") == 2**24 + 1


def test_lists_that_are_not_regular_are_refused():
    assert refusal([[1, 2], [3]], "int32") == (
        "Encountered list at unexpected size: 1 at level: 1 expected size: 2"
    )
    assert refusal([[1, 2], 3], "int32") == (
        "JSON Value: 3 found at incorrect level: 2 in the JSON DOM. "
        "Expected at level: 2"
    )
    assert refusal([1, [2]], "int32") == (
        "Encountered list at unexpected level: 1 expected < 1"
    )


def test_bad_base64_is_refused():
    assert refusal({"b64": "%"}, "string") == "Unable to base64 decode"
    assert refusal({"b64": 1}, "string").endswith(
        "not formatted correctly for base64 data"
    )


def test_bytes_are_written_in_base64_where_the_name_says_so():
    array = np.array([b"\xff"], object)
    assert json_of("image_bytes", array) == [{"b64": "/w=="}]
    assert json_of("text", np.array([[b"a", b"\xc3\xa9"]], object)) == [["a", "é"]]
