"""The bodies of requests and of their answers, as TF Serving reads and writes them."""

import dataclasses

import numpy as np
import orjson

from kerasbert.serving.errors import ServingError, invalid_argument
from kerasbert.serving.examples import read_examples
from kerasbert.serving.json_tensors import array_of, is_base64, json_of
from kerasbert.serving.json_text import check_size, parse_object, quoted
from kerasbert.serving.limits import Limits

__all__ = ["Input", "Request", "answer", "read_inputs", "read_request"]

DEFAULT_SIGNATURE = "serving_default"
_CHUNK = 50_000  # values that are written without a pause for other threads


@dataclasses.dataclass(frozen=True)
class Input:
    """What reading a body needs to know of an input of a signature.

    Args:
        type: The name of its type: `"string"`, `"int32"`, `"float"`, ...
        in_rows: Whether its first axis is that of the rows.
    """

    type: str
    in_rows: bool = True


@dataclasses.dataclass(frozen=True)
class Request:
    """A request that has been read.

    Args:
        signature: The name of the signature.
        inputs: From name to array.
        in_rows: Whether they came in rows (`instances`), not in columns (`inputs`).
    """

    signature: str
    inputs: dict
    in_rows: bool


def read_request(verb, body, signatures, limits):
    """Reads the body of a request.

    Args:
        verb: `"predict"`, `"classify"` or `"regress"`.
        body: Bytes.
        signatures: From the name of a signature to its inputs, from name to `Input`.
        limits: The `Limits`.

    Returns:
        A `Request`.

    Raises:
        ServingError: If it is no such request (HTTP 400), or too large (HTTP 413).
    """
    check_size(body, limits.max_values)
    document = parse_object(body)
    name = _signature_name(document)
    if verb != "predict":
        examples = read_examples(document, limits.max_rows)
        return Request(name, {"inputs": examples}, True)
    if name not in signatures:
        raise invalid_argument(
            f'Serving signature name: "{name[:200]}" not found in signature def'
        )
    if not signatures[name]:
        raise invalid_argument(f"Failed to get input map for signature: {name}")
    return Request(name, *read_inputs(document, signatures[name], limits))


def _signature_name(document):
    name = document.get("signature_name", "")
    if not isinstance(name, str):
        raise invalid_argument(
            f"JSON Value: {quoted(document)} not formatted correctly. 'signature_name' "
            "key must be a string value."
        )
    return name or DEFAULT_SIGNATURE


def read_inputs(document, inputs, limits=None):
    """Reads the tensors of a predict request.

    Args:
        document: The JSON object of the request.
        inputs: From the name of an input to its `Input`.
        limits: The `Limits`; None for those of a server by default.

    Returns:
        From name to array, and whether they came in rows.

    Raises:
        ServingError: If they are not what the signature takes.
    """
    limits = limits or Limits()
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
        _check_count(len(instances), limits.max_rows)
        return _Rows(inputs, limits.max_depth).read(instances), True
    if "inputs" in document:
        arrays = _of_columns(document["inputs"], inputs, limits.max_depth)
        for name, array in arrays.items():
            if inputs[name].in_rows and array.ndim:
                _check_count(len(array), limits.max_rows)
        return arrays, False
    raise invalid_argument("Missing 'inputs' or 'instances' key")


def _check_count(count, most):
    if count > most:
        raise ServingError(
            "RESOURCE_EXHAUSTED",
            f"Expected at most {most} rows in a request, got {count}. Send fewer at a "
            "time.",
            http_status=413,
        )


