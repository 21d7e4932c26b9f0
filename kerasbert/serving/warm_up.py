"""The requests that a model brings with it, replayed when it is loaded.

The first request of every shape makes TensorFlow optimise the graph, which takes
seconds: no user should wait for that. The file is the one that TF Serving replays: a
TFRecord of `tensorflow.serving.PredictionLog`, of which a few fields matter here.
"""

from kerasbert.serving.protocol import DEFAULT_SIGNATURE
from kerasbert.serving.runtime import tensorflow

__all__ = ["read_warm_up", "warm_up"]

FILE = "assets.extra/tf_serving_warmup_requests"
MOST_RECORDS = 1000  # of which TF Serving loads no more

# Numbers of fields in the messages, outermost first.
PREDICT_LOG, REQUEST, MODEL_SPEC, INPUTS = 6, 1, 1, 2
SIGNATURE_NAME, KEY, VALUE = 3, 1, 2


def warm_up(model):
    """Plays the requests of a model.

    Args:
        model: A `SavedModel`.

    Returns:
        The number of requests.

    Raises:
        ValueError: If there are too many of them, or one is no predict request.
        ServingError: If the model refuses one.
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
    """Reads the warm-up requests of a version folder.

    Args:
        folder: The version folder, a `pathlib.Path`.

    Yields:
        The name of a signature and its inputs, from name to array.

    Raises:
        ValueError: If a record is no predict request.
    """
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
    """The content of a field that must be there."""
    return list(_fields(message, number))[-1]


def _fields(message, number):
    """The contents of the length-delimited fields of one number."""
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
