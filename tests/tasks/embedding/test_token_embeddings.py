import numpy as np
import pytest

from kerasbert.tasks import TokenEmbeddings

TEXTS = ["reading the books", "你好，世界！", "café 😀 NAÏVE", ""]


@pytest.fixture(scope="module")
def hidden_states(bert):
    """Those of the encoder, called with padding: `[L + 1, B, S, D]`."""
    inputs = bert.tokenizer(TEXTS)
    states = bert.encoder(inputs)["hidden_states"]
    return np.stack([state.numpy() for state in states])


@pytest.mark.parametrize(
    ("layers", "combine", "of_states"),
    [
        ((-1,), "concat", lambda states: states[-1]),
        (-1, "sum", lambda states: states[-1]),
        ([0], "mean", lambda states: states[0]),
        ([-1, 0], "concat", lambda states: np.concatenate(states[[-1, 0]], axis=-1)),
        (np.array([1, -1]), "sum", lambda states: states[1] + states[-1]),
        (range(1, 3), "mean", lambda states: states[1:3].mean(axis=0)),
        ("all", "stack", lambda states: states.transpose(1, 0, 2)),
    ],
    ids=lambda value: None if callable(value) else str(value),
)
def test_tokens_have_the_hidden_states_of_the_encoder(
    bert, hidden_states, layers, combine, of_states
):
    found = bert.encode_tokens(TEXTS, layers=layers, combine=combine)
    assert len(found) == len(TEXTS)
    for row, embeddings in enumerate(found):
        length = len(embeddings.tokens)
        expected = of_states(hidden_states[:, row, :length])
        assert embeddings.vectors.dtype == np.float32
        np.testing.assert_allclose(embeddings.vectors, expected, atol=3e-6)


def test_tokens_and_offsets_are_those_of_the_tokenizer(bert):
    for text, (tokens, offsets, vectors) in zip(
        TEXTS, bert.encode_tokens(TEXTS), strict=True
    ):
        ids = bert.tokenizer.encode([text])[0]
        assert tokens == bert.tokenizer.tokens(ids)
        assert len(offsets) == len(vectors) == len(tokens)
        assert offsets[0] == offsets[-1] == (0, 0)
        ends = [0, *(end for _, end in offsets[1:-1])]
        for end_before, (start, end) in zip(ends, offsets[1:-1], strict=False):
            assert end_before <= start < end <= len(text)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("你好，世界！", ["你", "好", "，", "世", "界", "！"]),
        ("Café à", ["Caf", "é", "à"]),
        ("😀é", None),
    ],
)
def test_offsets_point_at_characters_of_the_text_as_given(bert, text, pieces):
    [words] = [embeddings.words() for embeddings in bert.encode_tokens([text])]
    found = [text[start:end] for start, end in words.offsets]
    assert "".join(found) == text.replace(" ", "")
    if pieces is not None:
        assert [len(piece) for piece in found] == [
            len(word) for word in _words_of(pieces, found)
        ]


def _words_of(pieces, found):
    """The pieces, joined where the words found are longer than they are."""
    words, rest = [], list(pieces)
    for word in found:
        joined = rest.pop(0)
        while len(joined) < len(word):
            joined += rest.pop(0)
        words.append(joined)
    return words


def test_words_of_wordpiece_join_their_pieces(bert):
    [embeddings] = bert.encode_tokens(["hello unbelievably world"])
    words = embeddings.words()
    assert words.tokens[0] == "hello"
    assert words.tokens[-1] == "world"
    assert words.offsets[0] == (0, 5)
    assert len(embeddings.tokens) - 2 > len(words.tokens) >= 3
    for index, (start, end) in enumerate(words.offsets):
        inside = [
            i
            for i, (first, last) in enumerate(embeddings.offsets)
            if start <= first < last <= end
        ]
        np.testing.assert_allclose(
            words.vectors[index], embeddings.vectors[inside].mean(axis=0), atol=1e-6
        )


def test_words_of_sentencepiece_join_their_pieces(albert):
    text = "the quiet river, 好"
    [embeddings] = albert.encode_tokens([text])
    words = embeddings.words()
    assert [text[start:end] for start, end in words.offsets] == text.split()
    assert len(words.vectors) == 4
    assert all("▁" not in word for word in words.tokens)


def test_words_are_joined_by_hand():
    embeddings = TokenEmbeddings(
        ["[CLS]", "un", "##like", "##ly", "!", "[SEP]"],
        [(0, 0), (0, 2), (2, 6), (6, 8), (8, 9), (0, 0)],
        np.arange(12, dtype="float32").reshape(6, 2),
    )
    words = embeddings.words()
    assert words.tokens == ["unlikely", "!"]
    assert words.offsets == [(0, 8), (8, 9)]
    np.testing.assert_array_equal(words.vectors, [[4, 5], [8, 9]])


def test_a_sign_of_sentencepiece_in_a_text_joins_no_words():
    embeddings = TokenEmbeddings(
        ["[CLS]", "▁", "un", "##like", "!", "[SEP]"],
        [(0, 0), (0, 1), (1, 3), (3, 7), (7, 8), (0, 0)],
        np.zeros((6, 1), "float32"),
    )
    assert embeddings.words().offsets == [(0, 1), (1, 7), (7, 8)]


def test_a_text_without_words_has_none(bert):
    [embeddings] = bert.encode_tokens([""])
    assert embeddings.tokens == ["[CLS]", "[SEP]"]
    words = embeddings.words()
    assert words.tokens == words.offsets == []
    assert words.vectors.shape == (0, bert.encoder.config.hidden_size)


def test_stacked_layers_stay_apart_in_words(bert):
    [embeddings] = bert.encode_tokens(["unbelievably"], layers="all", combine="stack")
    layers = bert.encoder.config.num_hidden_layers + 1
    assert embeddings.words().vectors.shape == (
        1,
        layers,
        bert.encoder.config.hidden_size,
    )


@pytest.mark.parametrize("layers", [[], [9], [-9], "last", [0.5], None, ["all"]])
def test_layers_that_there_are_not_are_refused(bert, layers):
    with pytest.raises(ValueError, match="layers from 0 .* to 3 .the last.*got"):
        bert.encode_tokens(["a"], layers=layers)


def test_ways_to_combine_that_there_are_not_are_refused(bert):
    with pytest.raises(ValueError, match="one of concat, sum, mean, stack, got 'max'"):
        bert.encode_tokens(["a"], combine="max")
