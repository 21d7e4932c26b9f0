import pathlib
import threading
import warnings

import numpy as np
import pytest

import kerasbert
from kerasbert.tasks.embedding.preprocessor import EmbeddingPreprocessor

FIXTURES = pathlib.Path(__file__).parents[2] / "fixtures"
SENTENCE_FOLDERS = sorted(FIXTURES.glob("sentence_*/sentence_transformers"))
MEAN = FIXTURES / "sentence_mean" / "sentence_transformers"
WORDS = "the film is good bad slow river quiet morning book world".split()


def same_model(embedder, **arguments):
    """Another embedder of the same encoder and tokenizer."""
    return kerasbert.TextEmbedder(embedder.encoder, embedder.tokenizer, **arguments)


def expected_of(folder):
    with np.load(folder.parent / "expected.npz") as arrays:
        return dict(arrays)


def texts_of(folder):
    return [str(text) for text in expected_of(folder)["texts"]]


def quiet_encode(embedder, texts, **options):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*were truncated")
        return embedder.encode(texts, **options)


# === As sentence-transformers ===


@pytest.mark.parametrize("folder", SENTENCE_FOLDERS, ids=lambda f: f.parent.name)
def test_embeddings_are_those_of_sentence_transformers(loaded, folder):
    embedder = loaded(folder)
    texts, expected = texts_of(folder), expected_of(folder)
    ids = embedder.tokenizer.encode(texts, max_length=embedder.max_length)
    lengths = expected["padding_mask"].sum(1)
    rows = zip(expected["token_ids"], lengths, strict=True)
    same = [i for i, (row, n) in enumerate(rows) if row[:n].tolist() == ids[i]]
    # Hugging Face's tokenizer of ALBERT takes `(` out before SentencePiece sees it.
    left_out = {"sentence_albert": 1}.get(folder.parent.name, 0)
    assert len(same) == len(texts) - left_out

    with pytest.warns(UserWarning, match="16 tokens"):
        vectors = embedder.encode(texts)
    assert vectors.dtype == np.float32
    assert abs(vectors - expected["embeddings"])[same].max() < 1e-5


@pytest.mark.parametrize("name", ["albert", "dense_2020", "mean_max", "new"])
def test_what_is_saved_gives_the_same_vectors_bit_for_bit(loaded, name, tmp_path):
    folder = FIXTURES / f"sentence_{name}" / "sentence_transformers"
    embedder = loaded(folder)
    embedder.save_pretrained(tmp_path / "saved")
    again = kerasbert.TextEmbedder.from_pretrained(tmp_path / "saved")
    assert again.max_length == embedder.max_length == 16
    vectors = [quiet_encode(each, texts_of(folder)) for each in (again, embedder)]
    np.testing.assert_array_equal(*vectors)


def test_a_text_embedder_of_keras_hub_says_how_it_pools():
    folder = FIXTURES / "keras_hub_bert_embedder" / "keras_hub"
    embedder = kerasbert.TextEmbedder.from_pretrained(folder)
    texts, expected = texts_of(folder), expected_of(folder)["embeddings"]
    assert embedder.max_length == 16
    # KerasHub leaves accents where BERT's uncased tokenizer takes them off.
    same = [i for i, text in enumerate(texts) if "é" not in text]
    assert len(same) == 3
    assert abs(embedder.encode(texts) - expected)[same].max() < 1e-5


@pytest.mark.parametrize("container", ["google_tf1", "tfhub"])
def test_every_container_of_a_model_gives_the_same_vectors(bert, container):
    texts = ["hello world", "the 3rd time", "你好，世界！", ""]
    other = kerasbert.TextEmbedder.from_pretrained(FIXTURES / "bert_tiny" / container)
    assert abs(other.encode(texts) - bert.encode(texts)).max() < 1e-6


