"""A model made by hand: several signatures, inputs and outputs, strings among them."""

import concurrent.futures
import json
import re

import numpy as np
import pytest
import tensorflow as tf

from kerasbert.serving.server import IMAGE, greeting
from kerasbert.serving.versions import Versions

PREDICT = "/v1/models/tiny:predict"
LABELS = ["short", "long"]


def strings(*shape, name):
    return tf.TensorSpec([None, *shape], tf.string, name)


class Model(tf.Module):
    @tf.function(input_signature=[strings(name="text")])
    def classify(self, text):
        """Whether a text is short or long, in characters."""
        size = tf.cast(tf.strings.length(text, "UTF8_CHAR"), tf.float32)  # [B]
        scores = tf.stack([5 - size, size - 5], -1)  # [B, C]
        label = tf.gather(LABELS, tf.argmax(scores, -1))
        return {"label": label, "scores": scores, "is_long": size > 5}

    @tf.function(input_signature=[strings(name="text"), strings(name="pair")])
    def same(self, text, pair):
        return {"same": tf.equal(text, pair)}

    @tf.function(
        input_signature=[
            strings(name="question"),
            strings(name="context"),
            tf.TensorSpec([None], tf.int32, "start"),
        ]
    )
    def answer(self, question, context, start):
        del question
        length = tf.fill(tf.shape(start), 3)
        answer = tf.strings.substr(context, start, length, "UTF8_CHAR")
        return {"answer": answer, "start": start, "end": start + 3}

    @tf.function(input_signature=[strings(name="text")])
    def words(self, text):
        words = tf.strings.split(text)
        return {
            "words": words.to_tensor(""),  # [B, W]
            "count": tf.cast(words.row_lengths(), tf.int32),
        }

    @tf.function(input_signature=[strings(name="text")])
    def about(self, text):
        """Outputs without rows: what a signature says of itself."""
        return {"name": tf.constant("tiny"), "rows": tf.size(text)}

    @tf.function(input_signature=[strings(name="text")])
    def reverse(self, text):
        pieces = tf.strings.bytes_split(text)
        return {"text_bytes": tf.strings.reduce_join(pieces[:, ::-1], -1)}

    @tf.function(input_signature=[strings(name="image")])
    def image(self, image):
        def brightness(data):
            return tf.reduce_sum(tf.io.decode_png(data, channels=1))

        return {"brightness": tf.map_fn(brightness, image, tf.uint8)}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None], tf.float32, "waveform"),
            tf.TensorSpec([None], tf.int32, "length"),
        ]
    )
    def speech(self, waveform, length):
        return {"peak": tf.reduce_max(waveform, -1), "length": length}


