"""Replay of the warm-up requests in a SavedModel's folder.

The first request of each input shape makes TensorFlow optimize the graph, which takes
seconds. The file is that of TF Serving: a TFRecord of
`tensorflow.serving.PredictionLog`, of which a few fields are parsed here.
"""

from kerasbert.serving.protocol import DEFAULT_SIGNATURE
from kerasbert.serving.saved_model import tensorflow

__all__ = ["read_warm_up", "warm_up"]

FILE = "assets.extra/tf_serving_warmup_requests"
MOST_RECORDS = 1000  # of which TF Serving loads no more

# Numbers of fields in the messages, outermost first.
PREDICT_LOG, REQUEST, MODEL_SPEC, INPUTS = 6, 1, 1, 2
SIGNATURE_NAME, KEY, VALUE = 3, 1, 2


def warm_up(model):
    """Runs the warm-up requests of a `SavedModel`; returns their number.

    Raises a `ValueError` or `ServingError` if there are too many, or one is invalid.
    """
    count = 0
    for signature, inputs in read_warm_up(model.folder):
        count += 1
        if count > MOST_RECORDS:
            raise ValueError(
                f"Expected at most {MOST_RECORDS} warm-up requests, as TF Serving "
                f"does, in {model.folder / FILE}; there are more."
            )
        model.run(signature, inputs)
    return count


def read_warm_up(folder):
    """Yields the signature name and inputs of each warm-up request in a folder."""
    path = folder / FILE
    if not path.exists():
        return
    tf = tensorflow()
    try:
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            yield _request(record)
    except (tf.errors.DataLossError, IndexError, KeyError) as error:
        raise ValueError(f"{path} is no file of predict requests.") from error


def _request(record):
    from tensorflow.core.framework import tensor_pb2

    request = _last(_last(record, PREDICT_LOG), REQUEST)
    name = b""
    for content in _fields(_last(request, MODEL_SPEC), SIGNATURE_NAME):
        name = content
    inputs = {}
    for entry in _fields(request, INPUTS):
        tensor = tensor_pb2.TensorProto.FromString(_last(entry, VALUE))
        inputs[_last(entry, KEY).decode()] = tensorflow().make_ndarray(tensor)
    return name.decode() or DEFAULT_SIGNATURE, inputs


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