def test_several_poolings_are_joined_in_the_order_given(embedder):
    joining = same_model(embedder, pooling=["mean", "sqrt_length", "cls"])
    text = "the film is good"
    [token_embedding] = embedder.encode_tokens([text])
    tokens = token_embedding.vectors
    joined = [tokens.mean(0), tokens.sum(0) / np.sqrt(len(tokens)), tokens[0]]
    [vector] = joining.encode([text])
    np.testing.assert_allclose(vector, np.concatenate(joined), atol=1e-6)


def test_pooling_and_normalize_can_be_chosen_otherwise(embedder):
    chosen = kerasbert.TextEmbedder.from_pretrained(
        MEAN, pooling="cls", normalize=False
    )
    [tokens] = embedder.encode_tokens(["a bad film"])
    [vector] = chosen.encode(["a bad film"])
    np.testing.assert_allclose(vector, tokens.vectors[0], atol=1e-6)
    with pytest.raises(ValueError, match="poolings among cls, max, mean.*'media'"):
        same_model(embedder, pooling="media")


def test_what_is_saved_says_prompts_and_default_prompt(embedder, tmp_path):
    prompts = {"query": "the film ", "document": ""}
    prompting = same_model(embedder, prompts=prompts)
    prompting.default_prompt = "query"
    prompting.save_pretrained(tmp_path / "saved")
    again = kerasbert.TextEmbedder.from_pretrained(tmp_path / "saved")
    assert again.prompts == prompts
    plain = again.encode(["is good", "the film is good"], prompt="document")
    prompted = again.encode(["is good"])
    np.testing.assert_allclose(prompted[0], plain[1], atol=1e-6)
    assert abs(prompted[0] - plain[0]).max() > 1e-3
    with pytest.raises(FileExistsError):
        prompting.save_pretrained(tmp_path / "saved")


# === One text, whatever is beside it ===


def test_a_text_has_the_same_vector_alone_as_among_others_of_any_length(bert):
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS, n)) for n in rng.integers(0, 40, 63)]
    texts = ["hello world", *texts]
    together = bert.encode(texts)
    alone = np.concatenate([bert.encode([text]) for text in texts])
    assert abs(together - alone).max() < 1e-6
    in_small_batches = bert.encode(texts, batch_tokens=70)
    assert abs(together - in_small_batches).max() < 1e-6


def test_vectors_come_in_the_order_of_the_texts(embedder):
    texts = [WORDS[0], " ".join(WORDS[:5]), WORDS[2], " ".join(WORDS[:3])]
    forwards, backwards = embedder.encode(texts), embedder.encode(texts[::-1])
    np.testing.assert_allclose(forwards, backwards[::-1], atol=1e-6)
    assert abs(forwards[0] - forwards[2]).max() > 1e-3


def test_a_graph_is_traced_once_for_all_shapes(embedder):
    embedder = same_model(embedder)
    traces = []
    finish = embedder._run.finish
    embedder._run.finish = lambda *states: traces.append(1) or finish(*states)
    for count in range(1, 6):
        embedder.encode([" ".join(WORDS[:count])] * count)
    assert len(traces) == 1


