import dataclasses
import json
import pathlib
import unicodedata

import pytest
import sentencepiece
import tensorflow as tf
import tokenizers

from kerasbert.checkpoints.vocabulary import write_tokenizer
from kerasbert.text import SentencePieceTokenizer, Tokenizer
from kerasbert.text.ragged import to_lists
from kerasbert.text.tokenizer_config import AddedToken
from tests.text import oracle

GOLDEN = json.loads(pathlib.Path(__file__).with_name("golden.json").read_text("utf-8"))
MODEL = oracle.sentencepiece_model()
SWITCHES = [{}, {"lower_case": False}]


@pytest.fixture(scope="module")
def tokenizer():
    return SentencePieceTokenizer(MODEL)


def ids(tokenizer, texts):
    return to_lists(tokenizer.tokenize(tf.constant(texts)))


def has_hangul(text):
    """Whether jamo become syllables again: in the model, not in the reference."""
    decomposed = unicodedata.normalize("NFKD", text)
    return any("\u1100" <= c < "\u1200" or "가" <= c <= "힣" for c in decomposed)


def clean(text):
    """ALBERT's clean-up, as google-research/albert has it."""
    text = " ".join(text.split()).replace("``", '"').replace("''", '"')
    text = unicodedata.normalize("NFKD", text)
    return "".join(c for c in text if not unicodedata.combining(c)).lower()


def test_the_golden_strings_have_the_reference_ids(tokenizer):
    pairs = zip(GOLDEN["strings"], GOLDEN["albert"], strict=True)
    strings, expected = zip(*(p for p in pairs if not has_hangul(p[0])), strict=True)
    assert ids(tokenizer, strings) == list(expected)


@pytest.mark.parametrize("switches", SWITCHES, ids=str)
def test_hard_strings_have_the_reference_ids(switches):
    texts = [t for t in oracle.hard_strings(2000, seed=1) if not has_hangul(t)]
    expected = oracle.albert(MODEL, **switches).encode_batch(
        texts, add_special_tokens=False
    )
    ours = SentencePieceTokenizer(MODEL, **switches)
    assert ids(ours, texts) == [encoding.ids for encoding in expected]


def test_every_kind_of_character_has_the_reference_ids(tokenizer):
    texts = [f"a{chr(c)}b {chr(c)}" for c in oracle.every_kind_of_character()]
    texts = [text for text in texts if not has_hangul(text)]
    expected = oracle.albert(MODEL).encode_batch(texts, add_special_tokens=False)
    different = [
        ascii(text)
        for text, mine, theirs in zip(
            texts, ids(tokenizer, texts), expected, strict=True
        )
        if mine != theirs.ids
    ]
    assert different == []


def test_plain_text_has_the_ids_of_the_library_that_trained_the_model(tokenizer):
    library = sentencepiece.SentencePieceProcessor(model_proto=MODEL)
    texts = [
        "Hello, World (2010)! It isn't ``naïve''.",
        "안녕 세계, 你好 世界",
        "x.y  - \t z_1 #5 ﬁne",
        "",
    ]
    assert ids(tokenizer, texts) == library.encode([clean(t) for t in texts])


def test_special_tokens_cut_a_text_in_parts(tokenizer):
    tokens = tokenizer.tokens(tokenizer.encode(["in [MASK]the <unk> [MASK]"])[0])
    assert tokens == [
        "[CLS]", "▁in", "[MASK]", "▁the", "<unk>", "[MASK]", "[SEP]"
    ]  # fmt: skip
    careful = SentencePieceTokenizer(MODEL, special_tokens_in_text=False)
    assert careful.mask_token_id not in careful.encode(["in [MASK]"])[0]


def test_added_tokens_cut_a_text_as_transformers_does():
    added = ("(", ")", '"', "-", ".")
    texts = oracle.hard_strings(500, seed=5) + ["x.y (well-known) ''z''", "..", "(-)"]
    texts = [t for t in texts if not has_hangul(t)]
    expected = oracle.albert(MODEL, added=added).encode_batch(
        texts, add_special_tokens=False
    )
    ours = SentencePieceTokenizer(MODEL, added_tokens=added)
    assert ids(ours, texts) == [encoding.ids for encoding in expected]


def test_ids_with_and_without_offsets_are_the_same(tokenizer):
    texts = oracle.hard_strings(300, seed=3) + ["in the year " * 300]
    for ours in (
        tokenizer,
        SentencePieceTokenizer(MODEL, split_digits_from_commas=True),
    ):
        with_offsets = ours.tokenize_with_offsets(tf.constant(texts))[0]
        assert to_lists(with_offsets) == ids(ours, texts)


