import json
import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest

import kerasbert
from tests.export.served import FIXTURES, MODELS, TEXTS, embedder_of
from tests.text import oracle

pytest.importorskip("ai_edge_litert")

from tests.litert.exported import litert_folder  # noqa: E402

SHORT = ["Good morning", "", "the cat sat", "你好 [MASK]", "the", "a b c d e"]
LINES = (FIXTURES / "tiny_vocabulary" / "texts.txt").read_text("utf-8").splitlines()
WITHOUT_TENSORFLOW = """
import json, sys
for name in ("tensorflow", "keras", "tensorflow_text", "jax"):
    sys.modules[name] = None
import kerasbert
texts, *folders = json.loads(sys.argv[1])
vectors = [kerasbert.LiteRTEmbedder(folder).encode(texts) for folder in folders]
print(json.dumps([rows.tolist() for rows in vectors]))
"""


@pytest.fixture(scope="module")
def runner():
    return kerasbert.LiteRTEmbedder(litert_folder("sentence_dense"))


@pytest.fixture
def copied(tmp_path):
    """A copy of a folder, which a test may damage."""
    return shutil.copytree(litert_folder("sentence_dense"), tmp_path / "copied")


def test_a_process_without_tensorflow_and_keras_embeds():
    folders = [str(litert_folder(name)) for name in MODELS]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TENSORFLOW, json.dumps([SHORT, *folders])],
        capture_output=True,
        text=True,
        check=True,
    )
    for name, vectors in zip(MODELS, json.loads(done.stdout), strict=True):
        expected = embedder_of(name).encode(SHORT)
        np.testing.assert_allclose(vectors, expected, 0, 1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_token_ids_are_those_of_the_embedder(name):
    texts = LINES + [text for text in TEXTS if isinstance(text, str)]
    if name == "sentence_dense":  # whose WordPiece is exact whatever comes
        texts = texts + oracle.hard_strings(500, seed=7)
    runner = kerasbert.LiteRTEmbedder(litert_folder(name))
    assert runner._rows(texts) == embedder_of(name).tokenizer.encode(texts)


def test_special_tokens_in_a_text_may_be_text_like_any_other(copied):
    settings = json.loads((copied / "litert.json").read_text("utf-8"))
    assert settings["special_tokens_in_text"]
    settings["special_tokens_in_text"] = False
    (copied / "litert.json").write_text(json.dumps(settings), "utf-8")
    runner = kerasbert.LiteRTEmbedder(copied)
    tokenizer = kerasbert.Tokenizer.from_pretrained(
        FIXTURES / "sentence_dense" / "sentence_transformers",
        special_tokens_in_text=False,
    )
    texts = ["the [MASK] cat", "[SEP]", *oracle.hard_strings(200, seed=8)]
    assert runner._rows(texts) == tokenizer.encode(texts)
    assert tokenizer.mask_token_id not in runner._rows(texts)[0]


def test_a_text_gets_the_same_vector_whatever_is_beside_it(runner):
    together = runner.encode(SHORT)
    alone = np.concatenate([runner.encode([line]) for line in SHORT])
    np.testing.assert_array_equal(together, alone)


def test_any_number_of_texts_from_any_iterable(runner):
    assert runner.encode([]).shape == (0, runner.size)
    assert runner.encode([]).dtype == np.float32
    expected = runner.encode(SHORT[:3])
    np.testing.assert_array_equal(runner.encode(iter(SHORT[:3])), expected)
    np.testing.assert_array_equal(runner.encode(SHORT[0]), expected[:1])


def test_bytes_that_are_no_text_are_replaced(runner):
    broken = runner.encode([b"caf\xc3\xa9 \xff the", "half \ud800 a pair"])
    whole = runner.encode(["caf\u00e9 \ufffd the", "half \ufffd\ufffd\ufffd a pair"])
    np.testing.assert_array_equal(broken, whole)


def test_long_texts_are_cut_with_a_warning(runner):
    text = "the cat " * runner.max_length
    with pytest.warns(UserWarning, match=r"1 texts had more than \d+ tokens"):
        long = runner.encode([text, "the"])
    with pytest.warns(UserWarning, match="were truncated"):
        expected = embedder_of("sentence_dense").encode([text, "the"])
    np.testing.assert_allclose(long, expected, 0, 1e-5)


def test_several_threads_take_turns(runner):
    expected = runner.encode(SHORT)
    found = [None] * 4

    def embed(index):
        found[index] = runner.encode(SHORT)

    threads = [threading.Thread(target=embed, args=[i]) for i in range(len(found))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for vectors in found:
        np.testing.assert_array_equal(vectors, expected)


def test_what_is_no_string_is_refused_by_its_place(runner):
    with pytest.raises(TypeError, match="got int at position 1: 7"):
        runner.encode(["the", 7])


def test_a_folder_of_something_else_is_refused(tmp_path):
    for folder in (FIXTURES / "sentence_mean", tmp_path / "nowhere"):
        with pytest.raises(FileNotFoundError, match="--format litert"):
            kerasbert.LiteRTEmbedder(folder)


@pytest.mark.parametrize("name", ["model.tflite", "tokenizer.json"])
def test_a_file_that_is_missing_is_named(copied, name):
    (copied / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"Expected {name} in"):
        kerasbert.LiteRTEmbedder(copied)


def test_half_a_model_is_refused(copied):
    model = copied / "model.tflite"
    model.write_bytes(model.read_bytes()[:1000])
    with pytest.raises(ValueError, match="got 1000. Was the folder copied completely"):
        kerasbert.LiteRTEmbedder(copied)


def test_a_broken_model_is_refused(copied):
    model = copied / "model.tflite"
    model.write_bytes(bytes(model.stat().st_size))
    with pytest.raises(ValueError, match=r"Expected a LiteRT model in .*model.tflite"):
        kerasbert.LiteRTEmbedder(copied)


def test_a_broken_tokenizer_is_refused(copied):
    (copied / "tokenizer.json").write_text("{}")
    with pytest.raises(ValueError, match=r"Expected a tokenizer in .*tokenizer.json"):
        kerasbert.LiteRTEmbedder(copied)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("{", "Expected JSON in"),
        ("[]", r"Expected the format kerasbert-litert-1 in .*, got \[\]"),
        ('{"format": "2"}', "got '2'. Export the model again"),
        ('{"format": "kerasbert-litert-1"}', "Expected keys max_length, model_bytes"),
    ],
)
def test_settings_that_nobody_knows_are_refused(copied, settings, message):
    (copied / "litert.json").write_text(settings)
    with pytest.raises(ValueError, match=message):
        kerasbert.LiteRTEmbedder(copied)


@pytest.mark.parametrize(
    ("module", "package"),
    [("ai_edge_litert.interpreter", "ai-edge-litert"), ("tokenizers", "tokenizers")],
)
def test_a_package_that_is_missing_is_named(monkeypatch, module, package):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf"package {package}, .*kerasbert\[litert\]"):
        kerasbert.LiteRTEmbedder(litert_folder("sentence_dense"))


def test_no_thread_is_too_few():
    with pytest.raises(ValueError, match="Expected at least one thread, got 0"):
        kerasbert.LiteRTEmbedder(litert_folder("sentence_dense"), threads=0)
