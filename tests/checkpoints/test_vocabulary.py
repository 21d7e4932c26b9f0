import base64
import contextlib
import json
import pathlib
import shutil

import pytest

pytest.importorskip("tensorflow")

from kerasbert.checkpoints.vocabulary import read_tokenizer, write_tokenizer
from kerasbert.text import Tokenizer, TokenizerConfig
from kerasbert.text.sentencepiece_model import parse_model
from kerasbert.text.tokenizer_config import ALBERT_SPECIAL_TOKENS

FIXTURES = pathlib.Path(__file__).resolve().parents[1] / "fixtures"
VOCABULARY = FIXTURES / "vocab" / "wordpiece.txt"
MODEL = FIXTURES / "vocab" / "sentencepiece.model"
TEXTS = ["Hello, World! Naïve (2010)", "[MASK] ``x''", "你好 x.y"]


def wordpiece_folder(folder, tokens=None, **files):
    if tokens is None:
        shutil.copy(VOCABULARY, folder / "vocab.txt")
    else:
        (folder / "vocab.txt").write_text("\n".join(tokens) + "\n", "utf-8")
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content), "utf-8")
    return folder


@pytest.mark.parametrize(
    "places",
    [
        ["bert_tiny/huggingface", "bert_tiny/google_tf1", "bert_tiny/tfhub",
         "bert_tiny/tfhub_mlm", "bert_tiny/tfhub_preprocess"],
        ["albert_tiny/huggingface", "albert_tiny/google_tf1", "albert_tiny/tfhub",
         "albert_tiny/tfhub_mlm", "albert_tiny/tfhub_preprocess",
         "keras_hub_albert/keras_hub", "sentence_albert/sentence_transformers"],
        ["bert_bare/huggingface", "keras_hub_bert/keras_hub",
         "sentence_mean/sentence_transformers", "bert_pretraining/google_tf1",
         "bert_pretraining/tf1_hub"],
    ],
    ids=["bert", "albert", "small bert"],
)  # fmt: skip
def test_every_container_of_a_model_gives_the_same_ids(places):
    rows = {
        place: Tokenizer.from_pretrained(FIXTURES / place).encode(TEXTS)
        for place in places
    }
    assert len({json.dumps(row) for row in rows.values()}) == 1, rows


def test_the_casing_of_a_tf_hub_model_is_its_variable():
    cased = read_tokenizer(FIXTURES / "bert_pretraining" / "tfhub_mlm")
    assert not cased.lower_case
    assert read_tokenizer(FIXTURES / "bert_tiny" / "tfhub").lower_case


def test_the_casing_of_a_vocabulary_alone_is_inferred(tmp_path):
    uncased = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<S>", "hello"]
    assert read_tokenizer(wordpiece_folder(tmp_path, uncased)).lower_case
    assert not read_tokenizer(wordpiece_folder(tmp_path, [*uncased, "Hi"])).lower_case


def test_what_a_folder_says_goes_before_what_is_inferred(tmp_path):
    settings = {
        "do_lower_case": True,
        "strip_accents": False,
        "tokenize_chinese_chars": False,
        "model_max_length": 512,
        "mask_token": {"content": "[SEP]"},
    }
    config = read_tokenizer(wordpiece_folder(tmp_path, tokenizer_config=settings))
    assert config.lower_case and config.strip_accents is False
    assert not config.split_chinese_characters
    assert config.max_length == 512
    assert config.special_tokens.mask == "[SEP]"


def test_a_folder_of_tokenizer_json_alone_is_enough(tmp_path):
    for source in (VOCABULARY, MODEL):
        config = read_tokenizer(source)
        write_tokenizer(config, tmp_path)
        for name in ("vocab.txt", "spiece.model", "tokenizer_config.json"):
            (tmp_path / name).unlink(missing_ok=True)
        again = read_tokenizer(tmp_path)
        assert again.vocabulary == config.vocabulary
        assert again.lower_case == config.lower_case
        ours = Tokenizer.from_config(config).encode(TEXTS)
        assert Tokenizer.from_config(again).encode(TEXTS) == ours


