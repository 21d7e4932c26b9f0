"""Nested JSON lists to arrays and back, with the checks that TF Serving makes."""

import base64
import binascii

import numpy as np

from kerasbert.serving.errors import invalid_argument
from kerasbert.serving.json_text import quoted, type_name

__all__ = ["array_of", "is_base64", "json_of"]

_INTEGERS = "int8 int16 int32 int64 uint8 uint16 uint32 uint64".split()
_FLOATS = {"half": np.float16, "float": np.float32, "double": np.float64}
_WRITABLE = {np.dtype(name) for name in [*_INTEGERS, *_FLOATS.values(), bool]}


def array_of(value, dtype):
    """The array that a JSON value stands for.

    Args:
        value: A scalar or nested lists, regular ones.
        dtype: The name of the tensor's type: `"string"`, `"int32"`, `"float"`, ...

    Returns:
        A NumPy array; bytes objects for strings.

    Raises:
        ServingError: If the lists are not regular, or a value is of another type.
    """
    shape = _shape(value)
    leaves = []
    _collect(value, 0, shape, leaves)
    return _converted(leaves, dtype).reshape(shape)


def json_of(name, array):
    """An array as something that a JSON writer takes.

    Args:
        name: The name of the output. What ends in `_bytes` is written in base64.
        array: A NumPy array.

    Returns:
        A NumPy array or scalar of numbers, or nested lists.

    Raises:
        ServingError: If there is no JSON for its type.
    """
    if array.dtype == object:
        as_json = _base64 if name.endswith("_bytes") else _text
        return _map(as_json, array.tolist())
    if array.dtype not in _WRITABLE:
        raise invalid_argument(
            f"Failed to write JSON value for tensor type: {array.dtype}"
        )
    return np.ascontiguousarray(array) if array.ndim else array[()]


def is_base64(value):
    """Whether a JSON value is `{"b64": "..."}`."""
    return (
        isinstance(value, dict)
        and list(map(type, value.values())) == [str]
        and ("b64" in value)
    )


def _shape(value):
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        value = value[0] if value else None
    return shape


def _collect(value, level, shape, leaves):
    """Appends the leaves of nested lists, all as long as the first of their level."""
    if not isinstance(value, list):
        if level != len(shape):
            raise invalid_argument(
                f"JSON Value: {quoted(value)} found at incorrect level: {level + 1} in "
                f"the JSON DOM. Expected at level: {len(shape)}"
            )
        leaves.append(value)
        return
    if level >= len(shape):
        raise invalid_argument(
            f"Encountered list at unexpected level: {level} expected < {len(shape)}"
        )
    if len(value) != shape[level]:
        raise invalid_argument(
            f"Encountered list at unexpected size: {len(value)} at level: {level} "
            f"expected size: {shape[level]}"
        )
    if level == len(shape) - 1 and list not in set(map(type, value)):
        leaves.extend(value)
        return
    for item in value:
        _collect(item, level + 1, shape, leaves)


def _converted(leaves, dtype):
    types = set(map(type, leaves))
    if dtype == "string":
        array = np.empty(len(leaves), object)
        array[:] = [_bytes(leaf) for leaf in leaves]
        return array
    if dtype in _INTEGERS:
        _check_types(leaves, types, {int}, dtype)
        limits = np.iinfo(dtype)
        for leaf in leaves and (min(leaves), max(leaves)):
            if not limits.min <= leaf <= limits.max:
                raise _type_error(leaf, dtype)
        return np.array(leaves, dtype)
    if dtype in _FLOATS:
        _check_types(leaves, types, {int, float}, dtype)
        return _floats(leaves, types, dtype)
    if dtype == "bool":
        _check_types(leaves, types, {bool}, dtype)
        return np.array(leaves, bool)
    raise invalid_argument(f"Conversion of JSON to type: {dtype} is not supported")


def _floats(leaves, types, dtype):
    limits = np.finfo(_FLOATS[dtype])
    largest, whole = float(limits.max), 2 ** (limits.nmant + 1) - 1
    if int in types or leaves and max(map(abs, leaves)) > largest:
        for leaf in leaves:
            lossy = isinstance(leaf, int) and abs(leaf) > whole
            if lossy or largest < abs(leaf) < float("inf"):
                raise invalid_argument(
                    f"Cannot convert JSON value: {quoted(leaf)} to {dtype} without "
                    "loss of precision."
                )
    return np.array(leaves, _FLOATS[dtype])


def _check_types(leaves, types, allowed, dtype):
    if not types <= allowed:
        raise _type_error(
            next(leaf for leaf in leaves if type(leaf) not in allowed), dtype
        )


def _type_error(value, dtype):
    return invalid_argument(
        f"JSON Value: {quoted(value)} Type: {type_name(value)} is not of expected "
        f"type: {dtype}"
    )


def _bytes(value):
    if isinstance(value, dict):
        if not is_base64(value):
            raise invalid_argument(
                f"JSON Value: {quoted(value)} not formatted correctly for base64 data"
            )
        digits = "".join(value["b64"].split()).rstrip("=")
        try:
            return base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)
        except (binascii.Error, ValueError):
            raise invalid_argument("Unable to base64 decode") from None
    if not isinstance(value, str):
        raise _type_error(value, "string")
    try:
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a pair, written as \uD800
        raise invalid_argument(
            "JSON Parse error: The surrogate pair in string is invalid."
        ) from None


def _text(value):
    return value.decode("utf-8", "replace")


def _base64(value):
    return {"b64": base64.b64encode(value).decode()}


def _map(function, value):
    if isinstance(value, list):
        return [_map(function, item) for item in value]
    return function(value)
