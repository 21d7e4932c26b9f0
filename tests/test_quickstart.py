import pathlib

import numpy as np
import pytest

from kerasbert import quickstart

FIXTURES = pathlib.Path(__file__).parent / "fixtures"


def test_likeness_is_the_cosine():
    vectors = np.array([[3.0, 4.0], [-6.0, -8.0], [4.0, -3.0]])
    expected = [[1, -1, 0], [-1, 1, 0], [0, 0, 1]]
    np.testing.assert_allclose(quickstart._cosines(vectors), expected, atol=1e-15)


def test_every_sentence_is_shown_with_its_vector_and_likeness(capsys):
    pytest.importorskip("tensorflow")
    from kerasbert import TextEmbedder

    source = FIXTURES / "bert_tiny/huggingface"
    quickstart.main(source)
    out = capsys.readouterr().out
    vectors = TextEmbedder.from_pretrained(source).encode(quickstart.SENTENCES)
    for sentence, vector in zip(quickstart.SENTENCES, vectors, strict=True):
        [line] = [line for line in out.splitlines() if sentence in line]
        assert f"{vector[0]:+.3f} {vector[1]:+.3f} {vector[2]:+.3f}" in line
    cosines = quickstart._cosines(vectors)
    row = "   ".join(f"{cosine:.2f}" for cosine in cosines[0])
    assert row.split() in [line.split()[1:] for line in out.splitlines()]
    assert "kerasbert embed" in out