def test_a_unigram_model_keeps_its_scores_and_its_table(tmp_path):
    write_tokenizer(read_tokenizer(MODEL), tmp_path)
    (tmp_path / "spiece.model").unlink()
    ours, theirs = (
        parse_model(data)
        for data in (read_tokenizer(tmp_path).model, MODEL.read_bytes())
    )
    assert [(p.piece, p.score) for p in ours.pieces] == [
        (p.piece, p.score) for p in theirs.pieces
    ]
    table = theirs.normalizer_spec.precompiled_charsmap
    assert ours.normalizer_spec.precompiled_charsmap == table
    whole = json.loads((tmp_path / "tokenizer.json").read_text("utf-8"))
    written = whole["normalizer"]["normalizers"][-1]["precompiled_charsmap"]
    assert base64.b64decode(written) == table


@pytest.mark.filterwarnings("ignore:.*SentencePiece is followed")
def test_added_tokens_of_tokenizer_json_cut_texts(tmp_path):
    write_tokenizer(read_tokenizer(MODEL), tmp_path)
    whole = json.loads((tmp_path / "tokenizer.json").read_text("utf-8"))
    number = read_tokenizer(MODEL).vocabulary.index(".")
    whole["added_tokens"].append(
        {"id": number, "content": ".", "special": False, "normalized": False}
    )
    (tmp_path / "tokenizer.json").write_text(json.dumps(whole), "utf-8")
    with pytest.warns(UserWarning, match="composes characters such as"):
        config = read_tokenizer(tmp_path)
    assert config.added_tokens == (".",)
    tokenizer = Tokenizer.from_config(config)
    row = tokenizer.encode(["x.y"])[0]
    assert tokenizer.tokens(row)[1:-1] == ["▁", "x", ".", "▁", "y"]
    assert "." in tokenizer.decode(row)


@pytest.mark.parametrize("container", ["huggingface", "google_tf1", "keras_hub"])
@pytest.mark.parametrize(
    "source, changes",
    [
        (VOCABULARY, {"lower_case": False}),
        (VOCABULARY, {"lower_case": True, "strip_accents": True}),
        (MODEL, {}),
    ],
    ids=["cased", "uncased", "albert"],
)
@pytest.mark.filterwarnings("ignore:.*SentencePiece is followed")
def test_what_is_written_is_read_again(tmp_path, container, source, changes):
    import dataclasses

    config = dataclasses.replace(read_tokenizer(source), **changes)
    write_tokenizer(config, tmp_path, container)
    both = container == "huggingface" and source is MODEL  # which knows Hangul
    told = pytest.warns(UserWarning, match="composes characters such as")
    with told if both else contextlib.nullcontext():
        again = read_tokenizer(tmp_path)
    if container == "google_tf1":  # a vocabulary alone: casing is inferred
        again = dataclasses.replace(
            again, lower_case=config.lower_case, strip_accents=config.strip_accents
        )
    assert again == config


def test_tokenizers_reads_what_is_written(tmp_path):
    import tokenizers

    for source in (VOCABULARY, MODEL):
        config = read_tokenizer(source)
        write_tokenizer(config, tmp_path)
        theirs = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
        ours = Tokenizer.from_config(config)
        expected = [encoding.ids for encoding in theirs.encode_batch(TEXTS)]
        assert ours.encode(TEXTS) == expected
        pairs = list(zip(TEXTS, reversed(TEXTS), strict=True))
        expected = [encoding.ids for encoding in theirs.encode_batch(pairs)]
        assert ours.encode(TEXTS, TEXTS[::-1]) == expected


def test_lines_end_at_a_line_feed_and_nowhere_else(tmp_path):
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "\u2028", "\x85", "\x0ba"]
    (tmp_path / "vocab.txt").write_text("\r\n".join(tokens) + "\r\n", "utf-8", None, "")
    assert read_tokenizer(tmp_path).vocabulary == tuple(tokens)


