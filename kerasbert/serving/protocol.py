"""The body of a predict request and of its answer, in rows or in columns."""

import json

import numpy as np
import orjson

from kerasbert.serving.errors import ServingError, invalid_argument
from kerasbert.serving.json_tensors import array_of, is_base64, json_of
from kerasbert.serving.json_text import quoted

__all__ = ["answer", "read_inputs", "signature_name"]

DEFAULT_SIGNATURE = "serving_default"


def signature_name(document):
    """The signature that a request asks for.

    Args:
        document: The JSON object of the request.

    Raises:
        ServingError: If it is not a string.
    """
    name = document.get("signature_name", "")
    if not isinstance(name, str):
        raise invalid_argument(
            f"JSON Value: {quoted(document)} not formatted correctly. 'signature_name' "
            "key must be a string value."
        )
    return name or DEFAULT_SIGNATURE


def read_inputs(document, types):
    """The tensors of a request.

    Args:
        document: The JSON object of the request.
        types: From the name of an input to the name of its type.

    Returns:
        From name to array, and whether they came in rows.

    Raises:
        ServingError: If they are not what the signature takes.
    """
    if "instances" in document and "inputs" in document:
        raise invalid_argument(
            f"JSON Value: {quoted(document)} Not formatted correctly expecting only "
            "one of 'inputs' or 'instances' keys to exist "
        )
    if "instances" in document:
        instances = document["instances"]
        if not isinstance(instances, list):
            raise invalid_argument(
                f"JSON Value: {quoted(document)} Excepting 'instances' to be an "
                "list/array"
            )
        if not instances:
            raise invalid_argument(
                f"JSON Value: {quoted(document)} No values in 'instances' array"
            )
        return _of_rows(instances, types), True
    if "inputs" in document:
        return _of_columns(document["inputs"], types), False
    raise invalid_argument("Missing 'inputs' or 'instances' key")


def answer(outputs, in_rows):
    """The body that answers a request.

    One output drops its name; several make an object, in rows one a row.

    Args:
        outputs: From name to array.
        in_rows: Whether the request came in rows.

    Returns:
        Bytes.

    Raises:
        ServingError: If outputs differ in the number of rows, or are no JSON.
    """
    if in_rows:
        _check_rows(outputs)
    values = {name: json_of(name, outputs[name]) for name in sorted(outputs)}
    if len(values) == 1:
        (value,) = values.values()
    elif in_rows:
        rows = zip(*values.values(), strict=True)
        value = [dict(zip(values, row, strict=True)) for row in rows]
    else:
        value = values
    document = {"predictions" if in_rows else "outputs": value}
    if all(map(_is_finite, outputs.values())):
        return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
    return json.dumps(document, default=lambda array: array.tolist()).encode()


def _of_rows(instances, types):
    first = instances[0]
    if not _is_object(first) and len(types) > 1:
        raise invalid_argument(
            "instances is a plain list, but expecting list of objects as multiple "
            "input tensors required as per tensorinfo_map"
        )
    if not _is_object(first):
        (name,) = types
        rows = [
            _row({name: item}, types, index, named=False)
            for index, item in enumerate(instances)
        ]
    else:
        rows = [_row(item, types, index) for index, item in enumerate(instances)]
    for index, row in enumerate(rows):
        for name, array in row.items():
            _check_alike(rows[0][name], array, index)
    return {name: np.stack([row[name] for row in rows]) for name in types}


def _row(item, types, index, named=True):
    """The tensors of one row."""
    value = item if named else next(iter(item.values()))
    if named != _is_object(value):
        wanted, found = ("object", "list") if named else ("value/list", "object")
        raise invalid_argument(
            f"Expecting {wanted} but got {found} at item {index} of input list"
        )
    row = {}
    for name, value in item.items():
        try:
            if name not in types:
                raise invalid_argument(
                    f"JSON object: does not have named input: {name}"
                )
            row[name] = array_of(value, types[name])
        except ServingError as error:
            key = f" key: {name}" if named else ""
            raise invalid_argument(
                f"Failed to process element: {index}{key} of 'instances' list. Error: "
                f"{error.code}: {error.message}"
            ) from None
    if row.keys() != types.keys():
        raise invalid_argument(
            f"Failed to process element: {index} of 'instances' list. JSON object: "
            f"{quoted(item)} keys must be equal to: {','.join(sorted(types))}"
        )
    return row


def _check_alike(first, array, index):
    if first.size != array.size:
        problem = f"Expecting tensor size: {first.size} but got: {array.size}"
    elif first.shape != array.shape:
        problem = (
            f"Expecting shape {_shape(first.shape)} but got: {_shape(array.shape)}"
        )
    else:
        return
    raise invalid_argument(
        f"Failed to process element: {index} of 'instances' list. Error: "
        f"INVALID_ARGUMENT: {problem}"
    )


def _of_columns(inputs, types):
    if not _is_object(inputs):
        if len(types) > 1:
            raise invalid_argument(
                "inputs is a plain value/list, but expecting an object as multiple "
                "input tensors required as per tensorinfo_map"
            )
        (name,) = types
        return {name: array_of(inputs, types[name])}
    for name in types:
        if name not in inputs:
            raise invalid_argument(f"Missing named input: {name} in 'inputs' object.")
    return {name: array_of(inputs[name], dtype) for name, dtype in types.items()}


def _is_object(value):
    return isinstance(value, dict) and not is_base64(value)


def _is_finite(array):
    return array.dtype.kind != "f" or np.isfinite(array).all()


def _shape(shape):
    return f"[{','.join(map(str, shape))}]"


def _check_rows(outputs):
    """Every output must have a row for every row of the request."""
    expected = None
    for name, array in outputs.items():
        if array.ndim == 0:
            raise invalid_argument(f"Tensor name: {name} has no shape information ")
        if expected is not None and len(array) != expected:
            raise invalid_argument(
                f"Tensor name: {name} has inconsistent batch size: {len(array)} "
                f"expecting: {expected}"
            )
        expected = len(array)
