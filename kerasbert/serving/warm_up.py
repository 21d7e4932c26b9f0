"""Replay of the warm-up requests in a SavedModel's folder.

The first request of each input shape makes TensorFlow optimize the graph, which takes
seconds. The file is that of TF Serving: a TFRecord of
`tensorflow.serving.PredictionLog`, of which a few fields are parsed here.
"""

import numpy as np

from kerasbert.serving.errors import invalid_argument
from kerasbert.serving.examples import check_method, results
from kerasbert.serving.protocol import DEFAULT_SIGNATURE
from kerasbert.serving.saved_model import tensorflow

__all__ = ["read_warm_up", "warm_up"]

FILE = "assets.extra/tf_serving_warmup_requests"
MOST_RECORDS = 1000  # of which TF Serving loads no more

# Numbers of fields in the messages, outermost first.
LOGS = {6: "predict", 2: "classify", 3: "regress"}
REQUEST, MODEL_SPEC, INPUTS = 1, 1, 2
SIGNATURE_NAME, KEY, VALUE = 3, 1, 2
# Of classify and regress, whose input holds examples, or examples with a context.
EXAMPLE_LIST, LIST_WITH_CONTEXT, EXAMPLES, CONTEXT = 1, 2, 1, 2


def warm_up(model):
    """Runs the warm-up requests of a `SavedModel`; returns their number.

    Raises a `ValueError` or `ServingError` if there are too many, or one is invalid.
    """
    count = 0
    for verb, signature, inputs in read_warm_up(model.folder):
        count += 1
        if count > MOST_RECORDS:
            raise ValueError(
                f"Expected at most {MOST_RECORDS} warm-up requests, as TF Serving "
                f"does, in {model.folder / FILE}; there are more."
            )
        if verb != "predict":
            check_method(verb, signature, model.signatures.get(signature))
        outputs = model.run(signature, inputs)
        if verb != "predict":
            results(verb, outputs, len(inputs["inputs"]))
    return count


def read_warm_up(folder):
    """Yields the verb, signature name and inputs of each warm-up request.

    The verb is `"predict"`, `"classify"` or `"regress"`.
    """
    path = folder / FILE
    if not path.exists():
        return
    tf = tensorflow()
    try:
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            yield _request(record)
    except (tf.errors.DataLossError, IndexError, KeyError) as error:
        raise ValueError(
            f"{path} is no file of predict, classify or regress requests."
        ) from error


def _request(record):
    number, verb = [log for log in LOGS.items() if list(_fields(record, log[0]))][-1]
    request = _last(_last(record, number), REQUEST)
    name = b""
    for content in _fields(_last(request, MODEL_SPEC), SIGNATURE_NAME):
        name = content
    read = _tensors if verb == "predict" else _examples
    return verb, name.decode() or DEFAULT_SIGNATURE, read(request)


def _tensors(request):
    from tensorflow.core.framework import tensor_pb2

    inputs = {}
    for entry in _fields(request, INPUTS):
        tensor = tensor_pb2.TensorProto.FromString(_last(entry, VALUE))
        inputs[_last(entry, KEY).decode()] = tensorflow().make_ndarray(tensor)
    return inputs


def _examples(request):
    """Serialized `tf.Example`s, each with the features of the context."""
    found = _last(request, INPUTS)
    lists = [(b"", content) for content in _fields(found, EXAMPLE_LIST)]
    for content in _fields(found, LIST_WITH_CONTEXT):
        lists.append((b"".join(_fields(content, CONTEXT)), content))
    # Messages that follow each other merge: that is how TF Serving adds the context.
    examples = [
        context + example
        for context, content in lists
        for example in _fields(content, EXAMPLES)
    ]
    if not examples:
        raise invalid_argument("Input is empty.")
    return {"inputs": np.array([*examples, None], object)[:-1]}


def _last(message, number):
    """Returns the content of a required field."""
    return list(_fields(message, number))[-1]


def _fields(message, number):
    """Yields the contents of the length-delimited fields with a number."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        kind = tag & 7
        if kind == 0:
            _, position = _varint(message, position)
        elif kind == 2:
            size, position = _varint(message, position)
            if tag >> 3 == number:
                yield message[position : position + size]
            position += size
        else:
            position += {1: 8, 5: 4}[kind]


def _varint(message, position):
    value = shift = 0
    while True:
        byte = message[position]
        value |= (byte & 0x7F) << shift
        position += 1
        if byte < 0x80:
            return value, position
        shift += 7