def test_a_text_file_of_another_name_is_a_vocabulary(tmp_path):
    shutil.copy(VOCABULARY, tmp_path / "my-words.txt")
    (tmp_path / "notes.txt").write_text("nothing of note")
    assert read_tokenizer(tmp_path).kind == "wordpiece"
    shutil.copy(VOCABULARY, tmp_path / "your-words.txt")
    with pytest.raises(FileNotFoundError, match=r"my-words\.txt, your-words\.txt"):
        read_tokenizer(tmp_path)


def test_bytes_that_are_no_text_are_named_with_file_and_line(tmp_path):
    (tmp_path / "vocab.txt").write_bytes(b"[PAD]\n[UNK]\ncaf\xe9\n")
    with pytest.raises(ValueError, match=r"vocab\.txt, but in line 3"):
        read_tokenizer(tmp_path)


def test_a_vocabulary_without_special_tokens_is_refused(tmp_path):
    folder = wordpiece_folder(tmp_path, ["[PAD]", "[UNK]", "[CLS]", "hello"])
    with pytest.raises(ValueError, match=r"\[SEP\]"):
        Tokenizer.from_pretrained(folder)


def test_folders_without_a_vocabulary_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="Expected a vocabulary in"):
        read_tokenizer(tmp_path)
    with pytest.raises(FileNotFoundError, match="Expected a folder at"):
        read_tokenizer(tmp_path / "nowhere")
    (tmp_path / "vocab.txt").write_text("")
    with pytest.raises(ValueError, match="the file is empty"):
        read_tokenizer(tmp_path)


@pytest.mark.parametrize(
    "whole, message",
    [
        ({"model": {"type": "BPE", "vocab": {}}}, "whose model is BPE"),
        ({"normalizer": {"type": "NFKC"}}, "model=None"),
        (
            {"normalizer": {"type": "ByteLevel"},
             "model": {"type": "WordPiece", "vocab": {"[UNK]": 0, "[PAD]": 1}}},
            "normalizer.type='ByteLevel'",
        ),
        ({"model": {"type": "WordPiece", "vocab": {"a": 0, "b": 2}}}, "none is 1"),
        (
            {"model": {"type": "WordPiece", "vocab": {"a": 0},
                       "continuing_subword_prefix": "@@"}},
            "'@@'",
        ),
    ],
)  # fmt: skip
def test_what_is_not_bert_s_way_is_refused(tmp_path, whole, message):
    with pytest.raises(ValueError, match=message):
        read_tokenizer(wordpiece_folder(tmp_path, tokenizer=whole))


def test_a_japanese_tokenizer_is_refused(tmp_path):
    settings = {"tokenizer_class": "BertJapaneseTokenizer"}
    with pytest.raises(ValueError, match="morphological analyser"):
        read_tokenizer(wordpiece_folder(tmp_path, tokenizer_config=settings))


def test_files_that_are_cut_off_are_refused(tmp_path):
    (tmp_path / "spiece.model").write_bytes(MODEL.read_bytes()[:5000])
    with pytest.raises(ValueError, match=r"SentencePiece model in .*spiece\.model"):
        read_tokenizer(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower')
    with pytest.raises(ValueError, match="tokenizer_config.json, but line 1"):
        read_tokenizer(tmp_path)
    shutil.copytree(FIXTURES / "bert_tiny" / "tfhub_preprocess", tmp_path / "hub")
    (tmp_path / "hub" / "saved_model.pb").write_bytes(b"\xff\xff")
    with pytest.raises(ValueError, match=r"saved_model\.pb"):
        read_tokenizer(tmp_path / "hub")


def test_a_container_that_nobody_knows_is_refused(tmp_path):
    config = TokenizerConfig("wordpiece", vocabulary=("[PAD]",))
    with pytest.raises(ValueError, match="huggingface, google_tf1, keras_hub"):
        write_tokenizer(config, tmp_path, "onnx")


def test_albert_s_special_tokens_are_known():
    assert read_tokenizer(MODEL).special_tokens == ALBERT_SPECIAL_TOKENS
