"""Files beside a graph for TF Serving: versions, batching, warm-up requests.

The warm-up file is a TFRecord of `tensorflow.serving.PredictionLog`. The message is
small and its fields are fixed, so it is written here rather than depended on.
"""

import contextlib
import pathlib

import numpy as np
import tensorflow as tf

from kerasbert.files import new_folder
from kerasbert.wire import field

# As many batches are computed at once as there are processors, which is the default.
PARAMETERS = """\
max_batch_size {{ value: {most} }}
batch_timeout_micros {{ value: 1000 }}
max_enqueued_batches {{ value: 256 }}
"""
SPLITTING = """\
max_execution_batch_size { value: 64 }
enable_large_batch_splitting { value: true }
"""
BATCH = 64  # rows that are computed together
LONGEST_REQUEST = 1024  # rows

PREDICT_LOG, REQUEST, MODEL_SPEC, INPUTS = 6, 1, 1, 2
NAME, SIGNATURE_NAME = 1, 3
KEY, VALUE = 1, 2
# Texts in a request, and words in a text: enough for every path to be taken once. The
# first is a short one: oneDNN keeps a kernel in float32 as the first request wants it,
# and others lay it out anew, which is longest beside the work of a short text.
WARM_UPS = ((1, 12), (1, 96), (8, 24), (32, 24))
XLA = "xla"  # a signature that only servers with XLA run


@contextlib.contextmanager
def new_version(folder, overwrite=False):
    """Yields a folder for the next version of a model."""
    folder = pathlib.Path(folder)
    versions = list(_versions(folder))
    newest = max(versions, default=0)
    number = newest if overwrite and newest else newest + 1
    final = folder / str(number)
    with new_folder(final, overwrite=overwrite) as partial:
        yield partial, final


def _versions(folder):
    if not folder.exists():
        return
    for child in folder.iterdir() if folder.is_dir() else [folder]:
        if child.is_dir() and child.name.isdecimal():
            yield int(child.name)
        elif not child.name.startswith("."):
            raise FileExistsError(
                f"Expected {folder} to hold versions of a model (folders 1, 2, ...), "
                f"but {child.name} is there. Name a folder of its own."
            )


def most_rows(signatures):
    """Returns the maximum number of rows per request with batching.

    A server can compute a long request in parts where a row of an answer has one
    shape: it cannot join what was padded to texts of other lengths.
    """
    concrete = [function.get_concrete_function() for function in signatures.values()]
    outputs = [each for one in concrete for each in one.structured_outputs.values()]
    alike = all(output.shape[1:].is_fully_defined() for output in outputs)
    return LONGEST_REQUEST if alike else BATCH


def batching_parameters(signatures):
    """Returns the content of `batching_params.pbtxt`."""
    most = most_rows(signatures)
    return PARAMETERS.format(most=most) + (SPLITTING if most > BATCH else "")


def warm_up_requests(task, signatures):
    """Returns the warm-up requests of a task."""
    for signature, function in signatures.items():
        specs = function.input_signature
        if not task.takes_text:
            for inputs in task.example_requests(specs):
                yield signature, inputs
            continue
        for batch, words in WARM_UPS if signature != XLA else ():
            if specs[0].dtype == tf.string:
                text = task.example_text(words)
                yield signature, {spec.name: [text] * batch for spec in specs}
                continue
            token = task.tokenizer.unk_token_id
            ids = {"token_ids": token, "segment_ids": 0, "padding_mask": 1}
            shape = [batch, words]
            yield (
                signature,
                {x.name: np.full(shape, ids[x.name], "int32") for x in specs},
            )
            break  # the dense work is that of the texts


def write_warm_up(folder, model_name, requests):
    """Writes `assets.extra/tf_serving_warmup_requests`."""
    extra = folder / "assets.extra"
    extra.mkdir()
    with tf.io.TFRecordWriter(str(extra / "tf_serving_warmup_requests")) as writer:
        for signature, inputs in requests:
            writer.write(prediction_log(model_name, signature, inputs))


def prediction_log(model_name, signature, inputs):
    """Serializes a `PredictionLog` of one request."""
    spec = field(NAME, model_name.encode()) + field(SIGNATURE_NAME, signature.encode())
    request = field(MODEL_SPEC, spec)
    for name, array in inputs.items():
        tensor = tf.make_tensor_proto(array).SerializeToString()
        request += field(INPUTS, field(KEY, name.encode()) + field(VALUE, tensor))
    return field(PREDICT_LOG, field(REQUEST, request))
