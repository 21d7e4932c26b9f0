"""Folders of sentence-transformers that ask for more than a mean of tokens."""

import json
import pathlib
import shutil
import warnings

import numpy as np
import pytest

import kerasbert
from kerasbert.checkpoints.containers import convert

FIXTURES = pathlib.Path(__file__).parents[2] / "fixtures"
NAMES = ("matryoshka", "instructor", "layers", "lower_case")

pytestmark = pytest.mark.filterwarnings("ignore:.*were truncated")


def folder_of(name):
    return FIXTURES / f"embedder_{name}" / "sentence_transformers"


def answers_of(name):
    answers = dict(np.load(FIXTURES / f"embedder_{name}" / "expected.npz"))
    return [str(text) for text in answers.pop("texts")], answers


def near(found, expected):
    assert found.shape == expected.shape and found.dtype == np.float32
    scale = max(1.0, abs(expected).max())
    assert abs(found - expected).max() < 1e-5 * scale


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


def test_every_way_to_encode_gives_the_vectors_of_sentence_transformers(loaded, name):
    embedder, (texts, answers) = loaded(folder_of(name)), answers_of(name)
    vectors = embedder.encode(texts)
    prompted = embedder.encode(texts[:3], prompt="the film ")
    near(vectors, answers["embeddings"])
    near(prompted, answers["prompted"])
    near(embedder.encode_query(texts), answers["query"])
    near(embedder.encode_document(texts), answers["document"])
    near(embedder.encode(texts, truncate_dim=3, normalize=True), answers["cut"])
    near(np.stack([*embedder.encode_stream(texts)]), answers["embeddings"])
    assert embedder.size == vectors.shape[1]


def test_the_similarity_is_that_of_the_model(loaded, name):
    embedder, (texts, answers) = loaded(folder_of(name)), answers_of(name)
    vectors, prompted = answers["embeddings"], answers["prompted"]
    near(embedder.similarity(vectors[:4], prompted), answers["similarity"])
    of_texts = embedder.similarity(texts[:2], texts[2:5])
    near(of_texts, embedder.similarity(vectors[:2], vectors[2:5]))
    pairs = list(zip(texts[:2], texts[2:4], strict=True))
    near(embedder.similarity(pairs), np.diagonal(of_texts))


def test_what_is_saved_gives_the_same_vectors(loaded, name, tmp_path):
    embedder, (texts, _) = loaded(folder_of(name)), answers_of(name)
    embedder.save(tmp_path / "saved")
    again = kerasbert.TextEmbedder.from_pretrained(tmp_path / "saved", strict=True)
    for said in ("prompts", "default_prompt", "similarity_fn_name", "truncate_dim"):
        assert getattr(again, said) == getattr(embedder, said)
    assert again.max_length == embedder.max_length
    for method in ("encode", "encode_query", "encode_document"):
        found = [getattr(each, method)(texts) for each in (again, embedder)]
        np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("format", ["huggingface", "google_tf1", "keras_hub"])
def test_every_container_keeps_what_makes_a_vector(loaded, name, format, tmp_path):
    embedder, (texts, _) = loaded(folder_of(name)), answers_of(name)
    if name == "lower_case" and format != "huggingface":
        # Its accents stay, which these formats cannot say of lower-cased texts.
        with (
            pytest.warns(UserWarning),
            pytest.raises(ValueError, match="no place for strip_accents=False"),
        ):
            convert(folder_of(name), tmp_path / "out", format)
        assert not (tmp_path / "out").exists()
        return
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*outputs will not be")
        warnings.filterwarnings("ignore", ".*no task.json is written")
        convert(folder_of(name), tmp_path / "out", format)
    again = kerasbert.TextEmbedder.from_pretrained(tmp_path / "out")
    assert again.max_length == embedder.max_length
    assert again.similarity_fn_name == embedder.similarity_fn_name
    np.testing.assert_array_equal(again.encode(texts), embedder.encode(texts))
    np.testing.assert_array_equal(
        again.encode_query(texts), embedder.encode_query(texts)
    )


def test_what_keras_hub_does_not_compute_is_named_when_it_is_written(tmp_path):
    with (
        pytest.warns(UserWarning, match="outputs will not be exactly"),
        pytest.warns(UserWarning, match="layers after pooling, the similarity eucl"),
    ):
        convert(folder_of("layers"), tmp_path / "out", "keras_hub")
    assert not (tmp_path / "out" / "task.json").exists()


def test_a_text_embedder_of_keras_hub_is_written_as_one(tmp_path):
    source = FIXTURES / "keras_hub_bert_embedder" / "keras_hub"
    convert(source, tmp_path / "out", "keras_hub")
    task, written = (
        json.loads((folder / "task.json").read_text())
        for folder in (source, tmp_path / "out")
    )
    for key in ("class_name", "module", "registered_name"):
        assert written[key] == task[key]
    assert written["config"]["pooling_mode"] == task["config"]["pooling_mode"]
    assert written["config"]["normalize"] is task["config"]["normalize"] is True
    lengths = [
        each["config"]["preprocessor"]["config"]["sequence_length"]
        for each in (task, written)
    ]
    assert lengths == [16, 16]