def test_offsets_are_those_of_the_reference(tokenizer):
    # Characters that the model itself removes belong to the piece before them.
    removed = set("\u200b\u200d\x00\x07")
    texts = [t for t in GOLDEN["strings"] if not removed & set(t)]
    texts = [t for t in texts if not has_hangul(t)]
    _, starts, ends = tokenizer.tokenize_with_offsets(tf.constant(texts))
    expected = oracle.albert(MODEL).encode_batch(texts, add_special_tokens=False)
    for text, a, b, encoding in zip(
        texts, to_lists(starts), to_lists(ends), expected, strict=True
    ):
        mine = list(zip(a, b, strict=True))
        # A piece that is nothing but a space is empty here.
        kept = [i for i, (first, last) in enumerate(mine) if first < last]
        theirs = encoding.offsets
        assert [mine[i] for i in kept] == [theirs[i] for i in kept], text


def test_offsets_count_characters_of_the_text_as_it_was(tokenizer):
    text = "É  In\u3000[MASK] the"
    token_ids, starts, ends = tokenizer.tokenize_with_offsets(tf.constant([text]))
    spans = zip(starts.values.numpy(), ends.values.numpy(), strict=True)
    words = [text[a:b] for a, b in spans if a < b]
    assert words == ["É", "In", "[MASK]", "the"]


def test_numbers_are_split_from_commas_where_that_is_asked_for():
    library = sentencepiece.SentencePieceProcessor(model_proto=MODEL)
    texts = ["in 1984, he", "2010, 19,99, x,", "1,2,3,", "(1950,1951,)"]

    def pieces(text):
        result = []
        for piece in library.encode(clean(text), out_type=str):
            if len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit():
                parts = library.encode(piece[:-1].replace("▁", ""), out_type=str)
                if piece[0] != "▁" and parts[0][0] == "▁":
                    parts[0] = parts[0][1:]
                result += [part for part in parts if part] + [","]
            else:
                result.append(piece)
        return [library.piece_to_id(piece) for piece in result]

    ours = SentencePieceTokenizer(MODEL, split_digits_from_commas=True)
    assert any(p.endswith(",") and p[-2:-1].isdigit() for p in ours.vocabulary)
    assert ids(ours, texts) == [pieces(text) for text in texts]
    _, starts, ends = ours.tokenize_with_offsets(tf.constant(texts[:1]))
    spans = list(zip(starts.values.numpy(), ends.values.numpy(), strict=True))
    assert "".join(texts[0][a:b] for a, b in spans) == texts[0].replace(" ", "")


def test_ties_have_one_order(tokenizer):
    texts = ["!!!!", "oooooo", "!!!!!!! x !!!!!", "----"]
    expected = oracle.albert(MODEL).encode_batch(texts, add_special_tokens=False)
    assert ids(tokenizer, texts) == [encoding.ids for encoding in expected]


def test_long_texts_have_the_ids_of_short_ones(tokenizer):
    line = "in 1984, he said: ``naive'' !!! "
    assert ids(tokenizer, [line * 200])[0] == ids(tokenizer, [line])[0] * 200


def test_bytes_that_are_no_text_are_replaced_as_python_replaces_them(tokenizer):
    rows = [b"in\xff the", b"\xe4\xb8", b"caf\xe9", b"\xff" * 5000]
    texts = [row.decode("utf-8", errors="replace") for row in rows]
    assert tokenizer.encode(rows) == tokenizer.encode(texts)


def test_blank_texts_have_special_tokens_alone(tokenizer):
    assert tokenizer.encode(["", "  ", "\n\u3000"]) == [[2, 3]] * 3


def test_decoded_text_is_that_of_the_reference(tokenizer):
    reference = oracle.albert(MODEL)
    for text in ["In 1984, he said: (no)!", "naïve  cafe"]:
        row = tokenizer.encode([text])[0]
        assert tokenizer.decode(row) == reference.decode(row)


# Byte pair encoding.


@pytest.fixture(scope="module", params=[False, True], ids=["unknown", "bytes"])
def byte_pairs(request):
    return oracle.byte_pair_tokenizer(request.param)


def joined(texts):
    """Texts with ALBERT's clean-up: its quotes, and a space where a line ends."""
    texts = [text.replace("\x85", " ") for text in texts]
    return [text.replace("``", '"').replace("''", '"') for text in texts]


