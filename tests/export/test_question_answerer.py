import numpy as np
import pytest
import tensorflow as tf

import kerasbert
from tests.export.served import FIXTURES

LONG = "the film is good, and the river was not very good; i love this book to read. "
EXAMPLES = [
    ("what is good", LONG * 3),
    ("who", "你好世界😀我爱中国。天大人小"),
    ("what is the good book that i love to read in the world", LONG),
    ("", ""),
    ("what", "a\u0301b  ﬁlm\tße \U0001f600"),
    ("what", " \n"),
]
OPTIONS = {"max_length": 24, "stride": 6, "max_query_length": 8}
THRESHOLD = -0.15


def answerer_of(kind, **options):
    folder = FIXTURES / f"{kind}_question_answering" / "huggingface"
    return kerasbert.QuestionAnswerer.from_pretrained(folder, **OPTIONS, **options)


def signature_of(version):
    """The function of questions and contexts that a SavedModel holds."""
    signature = tf.saved_model.load(str(version)).signatures["serving_default"]

    def answers(examples):
        questions, contexts = zip(*examples, strict=True) if examples else ((), ())
        found = signature(
            question=tf.constant(questions, tf.string, [len(questions)]),
            context=tf.constant(contexts, tf.string, [len(contexts)]),
        )
        return {name: tensor.numpy() for name, tensor in found.items()}

    return answers


def check(found, expected):
    assert [text.decode() for text in found["answer"]] == [
        answer["answer"] for answer in expected
    ]
    for name in ("start", "end"):
        assert found[name].dtype == np.int32
        assert found[name].tolist() == [answer[name] for answer in expected]
    scores = [answer["score"] for answer in expected]
    np.testing.assert_allclose(found["score"], scores, 1e-4, 1e-6)


@pytest.mark.parametrize("kind", ["bert", "albert"])
@pytest.mark.filterwarnings("ignore:.*of the questions had more than 8 tokens")
def test_the_served_answers_are_the_answerers(kind, tmp_path):
    answerer = answerer_of(kind, max_answer_length=5)
    version = answerer.export(tmp_path / "answers")
    served = signature_of(version)
    for part in (EXAMPLES, EXAMPLES[::-1], EXAMPLES[:1], EXAMPLES[3:4], []):
        check(served(part), answerer.predict(part))
    card = (version / "README.md").read_text()
    assert "`question`" in card and "`answer`" in card

    # Bytes that are no UTF-8 are one character each.
    contexts = [b"good \xff\xfe film", "good \ufffd\ufffd film".encode()]
    found = served([("what", context) for context in contexts])
    np.testing.assert_allclose(*found.pop("score"), 1e-5)
    assert all(one == other for one, other in found.values())


@pytest.mark.filterwarnings("ignore:.*of the questions had more than 8 tokens")
def test_no_answer_is_served_by_its_threshold(tmp_path):
    answerer = answerer_of(
        "bert",
        max_answer_length=5,
        no_answer=True,
        null_score_diff_threshold=THRESHOLD,
    )
    served = signature_of(answerer.export(tmp_path / "answers"))
    expected = answerer.predict(EXAMPLES)
    check(served(EXAMPLES), expected)
    # Some of those that have words are answered, and some are not.
    said = [bool(expected[number]["answer"]) for number in (0, 1, 2, 4)]
    assert any(said) and not all(said)
