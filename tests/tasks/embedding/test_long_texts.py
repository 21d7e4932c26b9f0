import numpy as np
import pytest

LONG = " ".join("the film is good bad slow river quiet morning book world".split() * 3)


def test_long_texts_are_cut_with_a_warning_that_says_what_to_do(embedder):
    with pytest.warns(UserWarning) as caught:
        [cut] = embedder.encode([LONG])
    [warning] = caught
    [ids] = embedder.tokenizer.encode([LONG])
    assert str(warning.message) == (
        f"1 of the texts had more than 16 tokens (up to {len(ids)}) and were "
        "truncated. max_length changes the limit, up to the model's positions; "
        "encode(..., long_texts='windows') embeds texts whole."
    )
    assert warning.filename == __file__
    [ran] = embedder._run([np.array([*ids[:15], ids[-1]], "int32")])
    np.testing.assert_allclose(cut, ran, atol=1e-6)


def test_the_warning_is_of_this_call_alone(embedder):
    with pytest.warns(UserWarning, match="^2 of the texts"):
        embedder.encode([LONG, LONG])
    with pytest.warns(UserWarning, match="^1 of the texts"):
        embedder.encode_tokens([LONG])
    embedder.encode(["short"])


def test_a_long_text_is_the_mean_of_its_windows(embedder):
    texts = ["the film", LONG, "a book"]
    vectors = embedder.encode(texts, long_texts="windows")
    [[_, *ids, _]] = embedder.tokenizer.encode([LONG])
    cls, sep = embedder.tokenizer.cls_token_id, embedder.tokenizer.sep_token_id
    rows, start = [], 0
    while True:
        rows.append(np.array([cls, *ids[start : start + 14], sep], "int32"))
        if start + 14 >= len(ids):
            break
        start += 7
    assert len(rows) > 3
    mean = embedder._run(rows).mean(axis=0)
    np.testing.assert_allclose(vectors[1], mean / np.linalg.norm(mean), atol=1e-6)
    np.testing.assert_allclose(vectors[[0, 2]], embedder.encode(texts[::2]), atol=1e-6)


def test_there_are_two_ways_with_long_texts(embedder):
    with pytest.raises(ValueError, match="one of truncate, windows, got 'cut'"):
        embedder.encode(["a"], long_texts="cut")
    with pytest.raises(ValueError, match="one of truncate, windows"):
        embedder.encode_stream(["a"], long_texts=None)  # at once, not when it is read