def texts_of_many_kinds():
    texts = oracle.hard_strings(1000, seed=3)
    texts += [
        "dog cats dogs 2,010 \u4f60\u597d\u4e16\u754c",
        "\U0001f44d\U0001f3fd <s> <0x41> \x00\x07",
    ]
    return [*texts, "", "  ", "dog" * 2000, "H\u00e4user \ufb01ne \uff10"]


def test_byte_pairs_have_the_ids_of_the_library(byte_pairs):
    library = sentencepiece.SentencePieceProcessor(model_proto=byte_pairs.config.model)
    texts = texts_of_many_kinds()
    found = ids(byte_pairs, texts)
    assert found == library.encode(joined(texts))
    assert to_lists(byte_pairs.tokenize_with_offsets(tf.constant(texts))[0]) == found


def test_byte_pairs_are_written_as_the_library_writes_them(byte_pairs):
    library = sentencepiece.SentencePieceProcessor(model_proto=byte_pairs.config.model)
    for row in ids(byte_pairs, texts_of_many_kinds()):
        known = [i for i in row if i != byte_pairs.unk_token_id]
        assert byte_pairs.decode(row) == library.decode(known).strip(" ")


def test_byte_pairs_are_found_where_they_are_in_a_text(byte_pairs):
    text = "der Hund  l\u00e4uft"
    [row], [starts], [ends] = map(
        to_lists, byte_pairs.tokenize_with_offsets(tf.constant([text]))
    )
    spans = [text[a:b] for a, b in zip(starts, ends, strict=True)]
    assert spans == [token.lstrip("\u2581") for token in byte_pairs.tokens(row)]


def test_written_byte_pairs_are_read_back_here_and_by_tokenizers(byte_pairs, tmp_path):
    write_tokenizer(byte_pairs.config, tmp_path, "huggingface")
    texts = [
        "dog cats dogs 2,010",
        "\u4f60\u597d\u4e16\u754c der Hund l\u00e4uft",
        "x\u00e9z \U0001f44d",
    ]
    expected = ids(byte_pairs, texts)
    loaded = Tokenizer.from_pretrained(tmp_path, special_tokens_in_text=False)
    assert ids(loaded, texts) == expected
    reference = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    rows = reference.encode_batch(texts, add_special_tokens=False)
    assert [row.ids for row in rows] == expected
    written = [reference.decode(row.ids).strip(" ") for row in rows]
    assert written == byte_pairs.decode(expected)
    (tmp_path / "tokenizer.json").unlink()  # as published: a model alone
    alone = Tokenizer.from_pretrained(tmp_path, lower_case=False, strip_accents=False)
    assert ids(alone, texts) == expected


def test_byte_pairs_of_a_tokenizer_json_need_the_model_beside_it(byte_pairs, tmp_path):
    write_tokenizer(byte_pairs.config, tmp_path, "huggingface")
    (tmp_path / "spiece.model").write_bytes(MODEL)
    with pytest.raises(ValueError, match="Expected BPE in .*, got unigram"):
        Tokenizer.from_pretrained(tmp_path)
    (tmp_path / "spiece.model").unlink()
    with pytest.raises(ValueError, match="beside it the spiece.model of Sent"):
        Tokenizer.from_pretrained(tmp_path)


def test_byte_pairs_with_steps_of_their_own_are_refused(byte_pairs):
    token = AddedToken("dog", rstrip=True)
    config = dataclasses.replace(byte_pairs.config, added_tokens=(token,))
    with pytest.raises(ValueError, match="Expected a unigram SentencePiece model in"):
        Tokenizer.from_config(config)


def test_models_of_other_types_are_refused():
    with pytest.raises(ValueError, match="unigram or bpe, got one of the type char"):
        SentencePieceTokenizer(oracle.byte_pair_model(False, "char"))


def test_unigrams_with_bytes_have_the_ids_of_the_library():
    model = oracle.byte_pair_model(True, "unigram")
    special = oracle.byte_pair_tokenizer(True).special_tokens
    ours = SentencePieceTokenizer(
        model, False, False, special_tokens=special, special_tokens_in_text=False
    )
    library = sentencepiece.SentencePieceProcessor(model_proto=model)
    texts = ["dog cats dogs", "\u4f60\u597d \U0001f44d x\u00e9z"]
    assert ids(ours, texts) == library.encode(texts)
    assert ours.decode(ids(ours, texts)) == texts


def test_a_model_that_is_cut_off_is_refused():
    with pytest.raises(ValueError, match="Expected a SentencePiece model"):
        SentencePieceTokenizer(MODEL[:1000])
    with pytest.raises(ValueError, match="holds no pieces"):
        SentencePieceTokenizer(b"")
