"""Conversion between JSON and arrays, with the checks of TF Serving."""

import base64

import numpy as np
import orjson

from kerasbert.serving.errors import ServingError, invalid_argument
from kerasbert.serving.json_text import quoted, type_name

__all__ = ["array_of", "bytes_of", "is_base64", "json_of"]

_INTEGERS = "int8 int16 int32 int64 uint8 uint16 uint32 uint64".split()
_FLOATS = {"half": np.float16, "float": np.float32, "double": np.float64}
_LONGEST_SHAPE = 1000  # axes counted before a list is rejected
_WRITABLE = {np.dtype(name) for name in [*_INTEGERS, *_FLOATS.values(), bool]}


def array_of(value, dtype, max_depth=64):
    """Converts a scalar or nested lists to an array; strings become bytes objects.

    Raises a `ServingError` if lists are ragged or have more than `max_depth` levels, or
    a value does not have the type `dtype`: `"string"`, `"int32"`, `"float"`, ...
    """
    shape = _shape(value)
    if len(shape) > max_depth:
        raise invalid_argument(
            f"Expected lists of at most {max_depth} levels, got {len(shape)} levels."
        )
    leaves = []
    _collect(value, 0, shape, leaves)
    return _converted(leaves, dtype).reshape(shape)


def json_of(name, array):
    """Converts an array to a value that orjson serializes.

    Outputs whose name ends in `_bytes` are base64-encoded, as in TF Serving.
    """
    if array.dtype == object:
        as_json = _base64 if name.endswith("_bytes") else _text
        return _map(as_json, array.tolist())
    if array.dtype not in _WRITABLE:
        raise invalid_argument(
            f"Failed to write JSON value for tensor type: {array.dtype}"
        )
    array = np.ascontiguousarray(array) if array.ndim else array[()]
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        return _with_special_values(array)
    return array


def _with_special_values(array):
    """Serializes floats with bare `NaN` and `Infinity`, as TF Serving does."""
    text = orjson.dumps(array, option=orjson.OPT_SERIALIZE_NUMPY)  # null for each
    special = array[~np.isfinite(array)] if array.ndim else [array]
    words = [
        b"NaN" if value != value else b"Infinity" if value > 0 else b"-Infinity"
        for value in special
    ]
    pieces = text.split(b"null")
    mixed = [piece for pair in zip(pieces, words, strict=False) for piece in pair]
    return orjson.Fragment(b"".join([*mixed, pieces[-1]]))


def is_base64(value):
    """Whether a JSON value is `{"b64": "..."}`."""
    return (
        isinstance(value, dict)
        and list(map(type, value.values())) == [str]
        and ("b64" in value)
    )


def _shape(value):
    shape = []
    while isinstance(value, list) and len(shape) < _LONGEST_SHAPE:
        shape.append(len(value))
        value = value[0] if value else None
    return shape


def _collect(value, level, shape, leaves):
    """Appends the leaves of nested lists, which must be regular."""
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
        array[:] = [bytes_of(leaf) for leaf in leaves]
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
    example = quoted(leaves[0]) if leaves else "[]"
    raise ServingError(
        "UNIMPLEMENTED", f"Conversion of JSON Value: {example} to type: {dtype}"
    )


def _floats(leaves, types, dtype):
    limits = np.finfo(_FLOATS[dtype])
    largest, whole = float(limits.max), 2 ** (limits.nmant + 1) - 1
    for leaf in leaves if _may_lose_digits(leaves, types, largest, whole) else ():
        if type(leaf) is int and -(2**63) <= leaf < 2**64:
            lossy = abs(leaf) > whole
        else:  # RapidJSON reads integers of more than 64 bits as floats
            lossy = largest < abs(leaf) < float("inf")
        if lossy:
            raise invalid_argument(
                f"Cannot convert JSON value: {quoted(leaf)} to {dtype} without "
                "loss of precision."
            )
    return np.array(list(map(float, leaves)), _FLOATS[dtype])


def _may_lose_digits(leaves, types, largest, whole):
    """Whether numbers must be checked one by one; true if the maximum is NaN."""
    most = largest if types == {float} else min(largest, whole)
    return bool(leaves) and not max(map(abs, leaves)) <= most


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


def bytes_of(value):
    """Returns the bytes of a JSON string or of `{"b64": "..."}`."""
    if isinstance(value, dict):
        if not is_base64(value):
            raise invalid_argument(
                f"JSON Value: {quoted(value)} not formatted correctly for base64 data"
            )
        return _decoded("".join(value["b64"].split()))
    if not isinstance(value, str):
        raise _type_error(value, "string")
    try:
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise invalid_argument("The surrogate pair in string is invalid.") from None


def _decoded(text):
    """Decodes base64 with complete or omitted padding."""
    digits = text.rstrip("=.")
    padding = "=" * (-len(digits) % 4)
    try:
        if len(text) - len(digits) not in (0, len(padding)):
            raise ValueError
        return base64.b64decode(digits + padding, validate=True)
    except ValueError:  # of which binascii.Error is one
        raise invalid_argument("Unable to base64 decode") from None


def _text(value):
    return value.decode("utf-8", "replace")


def _base64(value):
    return {"b64": base64.b64encode(value).decode()}


def _map(function, value):
    if isinstance(value, list):
        return [_map(function, item) for item in value]
    return function(value)
