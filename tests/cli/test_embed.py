import json
import pathlib

import numpy as np
import pytest

import kerasbert as package

pytest.importorskip("tensorflow")

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures"
TINY = FIXTURES / "sentence_mean/sentence_transformers"
TEXTS = ["hello world", "", "a longer one", " ", "hello world"]


@pytest.fixture(scope="module")
def embedder():
    return package.TextEmbedder.from_pretrained(TINY)


@pytest.fixture(autouse=True)
def loaded_once(monkeypatch, embedder):
    """Loads a model with the same options once, which saves half a minute."""
    load = package.TextEmbedder.from_pretrained

    def remember(source, **options):
        if source in ("minilm", str(TINY)) and not any(options.values()):
            return embedder
        return load(source, **options)

    monkeypatch.setattr(package.TextEmbedder, "from_pretrained", remember)


def rows_of(text):
    return [json.loads(line) for line in text.splitlines()]


def vectors_of(text):
    return np.array([row["embedding"] for row in rows_of(text)], "float32")


def test_a_line_of_json_holds_every_digit_of_a_vector(kerasbert, embedder):
    done = kerasbert("embed", "--model", TINY, *TEXTS)
    assert (done.code, done.told) == (0, "")
    assert [row["text"] for row in rows_of(done.out)] == TEXTS
    np.testing.assert_array_equal(vectors_of(done.out), embedder.encode(TEXTS))


def test_without_a_model_minilm_embeds(kerasbert, embedder):
    done = kerasbert("embed", "hello world")
    np.testing.assert_array_equal(
        vectors_of(done.out), embedder.encode(["hello world"])
    )


def test_a_file_standard_input_and_arguments_give_the_same(kerasbert, tmp_path):
    content = "\n".join(TEXTS).encode() + b"\n"
    (tmp_path / "texts.txt").write_bytes(content)
    expected = kerasbert("embed", *TEXTS).out
    assert kerasbert("embed", "--input", tmp_path / "texts.txt").out == expected
    assert kerasbert("embed", "--input", "-", stdin=content).out == expected
    kerasbert("embed", "--output", tmp_path / "out.jsonl", *TEXTS)
    assert (tmp_path / "out.jsonl").read_text("utf-8") == expected


def test_lines_end_at_line_feeds_alone_and_a_byte_order_mark_is_none_of_them(kerasbert):
    content = "\ufeffone\r\n\ntwo\u2028three\x0cfour\n\u4f60\u597d".encode()
    done = kerasbert("embed", "--input", "-", stdin=content)
    texts = [row["text"] for row in rows_of(done.out)]
    assert texts == ["one", "", "two\u2028three\x0cfour", "\u4f60\u597d"]


@pytest.mark.parametrize("count", [0, 1, 11])
def test_an_array_file_holds_a_row_a_text(kerasbert, embedder, tmp_path, count):
    texts = [f"text {number}" for number in range(count)]
    content = "".join(f"{text}\n" for text in texts).encode()
    file = tmp_path / "new" / "out.npy"
    done = kerasbert("embed", "--input", "-", "--output", file, stdin=content)
    assert (done.code, done.out, done.told) == (0, "", "")
    array = np.load(file)
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, embedder.encode(texts))
    assert [path.name for path in file.parent.iterdir()] == ["out.npy"]


def test_no_text_gives_no_line(kerasbert):
    done = kerasbert("embed", "--input", "-", stdin=b"")
    assert done == (0, "", "")


def test_options_are_those_of_the_embedder(kerasbert, embedder, monkeypatch):
    given = {}

    def load(source, **options):
        given.update(source=source, **options)
        return embedder

    embed = package.TextEmbedder.encode_stream

    def encode_stream(self, texts, **options):
        given.update(options)
        return embed(self, texts)

    monkeypatch.setattr(package.TextEmbedder, "from_pretrained", load)
    monkeypatch.setattr(package.TextEmbedder, "encode_stream", encode_stream)
    done = kerasbert(
        *("embed", "--model", "a_model", "--pooling", "cls", "--pooling", "max"),
        *("--no-normalize", "--max-length", 24, "--prompt", "query: "),
        *("--batch-tokens", 7, "--long-texts", "windows", "hello"),
    )
    assert (done.code, done.told) == (0, "")
    assert given == {
        "source": "a_model",
        "pooling": ["cls", "max"],
        "normalize": False,
        "max_length": 24,
        "prompt": "query: ",
        "batch_tokens": 7,
        "long_texts": "windows",
        "show_progress": None,
    }


