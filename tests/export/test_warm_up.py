import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

from kerasbert.export.serving_files import prediction_log
from tests.export.served import MODELS, exported, served


def fields(message):
    """The length-delimited fields of a protocol buffer: number and content."""
    place = 0

    def varint():
        nonlocal place
        value = shift = 0
        while True:
            byte = message[place]
            place += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while place < len(message):
        tag = varint()
        assert tag & 7 == 2
        size = varint()
        yield tag >> 3, message[place : place + size]
        place += size


def request_of(record):
    """Model, signature and inputs of a serialised `PredictionLog`.

    prediction_log.proto: predict_log = 6 { request = 1 }; predict.proto: model_spec =
    1, inputs = 2, a map; model.proto: name = 1, signature_name = 3.
    """
    [(kind, log)] = fields(record)
    [(part, request)] = fields(log)
    assert (kind, part) == (6, 1)
    inputs = {}
    for number, content in fields(request):
        values = dict(fields(content))
        if number == 1:
            model, signature = values[1].decode(), values[3].decode()
        else:
            assert number == 2
            tensor = tensor_pb2.TensorProto.FromString(values[2])
            inputs[values[1].decode()] = tf.make_ndarray(tensor)
    return model, signature, inputs


def records_of(version):
    file = version / "assets.extra" / "tf_serving_warmup_requests"
    return [record.numpy() for record in tf.data.TFRecordDataset(str(file))]


@pytest.mark.parametrize("name", MODELS)
def test_every_request_is_answered(name):
    records = records_of(exported(name))
    assert 0 < len(records) < 1000  # TF Serving loads no model with more
    asked = set()
    for record in records:
        model, signature, inputs = request_of(record)
        answer = served(name)(signature, **inputs)
        assert model == "model"
        assert all(
            len(output) == len(next(iter(inputs.values())))
            for output in answer.values()
        )
        asked.add(signature)
    # XLA is off in TF Serving: a request for it would keep the model from loading.
    assert asked == {"serving_default", "tokens", "token_embeddings"}


def test_a_record_holds_what_was_asked():
    ids = np.arange(300, dtype="int32").reshape(2, 150)
    texts = np.array([b"caf\xc3\xa9", b"", b"\xff"], object)
    record = prediction_log("m" * 200, "tokens", {"token_ids": ids, "text": texts})
    model, signature, inputs = request_of(record)
    assert (model, signature) == ("m" * 200, "tokens")
    np.testing.assert_array_equal(inputs["token_ids"], ids)
    np.testing.assert_array_equal(inputs["text"], texts)
    assert inputs["token_ids"].dtype == np.int32
