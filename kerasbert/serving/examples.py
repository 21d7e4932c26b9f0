"""Classify and regress requests: conversion of JSON to `tf.Example`s, and results."""

import struct

import numpy as np
import orjson

from kerasbert.serving.errors import ServingError, invalid_argument
from kerasbert.serving.json_tensors import bytes_of, is_base64, json_of
from kerasbert.serving.json_text import quoted, type_name
from kerasbert.wire import field, varint

__all__ = ["METHODS", "check_method", "read_examples", "results"]

METHODS = {"classify": "classification", "regress": "regression"}
_FLOAT_MAX, _WHOLE = float(np.finfo(np.float32).max), 2**24 - 1
# A feature's kind -> the number of its field in `tensorflow.Feature`.
_FIELDS = {"bytes": 1, "float": 2, "int64": 3}


def read_examples(document, most):
    """Converts the examples of a request to serialized `tf.Example`s.

    Each includes the request's context. Raises a `ServingError` if they are invalid
    (HTTP 400) or more than `most` (HTTP 413).
    """
    context = b""
    if "context" in document:
        context = _example(document["context"])
    if "examples" not in document:
        raise invalid_argument(
            f"JSON Value: {quoted(document)} When method is classify, key 'examples' "
            "is expected and was not found"
        )
    examples = document["examples"]
    if not isinstance(examples, list):
        raise invalid_argument(
            f"JSON Value: {quoted(document)} Expecting 'examples' value to be an "
            "list/array"
        )
    if not examples:
        raise invalid_argument(
            f"JSON Value: {quoted(document)} 'examples' value is an empty array"
        )
    if len(examples) > most:
        raise ServingError(
            "RESOURCE_EXHAUSTED",
            f"Expected at most {most} examples in a request, got {len(examples)}. Send "
            "fewer at a time.",
            http_status=413,
        )
    array = np.empty(len(examples), object)
    # Messages that follow each other merge: that is how TF Serving adds the context.
    array[:] = [context + _example(example) for example in examples]
    return array


def _example(value):
    if not isinstance(value, dict):
        raise invalid_argument(
            f"Example must be JSON object but got JSON {type_name(value)}"
        )
    features = b"".join(
        field(1, field(1, _utf8(name)) + field(2, _feature(name, content)))
        for name, content in value.items()
    )
    return field(1, features)


def _feature(name, content):
    """Serializes a `tensorflow.Feature`."""
    kind, values = None, []
    for value in content if isinstance(content, list) else [content]:
        found, value = _value(name, value)
        if kind not in (None, found):
            raise invalid_argument(
                f"Unexpected element type in feature: {name[:200]} expecting type: "
                f"{kind}"
            )
        kind = found
        values.append(value)
    if kind is None:
        return b""
    if kind == "bytes":
        content = b"".join(field(1, value) for value in values)
    elif kind == "float":
        content = field(1, struct.pack(f"<{len(values)}f", *values))
    else:
        content = field(1, b"".join(varint(value % 2**64) for value in values))
    return field(_FIELDS[kind], content)


def _value(name, value):
    """Returns the feature kind of a JSON value, and the value."""
    if isinstance(value, bool):
        return "int64", int(value)
    if isinstance(value, str) or is_base64(value):
        return "bytes", bytes_of(value)
    if isinstance(value, int) and -(2**63) <= value < 2**64:
        if value >= 2**63:
            raise invalid_argument(
                f"Feature: {name[:200]} has uint64 element. Only int64 is supported."
            )
        return "int64", value
    if isinstance(value, int | float):
        if _FLOAT_MAX < abs(value) < float("inf"):
            raise invalid_argument(
                f"Cannot convert JSON value: {quoted(value)} to float without loss of "
                "precision."
            )
        return "float", value
    raise invalid_argument(
        f"Feature: {name[:200]} has element with unexpected JSON type: "
        f"{type_name(value)}"
    )


def _utf8(name):
    return name.encode("utf-8", "surrogateescape")


def check_method(verb, name, signature):
    """Raises a `ServingError` if a signature does not support classify or regress."""
    kind, method = METHODS[verb], f"tensorflow/serving/{verb}"
    if signature is None:
        raise invalid_argument(f"No signature was found with the name: {name[:200]}")
    if signature.method != method:
        raise invalid_argument(
            f"Expected {kind} signature method_name to be {method}. Was: "
            f"{signature.method}"
        )
    if len(signature.inputs) != 1:
        raise invalid_argument("Expected one input Tensor.")
    if "inputs" not in signature.inputs:
        raise ServingError(
            "FAILED_PRECONDITION", f"No {kind} inputs found in SignatureDef: {name}"
        )
    outputs = set(signature.outputs)
    if verb == "regress":
        if len(outputs) != 1:
            raise invalid_argument("Expected one output Tensor.")
        if "outputs" not in outputs:
            raise ServingError(
                "FAILED_PRECONDITION",
                f"No regression outputs found in SignatureDef: {name}",
            )
    elif len(outputs) > 2:
        raise invalid_argument(
            f"Expected one or two output Tensors, found {len(outputs)}"
        )
    elif not outputs & {"classes", "scores"}:
        raise ServingError(
            "FAILED_PRECONDITION",
            "Expected classification signature outputs to contain at least one of "
            f'"classes" or "scores". Signature was: {name}',
        )


def results(verb, outputs, count):
    """Serializes the response of a classify or regress request, as TF Serving does."""
    if verb == "regress":
        values = _regressions(outputs["outputs"], count)
    else:
        values = _classifications(outputs, count)
    return orjson.dumps({"results": values}, option=orjson.OPT_SERIALIZE_NUMPY)


def _regressions(values, count):
    if values.ndim != 1 and values.shape[1:] != (1,):
        raise invalid_argument(
            "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] "
            f"but got {list(values.shape)}"
        )
    if len(values) != count:
        raise invalid_argument(
            f"Input batch size did not match output batch size: {count} vs. "
            f"{len(values)}"
        )
    _check_type(values, np.float32, "output", "DT_FLOAT")
    return json_of("outputs", values.reshape(-1))


def _classifications(outputs, count):
    found = {name: outputs[name] for name in ("classes", "scores") if name in outputs}
    for name, dtype, wanted in (
        ("classes", object, "DT_STRING"),
        ("scores", np.float32, "DT_FLOAT"),
    ):
        if name not in found:
            continue
        array = found[name]
        if array.ndim != 2:
            raise invalid_argument(
                "Expected Tensor shape: [batch_size num_classes] but got "
                f"{list(array.shape)}"
            )
        _check_type(array, dtype, name, wanted)
        if len(array) != count:
            raise invalid_argument(
                f"Expected {name} output batch size of {count}. Got: {len(array)}"
            )
    sizes = [array.shape[1] for array in found.values()]
    if len(set(sizes)) > 1:
        raise invalid_argument(
            "Tensors class and score should match in dim_size(1). Got "
            f"{sizes[0]} vs. {sizes[1]}"
        )
    shape = count, sizes[0]
    labels = found.get("classes", np.full(shape, b"", object))
    scores = found.get("scores", np.zeros(shape, np.float32))
    return [
        [[label, score] for label, score in zip(*row, strict=True)]
        for row in zip(
            json_of("label", labels),
            [[json_of("score", score) for score in row] for row in scores],
            strict=True,
        )
    ]


def _check_type(array, dtype, name, wanted):
    if array.dtype != dtype:
        raise invalid_argument(
            f"Expected {name} Tensor of {wanted}. Got: {array.dtype}"
        )
