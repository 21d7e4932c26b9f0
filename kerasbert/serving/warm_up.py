"""Replay of the warm-up requests in a SavedModel's folder.

The first request of each input shape makes TensorFlow optimize the graph, which takes
seconds. The file is that of TF Serving: a TFRecord of
`tensorflow.serving.PredictionLog`, of which a few fields are parsed here.
"""

import numpy as np

from kerasbert.serving.c_api import CallError, array_of_proto, free_unused
from kerasbert.serving.errors import invalid_argument
from kerasbert.serving.examples import check_method, results
from kerasbert.serving.protocol import DEFAULT_SIGNATURE
from kerasbert.wire import CorruptFile, fields, records

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
    count, before = 0, None
    for verb, signature, inputs in read_warm_up(model.folder):
        count += 1
        if signature != before:  # its graph is optimized next
            free_unused()
            before = signature
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
    try:
        for record in records(path.read_bytes()):
            yield _request(record)
    except (CorruptFile, CallError, IndexError, KeyError) as error:
        raise ValueError(
            f"{path} is no file of predict, classify or regress requests."
        ) from error


def _request(record):
    number, verb = [log for log in LOGS.items() if list(fields(record, log[0]))][-1]
    request = _last(_last(record, number), REQUEST)
    name = b""
    for content in fields(_last(request, MODEL_SPEC), SIGNATURE_NAME):
        name = content
    read = _tensors if verb == "predict" else _examples
    return verb, name.decode() or DEFAULT_SIGNATURE, read(request)


def _tensors(request):
    return {
        _last(entry, KEY).decode(): array_of_proto(_last(entry, VALUE))
        for entry in fields(request, INPUTS)
    }


def _examples(request):
    """Serialized `tf.Example`s, each with the features of the context."""
    found = _last(request, INPUTS)
    lists = [(b"", content) for content in fields(found, EXAMPLE_LIST)]
    for content in fields(found, LIST_WITH_CONTEXT):
        lists.append((b"".join(fields(content, CONTEXT)), content))
    # Messages that follow each other merge: that is how TF Serving adds the context.
    examples = [
        context + example
        for context, content in lists
        for example in fields(content, EXAMPLES)
    ]
    if not examples:
        raise invalid_argument("Input is empty.")
    return {"inputs": np.array([*examples, None], object)[:-1]}


def _last(message, number):
    """Returns the content of a required field."""
    return list(fields(message, number))[-1]
