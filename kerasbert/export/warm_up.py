"""Requests that TF Serving plays when it loads a model, so that no user waits.

The file is a TFRecord of `tensorflow.serving.PredictionLog`. The message is small and
its fields are fixed, so it is written here rather than depended on.
"""

import numpy as np
import tensorflow as tf

PREDICT_LOG, REQUEST, MODEL_SPEC, INPUTS = 6, 1, 1, 2
NAME, SIGNATURE_NAME = 1, 3
KEY, VALUE = 1, 2

# Texts in a request, and words in a text: enough for every path to be taken once.
WARM_UPS = ((1, 4), (1, 96), (8, 24), (32, 24))


def embedder_requests(tokenizer, signatures):
    """Requests for the signatures of an embedder.

    Args:
        tokenizer: Its tokenizer.
        signatures: Names of its signatures.

    Yields:
        Pairs of a signature's name and its inputs.
    """
    for signature in signatures:
        for batch, words in WARM_UPS:
            if signature == "tokens":
                ids = np.full([batch, words], tokenizer.unk_token_id, "int32")
                inputs = {
                    "token_ids": ids,
                    "segment_ids": np.zeros_like(ids),
                    "padding_mask": np.ones_like(ids),
                }
                yield signature, inputs
                break  # the dense work is that of the texts
            yield signature, {"text": [" ".join(["word"] * words)] * batch}


def write_warm_up(folder, model_name, requests):
    """Writes `assets.extra/tf_serving_warmup_requests`.

    Args:
        folder: The version folder of the model.
        model_name: The name that it is served under.
        requests: Pairs of a signature's name and its inputs, a dictionary of arrays.
            TF Serving refuses a model with more than 1000 of them.
    """
    extra = folder / "assets.extra"
    extra.mkdir()
    with tf.io.TFRecordWriter(str(extra / "tf_serving_warmup_requests")) as writer:
        for signature, inputs in requests:
            writer.write(prediction_log(model_name, signature, inputs))


def prediction_log(model_name, signature, inputs):
    """A serialised `PredictionLog` of one request.

    Args:
        model_name: The name that the model is served under.
        signature: The name of the signature.
        inputs: From input to array.

    Returns:
        Bytes.
    """
    spec = _field(NAME, model_name.encode()) + _field(
        SIGNATURE_NAME, signature.encode()
    )
    request = _field(MODEL_SPEC, spec)
    for name, array in inputs.items():
        tensor = tf.make_tensor_proto(array).SerializeToString()
        request += _field(INPUTS, _field(KEY, name.encode()) + _field(VALUE, tensor))
    return _field(PREDICT_LOG, _field(REQUEST, request))


def _field(number, content):
    """A length-delimited field of a protocol buffer."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value):
    groups = []
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])