def test_threads_get_the_vectors_that_one_gets(embedder):
    texts = [" ".join(WORDS[: i % 6]) for i in range(40)]
    expected, found = embedder.encode(texts), [None] * 4

    def encode(thread):
        found[thread] = embedder.encode(texts, batch_tokens=100 + thread)

    threads = [threading.Thread(target=encode, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for vectors in found:
        assert abs(vectors - expected).max() < 1e-6


def test_bfloat16_is_close(bert):
    half = kerasbert.TextEmbedder.from_pretrained(
        FIXTURES / "bert_tiny/huggingface", dtype="mixed_bfloat16"
    )
    texts = ["hello world", "the river", ""]
    vectors, expected = half.encode(texts), bert.encode(texts)
    assert vectors.dtype == np.float32
    error = np.linalg.norm(vectors - expected, axis=1)
    assert (error < 0.02 * np.linalg.norm(expected, axis=1)).all()
    assert (error > 0).all()


# === What may come in ===


def test_no_texts_give_no_vectors(embedder):
    assert embedder.encode([]).shape == (0, embedder.size) == (0, 24)
    assert embedder.encode_tokens([]) == []


def test_empty_strings_and_blanks_have_finite_vectors(embedder):
    vectors = embedder.encode(["", " ", "\t\n\u3000", "\x00\ufffd"])
    assert np.isfinite(vectors).all()
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    np.testing.assert_array_equal(vectors[0], vectors[1])


def test_any_iterable_of_strings_will_do(embedder):
    expected = embedder.encode(["the film", "a book"])
    for texts in (
        (text for text in ["the film", "a book"]),
        np.array(["the film", "a book"]),
        ("the film", b"a book"),
    ):
        np.testing.assert_array_equal(embedder.encode(texts), expected)
    assert abs(embedder.encode("the film") - expected[:1]).max() < 1e-6


def test_what_is_no_string_is_named_with_its_position(embedder):
    with pytest.raises(TypeError, match="strings, got float at position 2: nan"):
        embedder.encode(["a", "b", float("nan")])
    with pytest.raises(TypeError, match="got NoneType at position 0"):
        embedder.encode_tokens([None])


def test_a_stream_is_read_a_chunk_ahead(embedder, monkeypatch):
    monkeypatch.setattr(EmbeddingPreprocessor, "chunk", 4)
    read = []

    def texts():
        for number in range(10):
            read.append(number)
            yield f"film {number}"

    stream = embedder.encode_stream(texts())
    assert read == []
    first = next(stream)
    assert len(read) == 4
    rest = list(stream)
    assert len(read) == 10
    expected = embedder.encode([f"film {number}" for number in range(10)])
    assert abs(np.array([first, *rest]) - expected).max() < 1e-6


def test_a_prompt_is_put_before_every_text(embedder):
    [plain] = embedder.encode(["the film is good"])
    [prompted] = embedder.encode(["is good"], prompt="the film ")
    np.testing.assert_allclose(prompted, plain, atol=1e-6)


def test_a_prompt_that_has_no_such_name_is_refused(embedder):
    embedder = same_model(embedder, prompts={"query": "the film "})
    with pytest.raises(ValueError, match="name of a prompt, query, or a text.*'passag"):
        embedder.encode(["is good"], prompt="passage")


# === Limits ===


def test_max_length_is_that_of_the_model_at_most(embedder):
    short = same_model(embedder, normalize=True, max_length=4)
    with pytest.warns(UserWarning, match="more than 4 tokens"):
        [cut] = short.encode(["the film is good"])
    ids = embedder.tokenizer.encode(["the film is good"], max_length=4)
    np.testing.assert_allclose(cut, embedder._run([np.array(ids[0], "int32")])[0])
    for length in (2, 33):
        with pytest.raises(
            ValueError, match=f"from 3 to 32 .*positions.*, got {length}"
        ):
            same_model(embedder, max_length=length)


def test_a_vocabulary_larger_than_the_models_is_refused(embedder, bert):
    with pytest.raises(ValueError, match="at most 200 tokens.*got 4167"):
        kerasbert.TextEmbedder(embedder.encoder, bert.tokenizer)


# === Progress ===


def test_progress_is_shown_on_stderr_where_that_is_asked_for(embedder, capfd):
    embedder.encode(["film"] * 3)
    assert capfd.readouterr() == ("", "")
    embedder.encode(["film"] * 3, show_progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert "Embedding" in err
    assert "3/3" in err


def test_a_model_with_a_head_takes_no_other_head():
    embedder = kerasbert.TextEmbedder.from_pretrained(
        FIXTURES / "bert_tiny" / "huggingface"
    )
    again = kerasbert.TextEmbedder(embedder.model, embedder.tokenizer)
    texts = ["good morning", "good night"]
    np.testing.assert_array_equal(again.encode(texts), embedder.encode(texts))
    with pytest.raises(ValueError, match="Pass its encoder"):
        kerasbert.TextEmbedder(embedder.model, embedder.tokenizer, pooling="cls")
    with pytest.warns(DeprecationWarning, match="is now model"):
        kerasbert.TextEmbedder(encoder=embedder.encoder, tokenizer=embedder.tokenizer)
