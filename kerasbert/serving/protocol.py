"""The paths and bodies of TF Serving's REST API."""

import dataclasses
import re
import urllib.parse

import numpy as np
import orjson

from kerasbert.serving.errors import ServingError, invalid_argument, not_found
from kerasbert.serving.examples import read_examples
from kerasbert.serving.json_tensors import array_of, is_base64, json_of
from kerasbert.serving.json_text import check_size, parse_object, quoted
from kerasbert.serving.limits import Limits

__all__ = [
    *("Input", "Request", "Target", "answer", "parse_path", "read_inputs"),
    "read_request",
]

DEFAULT_SIGNATURE = "serving_default"
_CHUNK = 50_000  # values that are serialized while holding the GIL
_VERSION = r"(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
_PATTERNS = {
    "POST": rf"/v1/models/(?P<name>[^/:]+){_VERSION}:"
    "(?P<verb>classify|regress|predict)",
    "GET": rf"/v1/models(?:/(?P<name>[^/:]+))?{_VERSION}(?:/(?P<verb>metadata))?",
}
_PATTERNS = {
    method: re.compile(pattern, re.IGNORECASE | re.ASCII)
    for method, pattern in _PATTERNS.items()
}
_LARGEST_VERSION = 2**63 - 1
_LONGEST_QUOTE = 200  # characters of a path that an error quotes


@dataclasses.dataclass(frozen=True)
class Target:
    """The model, version and method that a path addresses.

    `verb` is `"predict"`, `"classify"`, `"regress"`, `"metadata"` or `"status"`. The
    version is None for the newest.
    """

    name: str
    version: int | None
    verb: str
    label: str | None = None


def parse_path(method, path):
    """Parses the percent-encoded path of a request to a `Target`."""
    shown = path if len(path) <= _LONGEST_QUOTE else path[:_LONGEST_QUOTE] + "..."
    if not path.lower().startswith("/v1/"):
        raise not_found(f"No such path: {shown}")
    pattern = _PATTERNS.get(method)
    match = pattern and pattern.fullmatch(path)
    if not match:
        raise invalid_argument(f"Malformed request: {method} {shown}")
    found = match.groupdict()
    if found["name"] is None:
        raise invalid_argument("Missing model name in request.")
    label = found["label"] and urllib.parse.unquote(found["label"])
    version = found["version"] and _version(found["version"])
    verb = (found["verb"] or "status").lower()
    return Target(urllib.parse.unquote(found["name"]), version, verb, label)


def _version(digits):
    digits = digits.lstrip("0") or "0"
    if len(digits) > 19 or int(digits) > _LARGEST_VERSION:
        shown = digits if len(digits) <= 40 else digits[:40] + "..."
        raise invalid_argument(f"Failed to convert version: {shown} to numeric.")
    return int(digits)


@dataclasses.dataclass(frozen=True)
class Input:
    """Type name and batching of a signature's input, as needed to parse a request."""

    type: str
    in_rows: bool = True


@dataclasses.dataclass(frozen=True)
class Request:
    """A parsed request; `in_rows` is true for `instances`, false for `inputs`."""

    signature: str
    inputs: dict
    in_rows: bool


def read_request(verb, body, signatures, limits):
    """Parses the body of a request.

    `signatures` maps signature names to their inputs, which map names to `Input`s.
    Raises a `ServingError` if the body is invalid (HTTP 400) or too large (HTTP 413).
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
    """Parses the tensors of a predict request, and whether they are rows."""
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
    """Parses `instances`: a list of values, or of objects with a value for each input.

    All rows are converted as one array. If that fails, they are converted one by one,
    to find the first invalid one.
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
    """Serializes the response of a predict request.

    A single output is written without its name, several as an object; with `in_rows`
    one object per row.
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
    """Serializes an array, in pieces if it is large, so that other threads can run."""
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
    """Serializes one object per row."""
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
    """Returns values that orjson serializes, one per row of an array."""
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        return [json_of(name, row) for row in array]
    return json_of(name, array)


def _dumps(value):
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)


def _check_rows(outputs):
    """Raises a `ServingError` unless all outputs have equally many rows."""
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
