"""The exported folder without Python: a C program on TensorFlow's own library."""

import numpy as np
import pytest

from tests.export.served import embedder_of, exported
from tests.serving.program import program

TEXTS = ["Good morning", "", "你好, Naïve [MASK]", "a cat " * 30, "the"]


@pytest.fixture(scope="module")
def embed():
    return program()


def vectors_of(done):
    assert done.returncode == 0, done.stderr.decode()
    return np.array([line.split() for line in done.stdout.splitlines()], "float32")


@pytest.mark.filterwarnings("ignore:.*were truncated.*")
def test_texts_become_the_embedders_vectors_without_python(embed):
    texts = [text.encode() for text in TEXTS] + [b"caf\xc3\xa9 \xff\xed\xa0\x80"]
    done = embed(
        exported("sentence_dense"), "--batch", "4", texts=b"\n".join(texts) + b"\n"
    )
    expected = embedder_of("sentence_dense").encode(texts)
    np.testing.assert_allclose(vectors_of(done), expected, 0, 1e-5)


def test_times_are_told_apart_from_vectors(embed):
    done = embed(
        exported("sentence_dense"), "--repeat", "3", "--threads", "1", texts=b"hello\n"
    )
    assert vectors_of(done).shape == (1, 10)
    times = dict(
        line.split() for line in done.stderr.decode().splitlines() if "_s " in line
    )
    assert {"load_s", "first_answer_s", "median_s", "texts_per_s"} <= set(times)
    assert all(float(time) > 0 for time in times.values())


def test_the_signature_for_xla_is_refused_as_the_server_refuses_it(embed):
    done = embed(exported("sentence_dense"), "--signature", "xla", texts=b"hello\n")
    assert done.returncode == 1
    assert b"XLA compilation disabled" in done.stderr


def test_without_the_operations_of_tf_text_the_error_names_them(embed):
    done = embed(exported("sentence_dense"), texts=b"hello\n", operations=[])
    assert done.returncode == 1
    assert b"FastBertNormalize" in done.stderr