class _Rows:
    """Reads `instances`: a list of values, or of objects with a value for each input.

    All rows are converted as one array. Where that fails, they are converted one by
    one, to find the first that is wrong.
    """

    def __init__(self, inputs, max_depth):
        self._types = {name: each.type for name, each in inputs.items()}
        self._max_depth = max_depth

    def read(self, instances):
        named = _is_object(instances[0])
        if not named and len(self._types) > 1:
            raise invalid_argument(
                "instances is a plain list, but expecting list of objects as multiple "
                "input tensors required as per tensorinfo_map"
            )
        if not named:
            (name,) = self._types
            columns = {name: instances}
        elif all(
            isinstance(row, dict) and row.keys() == self._types.keys()
            for row in instances
        ):
            columns = {name: [row[name] for row in instances] for name in self._types}
        else:
            return self._one_by_one(instances, named)
        try:
            return {name: self._array(name, rows) for name, rows in columns.items()}
        except ServingError:
            return self._one_by_one(instances, named)

    def _array(self, name, value, of_a_row=0):
        return array_of(value, self._types[name], self._max_depth - of_a_row)

    def _one_by_one(self, instances, named):
        rows = []
        for index, item in enumerate(instances):
            rows.append(self._row(item, index, named))
            for name, array in rows[-1].items():
                _check_alike(rows[0][name], array, index)
        return {name: np.stack([row[name] for row in rows]) for name in self._types}

    def _row(self, item, index, named):
        if named != _is_object(item):
            wanted, found = ("object", "list") if named else ("value/list", "object")
            raise invalid_argument(
                f"Expecting {wanted} but got {found} at item {index} of input list"
            )
        if not named:
            (name,) = self._types
            item = {name: item}
        row = {}
        for name, value in item.items():
            try:
                if name not in self._types:
                    raise invalid_argument(
                        f"JSON object: does not have named input: {name[:200]}"
                    )
                row[name] = self._array(name, value, of_a_row=1)
            except ServingError as error:
                key = f" key: {name[:200]}" if named else ""
                raise invalid_argument(
                    f"Failed to process element: {index}{key} of 'instances' list. "
                    f"Error: {error.code}: {error.message}"
                ) from None
        if row.keys() != self._types.keys():
            raise invalid_argument(
                f"Failed to process element: {index} of 'instances' list. JSON object: "
                f"{quoted(item)} keys must be equal to: {','.join(sorted(self._types))}"
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


def _of_columns(values, inputs, max_depth):
    if not _is_object(values):
        if len(inputs) > 1:
            raise invalid_argument(
                "inputs is a plain value/list, but expecting an object as multiple "
                "input tensors required as per tensorinfo_map"
            )
        (name,) = inputs
        values = {name: values}
    for name in inputs:
        if name not in values:
            raise invalid_argument(f"Missing named input: {name} in 'inputs' object.")
    return {
        name: array_of(values[name], each.type, max_depth)
        for name, each in inputs.items()
    }


def _is_object(value):
    return isinstance(value, dict) and not is_base64(value)


def _shape(shape):
    return f"[{','.join(map(str, shape))}]"


def answer(outputs, in_rows):
    """The body that answers a predict request.

    One output drops its name; several make an object, in rows one a row.

    Args:
        outputs: From name to array.
        in_rows: Whether the request came in rows.

    Returns:
        Bytes.

    Raises:
        ServingError: If outputs differ in the number of rows, or are no JSON.
    """
    if not outputs:
        raise invalid_argument("Cannot convert empty tensor map to JSON")
    names = sorted(outputs)
    if in_rows:
        _check_rows(outputs)
        body = _rows_text(names, outputs) if len(names) > 1 else None
        body = body or _text(names[0], outputs[names[0]])
        return b'{"predictions":%b}' % body
    if len(names) == 1:
        return b'{"outputs":%b}' % _text(names[0], outputs[names[0]])
    members = (
        b"%b:%b" % (orjson.dumps(name), _text(name, outputs[name])) for name in names
    )
    return b'{"outputs":{%b}}' % b",".join(members)


def _text(name, array):
    """The text of an array; of a large one in pieces, between which others may run."""
    if array.size <= _CHUNK or array.ndim == 0:
        return _dumps(json_of(name, array))
    step = max(1, _CHUNK * len(array) // array.size)
    if step == 1 and array.ndim > 1:
        pieces = (_text(name, row) for row in array)
    else:
        chunks = (array[first : first + step] for first in range(0, len(array), step))
        pieces = (_dumps(json_of(name, chunk))[1:-1] for chunk in chunks)
    return b"[%b]" % b",".join(pieces)


def _rows_text(names, outputs):
    """The text of an object a row."""
    count = len(outputs[names[0]])
    size = sum(array.size for array in outputs.values())
    step = max(1, _CHUNK * count // max(size, 1))
    pieces = []
    for first in range(0, count, step):
        chunk = slice(first, first + step)
        columns = [_rows_of(name, outputs[name][chunk]) for name in names]
        rows = [
            dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)
        ]
        pieces.append(_dumps(rows)[1:-1])
    return b"[%b]" % b",".join(pieces)


def _rows_of(name, array):
    """What orjson writes for every row of an array."""
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        return [json_of(name, row) for row in array]
    return json_of(name, array)


def _dumps(value):
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)


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
