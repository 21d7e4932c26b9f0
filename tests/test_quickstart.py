import contextlib
import io
import pathlib

import numpy as np
import pytest

from kerasbert import quickstart

SOURCE = pathlib.Path(__file__).parent / "fixtures/bert_tiny/huggingface"


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """What a first run prints, and the folder that it exports to."""
    pytest.importorskip("tensorflow")
    folder = tmp_path_factory.mktemp("saved_models") / "tiny"
    with contextlib.redirect_stdout(io.StringIO()) as out:
        quickstart.main(SOURCE, folder)
    return out.getvalue(), folder


def test_likeness_is_the_cosine():
    vectors = np.array([[3.0, 4.0], [-6.0, -8.0], [4.0, -3.0]])
    expected = [[1, -1, 0], [-1, 1, 0], [0, 0, 1]]
    np.testing.assert_allclose(quickstart._cosines(vectors), expected, atol=1e-15)


def test_every_sentence_is_shown_with_its_vector_and_likeness(shown):
    from kerasbert import TextEmbedder

    out, _ = shown
    vectors = TextEmbedder.from_pretrained(SOURCE).encode(quickstart.SENTENCES)
    for sentence, vector in zip(quickstart.SENTENCES, vectors, strict=True):
        [line] = [line for line in out.splitlines() if sentence in line]
        assert f"{vector[0]:+.3f} {vector[1]:+.3f} {vector[2]:+.3f}" in line
    cosines = quickstart._cosines(vectors)
    row = "   ".join(f"{cosine:.2f}" for cosine in cosines[0])
    assert row.split() in [line.split()[1:] for line in out.splitlines()]
    assert "kerasbert embed" in out


def test_it_ends_with_a_model_that_the_lines_it_shows_serve(shown):
    from kerasbert.serving.versions import Versions

    out, folder = shown
    assert f"Exported to {folder / '1'}, which takes raw text, in " in out
    serve, curl = out.splitlines()[-2:]
    assert serve.split() == ["kerasbert", "serve", str(folder)]
    assert curl.endswith("http://localhost:8501/v1/models/tiny:predict")
    versions = Versions(folder)
    versions.look()
    assert versions.number == 1
    assert versions.name == "tiny"
    versions.close()


def test_a_second_run_replaces_what_the_first_exported(shown, capsys):
    _, folder = shown
    before = (folder / "1/saved_model.pb").stat().st_ino
    quickstart.main(SOURCE, folder)
    assert f"Exported to {folder / '1'}," in capsys.readouterr().out
    assert [child.name for child in folder.iterdir()] == ["1"]
    assert (folder / "1/saved_model.pb").stat().st_ino != before