def test_vectors_are_cut_and_scaled_as_the_command_says(kerasbert):
    folder = FIXTURES / "embedder_matryoshka" / "sentence_transformers"
    options = ("--truncate-dim", 3, "--normalize", "--prompt-name", "query")
    done = kerasbert("embed", "--model", folder, *options, "the film is good")
    vector = json.loads(done.out)["embedding"]
    expected = package.TextEmbedder.from_pretrained(folder).encode_query(
        ["the film is good"], truncate_dim=3, normalize=True
    )
    np.testing.assert_allclose([vector], expected, atol=1e-6)


def test_a_bad_line_late_in_the_file_leaves_no_output(kerasbert, tmp_path):
    content = b"good\n" * 5000 + b"sch\xf6n\n"
    done = kerasbert(
        *("embed", "--input", "-", "--output", tmp_path / "out.jsonl"), stdin=content
    )
    assert (done.code, done.out) == (2, "")
    assert "standard input, but in line 5001 the byte 0xf6" in done.err
    assert not list(tmp_path.glob("*out.jsonl*"))


def test_a_layer_that_the_model_has_not_is_refused(kerasbert):
    done = kerasbert("embed", "--tokens", "--layers", "9", "text")
    assert (done.code, done.out) == (2, "")
    assert "9" in done.err


def test_a_long_text_is_cut_with_a_warning_of_one_line_or_seen_in_windows(
    kerasbert, embedder
):
    text = "one two three " * 20
    cut = kerasbert("embed", text)
    assert cut.code == 0
    assert cut.err.startswith("kerasbert: warning: ")
    assert cut.err.count("\n") == 1
    whole = kerasbert("embed", "--long-texts", "windows", text)
    assert whole.err == ""
    np.testing.assert_array_equal(
        vectors_of(whole.out), embedder.encode([text], long_texts="windows")
    )
    assert np.abs(vectors_of(whole.out) - vectors_of(cut.out)).max() > 1e-3


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ((), {"layers": [-1]}),
        (("--layers", "-1,-2", "--combine", "sum"), {"layers": [-1, -2]}),
        (("--layers", "all", "--combine", "stack"), {"layers": "all"}),
    ],
    ids=["last", "sum", "all"],
)
def test_tokens_come_with_their_places(kerasbert, embedder, words, options):
    done = kerasbert("embed", "--tokens", *words, *TEXTS)
    combine = words[-1] if words else "concat"
    expected = embedder.encode_tokens(TEXTS, combine=combine, **options)
    for row, text, embeddings in zip(rows_of(done.out), TEXTS, expected, strict=True):
        assert row["text"] == text
        assert row["tokens"] == embeddings.tokens
        assert [tuple(pair) for pair in row["offsets"]] == embeddings.offsets
        vectors = np.array(row["embeddings"], "float32")
        np.testing.assert_array_equal(vectors, embeddings.vectors)


def test_an_interruption_leaves_the_old_file_and_nothing_else(
    kerasbert, tmp_path, monkeypatch
):
    def interrupted(self, texts, **options):
        next(texts)
        yield np.zeros(24, "float32")
        raise KeyboardInterrupt

    monkeypatch.setattr(package.TextEmbedder, "encode_stream", interrupted)
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "out.jsonl").write_text("old")
    for name in ("out.jsonl", "out.npy"):
        done = kerasbert("embed", "--output", folder / name, *TEXTS)
        assert done.code == 130
        assert done.told == ""
    assert [path.name for path in folder.iterdir()] == ["out.jsonl"]
    assert (folder / "out.jsonl").read_text() == "old"