# === Prompts ===


def test_a_prompt_is_a_name_or_a_text_and_never_both(loaded):
    embedder = loaded(folder_of("matryoshka"))
    by_name = embedder.encode(["film"], prompt_name="query")
    np.testing.assert_array_equal(embedder.encode(["film"], prompt="query"), by_name)
    np.testing.assert_array_equal(embedder.encode(["film"], prompt="the "), by_name)
    np.testing.assert_array_equal(
        embedder.encode(["film"], prompt=""), embedder.encode_document(["film"])
    )
    for options in (
        {"prompt": "passages"},
        {"prompt_name": "passages"},
        {"prompt_name": "the "},
        {"prompt": "s2p-query.v2"},
        {"prompt": "the ", "prompt_name": "query"},
    ):
        with pytest.raises(ValueError, match="Expected .*prompt"):
            embedder.encode(["film"], **options)
    with pytest.raises(TypeError, match="Expected a prompt, a string, got 3"):
        embedder.encode(["film"], prompt=3)


def test_the_name_of_a_prompt_is_refused_where_there_are_none(loaded):
    embedder = loaded(folder_of("layers"))
    plain = kerasbert.TextEmbedder(embedder.encoder, embedder.tokenizer)
    for options in ({"prompt": "query"}, {"prompt_name": "query"}):
        with pytest.raises(ValueError, match="which this model has none"):
            plain.encode(["film"], **options)
    np.testing.assert_array_equal(plain.encode_query(["film"]), plain.encode(["film"]))


def test_a_text_that_is_the_name_of_a_prompt_too_is_refused(loaded):
    embedder = loaded(folder_of("layers"))
    prompts = {"web search": "Find: "}
    named = kerasbert.TextEmbedder(
        embedder.encoder, embedder.tokenizer, prompts=prompts
    )
    with pytest.raises(ValueError, match="may be the text .* or the name"):
        named.encode(["film"], prompt="web search")
    np.testing.assert_array_equal(
        named.encode(["film"], prompt_name="web search"),
        named.encode(["film"], prompt="Find: "),
    )


def test_documents_take_the_first_prompt_of_their_names(loaded):
    embedder = loaded(folder_of("layers"))
    prompts = {"corpus": "film ", "passage": "river ", "other": "bad "}
    named = kerasbert.TextEmbedder(
        embedder.encoder, embedder.tokenizer, prompts=prompts
    )
    named.default_prompt = "other"
    texts = ["is good"]
    np.testing.assert_array_equal(
        named.encode_document(texts), named.encode(texts, prompt="river ")
    )
    np.testing.assert_array_equal(
        named.encode_query(texts), named.encode(texts, prompt="")
    )
    np.testing.assert_array_equal(
        named.encode_query(texts, prompt_name="corpus"),
        named.encode(texts, prompt="film "),
    )


def test_prompts_that_are_not_pooled_are_refused_where_they_cannot_be_told(loaded):
    embedder = loaded(folder_of("instructor"))
    with pytest.raises(ValueError, match='long_texts="truncate".*include_prompt'):
        embedder.encode(["film"], long_texts="windows")
    with pytest.raises(ValueError, match="no default prompt in training"):
        embedder.features([("film", "river")], [1.0])
    windows = embedder.encode(["film"], prompt="", long_texts="windows")
    np.testing.assert_allclose(windows, embedder.encode(["film"], prompt=""), atol=1e-6)


# === The cut ===


def test_a_size_that_the_vectors_do_not_have_is_refused(loaded):
    embedder = loaded(folder_of("matryoshka"))
    for size in (0, -1, 25, 2.0, "7"):
        with pytest.raises(ValueError, match="truncate_dim from 1 to 24"):
            embedder.encode(["film"], truncate_dim=size)
    whole = embedder.encode(["film"], truncate_dim=24)
    np.testing.assert_array_equal(whole[:, :7], embedder.encode(["film"]))


def test_length_1_beside_a_cut_has_two_meanings():
    with pytest.raises(ValueError, match="two meanings.*before the cut.*after it"):
        kerasbert.TextEmbedder.from_pretrained(folder_of("matryoshka"), normalize=True)


def test_a_layer_that_does_not_fit_the_pooling_is_refused():
    with pytest.raises(ValueError, match="beside the pooling mean, got"):
        kerasbert.TextEmbedder.from_pretrained(folder_of("layers"), pooling="mean")


def test_unknown_keys_are_refused_by_strict_alone(tmp_path):
    shutil.copytree(folder_of("matryoshka"), tmp_path / "model")
    file = tmp_path / "model" / "config_sentence_transformers.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "rotation": 3}))
    with pytest.raises(ValueError, match="does not know: rotation=3"):
        kerasbert.TextEmbedder.from_pretrained(tmp_path / "model", strict=True)
    with pytest.warns(UserWarning, match="does not know: rotation=3"):
        kerasbert.TextEmbedder.from_pretrained(tmp_path / "model")
