"""A model for LiteRT behind the REST interface."""

import numpy as np
import pytest

from kerasbert.export import export_litert
from kerasbert.serving.server import check_folder

TEXTS = ["Good morning", "", "a cat " * 30, "你好, Naïve [MASK]"]
METADATA = "/v1/models/tiny/metadata"


@pytest.fixture(scope="module")
def folder(embedder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("litert") / "tiny"
    folder.mkdir()
    export_litert(embedder, folder / "1")
    return folder


@pytest.fixture(scope="module")
def litert(serve, folder):
    with serve(folder) as client:
        yield client


def test_the_answers_are_those_of_the_saved_model(litert, client):
    body = {"instances": [*TEXTS, {"b64": "/2E="}]}  # bytes that are no text
    found, expected = (
        each.predict(body).json["predictions"] for each in (litert, client)
    )
    for row, other in zip(found, expected, strict=True):
        assert row["token_count"] == other["token_count"]
        np.testing.assert_allclose(row["embedding"], other["embedding"], 0, 1e-5)


def test_its_signature_is_that_of_the_saved_model_but_for_names_of_tensors(
    litert, client
):
    def signature(client):
        answer = client.get(METADATA).json["metadata"]["signature_def"]
        found = answer["signature_def"]["serving_default"]
        for tensors in (found["inputs"], found["outputs"]):
            for tensor in tensors.values():
                del tensor["name"]
        return found

    assert signature(litert) == signature(client)


def test_texts_that_are_no_vector_are_refused(litert):
    answer = litert.predict({"inputs": [["a", "b"]]})
    assert answer.status == 400
    assert answer.json["error"].startswith("Expected input text of shape [-1]")


def test_a_version_for_litert_is_named_with_its_parent(folder):
    check_folder(folder)
    with pytest.raises(ValueError, match="use its parent folder"):
        check_folder(folder / "1")