@pytest.fixture(scope="module")
def client(serve, tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "tiny"
    model = Model()
    signatures = {
        name: getattr(model, name)
        for name in (
            *("same", "answer", "words", "about", "reverse"),
            *("image", "speech"),
        )
    }
    signatures["serving_default"] = model.classify
    tf.saved_model.save(model, str(folder / "1"), signatures)
    with serve(folder) as client:
        yield client


def ask(client, signature=None, **body):
    if signature:
        body["signature_name"] = signature
    answer = client.predict(body, PREDICT)
    assert answer.status == 200, answer.text
    [value] = answer.json.values()
    return value


def test_several_outputs_are_an_object_a_row_strings_among_them(client):
    assert ask(client, instances=["tiny", "enormous"]) == [
        {"label": "short", "scores": [1.0, -1.0], "is_long": False},
        {"label": "long", "scores": [-3.0, 3.0], "is_long": True},
    ]


def test_several_outputs_are_a_column_each(client):
    assert ask(client, inputs=["tiny", "enormous"]) == {
        "label": ["short", "long"],
        "scores": [[1.0, -1.0], [-3.0, 3.0]],
        "is_long": [False, True],
    }


def test_several_inputs_come_as_objects_or_as_columns(client):
    rows = [{"text": "a", "pair": "a"}, {"pair": "b", "text": "a"}]
    assert ask(client, "same", instances=rows) == [True, False]
    columns = {"text": ["a", "a"], "pair": ["a", "b"]}
    assert ask(client, "same", inputs=columns) == [True, False]


def test_inputs_of_several_types_come_together(client):
    rows = [
        {"question": "where?", "context": "it is in 北京市。", "start": 9},
        {"question": "who?", "context": "Zoë did", "start": 0},
    ]
    assert ask(client, "answer", instances=rows) == [
        {"answer": "北京市", "start": 9, "end": 12},
        {"answer": "Zoë", "start": 0, "end": 3},
    ]


def test_rows_of_strings_are_padded_to_the_longest(client):
    assert ask(client, "words", instances=["a b", "", "c"]) == [
        {"words": ["a", "b"], "count": 2},
        {"words": ["", ""], "count": 0},
        {"words": ["c", ""], "count": 1},
    ]
    assert ask(client, "words", instances=[""]) == [{"words": [], "count": 0}]
    assert ask(client, "words", inputs=[]) == {"words": [], "count": []}


def test_a_request_of_very_many_rows_is_answered_whatever_the_shape_of_a_row(client):
    texts = ["x" * (number % 10) for number in range(300)]
    assert [row["scores"] for row in ask(client, instances=texts)] == [
        [5.0 - len(text), len(text) - 5.0] for text in texts
    ]
    texts[-1] = "a b"  # a longer row, and in the last part
    words = [["x" * (number % 10), ""] for number in range(299)] + [["a", "b"]]
    assert ask(client, "words", inputs=texts)["words"] == words


def test_a_string_without_an_axis_is_a_string(client):
    assert ask(client, "about", inputs=["a", "b"]) == {"name": "tiny", "rows": 2}
    answer = client.predict(
        {"signature_name": "about", "instances": ["a", "b"]}, PREDICT
    )
    assert answer.status == 400
    assert answer.json["error"].endswith("has no shape information ")


def test_bytes_come_and_go_in_base64(client):
    row = {"b64": "AP9h"}  # 00 ff 61
    assert ask(client, "reverse", instances=[row]) == [{"b64": "Yf8A"}]
    assert ask(client, "reverse", inputs=["ab"]) == [{"b64": "YmE="}]


def test_bytes_that_are_no_text_are_written_as_text_where_a_name_does_not_tell(client):
    [row] = ask(client, "words", instances=[{"b64": "YSD/"}])  # 61 20 ff
    assert row == {"words": ["a", "\N{REPLACEMENT CHARACTER}"], "count": 2}


def test_signatures_that_are_asked_at_the_same_time_keep_their_answers(client):
    def many(number):
        text = "x" * (number % 10)
        [row] = ask(client, instances=[text])
        [same] = ask(client, "same", instances=[{"text": text, "pair": "xxx"}])
        return row["scores"], row["label"], same

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        found = list(pool.map(many, range(80)))
    sizes = np.arange(80) % 10
    expected = [
        ([5.0 - size, size - 5.0], LABELS[int(size > 5)], size == 3) for size in sizes
    ]
    assert found == expected


@pytest.mark.parametrize(
    ("signature", "instance"),
    [
        ("classify", "hello world"),
        ("same", {"pair": "hello world", "text": "hello world"}),
        ("image", {"b64": IMAGE}),
        ("speech", {"waveform": [0.0, 0.1, 0.0, -0.1], "length": 4}),
        ("answer", None),  # that a number is a start, nobody can guess
    ],
)
def test_the_greeting_shows_a_request_that_the_model_answers(
    tmp_path, signature, instance
):
    model = Model()
    folder = tmp_path / "tiny"
    tf.saved_model.save(model, str(folder / "1"), getattr(model, signature))
    versions = Versions(folder)
    versions.look()
    line = greeting(versions, "127.0.0.1", 8501)
    versions.close()
    url = "http://127.0.0.1:8501/v1/models/tiny"
    if instance is None:
        assert line.endswith(f" Try: curl {url}/metadata")
        return
    body = re.search(rf"Try: curl -d '(.*)' {url}:predict$", line)[1]
    assert json.loads(body) == {"instances": [instance]}


def test_the_greetings_of_images_and_speech_are_answered(client):
    assert ask(client, "image", instances=[{"b64": IMAGE}]) == [0]
    [heard] = ask(
        client,
        "speech",
        instances=[{"waveform": [0.0, 0.1, 0.0, -0.1], "length": 4}],
    )
    assert heard["length"] == 4 and abs(heard["peak"] - 0.1) < 1e-6
