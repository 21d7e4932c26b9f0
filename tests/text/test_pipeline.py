"""Tokenizers of other parts than BERT's, beside `tokenizers` itself."""

import json

import pytest
import tensorflow as tf
from tokenizers import Tokenizer as Reference

from kerasbert.account import Account
from kerasbert.checkpoints.vocabulary import read_tokenizer, write_tokenizer
from kerasbert.text import Tokenizer
from kerasbert.text.utf8 import as_utf8, to_utf8
from tests.text import oracle, pipelines

TEXTS = pipelines.texts(60)
PARTS = (
    list(pipelines.normalizers().items()),
    list(pipelines.pre_tokenizers().items()),
    list(pipelines.templates().items()),
    list(pipelines.added_tokens().items()),
)
# Each part once, with others beside it every time.
CASES = [[part[i % len(part)] for part in PARTS] for i in range(10)]


def both(folder, whole, **settings):
    folder = pipelines.write(folder, whole, **settings)
    theirs = Reference.from_file(str(folder / "tokenizer.json"))
    return Tokenizer.from_pretrained(folder), theirs


@pytest.mark.parametrize("case", CASES, ids=lambda c: " / ".join(n for n, _ in c))
def test_every_part_gives_the_ids_of_the_reference(tmp_path, case):
    values = [value for _, value in case]
    ours, theirs = both(
        tmp_path, pipelines.wordpiece(*values), **pipelines.SPECIAL_NAMES
    )
    theirs.add_special_tokens(
        sorted(
            set(pipelines.SPECIAL_NAMES.values()) - {t["content"] for t in values[3]}
        )
    )
    assert pipelines.rows(ours, TEXTS) == pipelines.rows(theirs, TEXTS)


@pytest.fixture(scope="module")
def xlmr(tmp_path_factory):
    return both(tmp_path_factory.mktemp("xlmr"), pipelines.xlmr())


def test_xlm_r_has_the_ids_of_the_reference_for_texts_and_pairs(xlmr):
    ours, theirs = xlmr
    texts = oracle.hard_strings(500, 3) + ["ab <mask> ''cd''", "字、" * 300]
    assert pipelines.rows(ours, texts) == pipelines.rows(theirs, texts)
    assert ours.num_special_tokens() == 2
    assert ours.num_special_tokens(pair=True) == 4


def albert():
    """XLM-R's layout, with ALBERT's clean-up of text."""
    whole = pipelines.xlmr()
    steps = [{"type": kind} for kind in ("NFKD", "StripAccents", "Lowercase")]
    quotes = [
        {"type": "Replace", "pattern": {"String": quote}, "content": '"'}
        for quote in ("``", "''")
    ]
    steps = [*quotes, *steps, whole["normalizer"]]
    whole["normalizer"] = {"type": "Sequence", "normalizers": steps}
    return whole


@pytest.mark.parametrize("flag", ["lstrip", "rstrip", "single_word"])
def test_a_mask_that_takes_in_spaces_has_the_ids_of_the_reference(tmp_path, flag):
    whole = albert()
    whole["added_tokens"][-1] |= {"lstrip": False, flag: True}
    ours, theirs = both(tmp_path, whole, tokenizer_class="AlbertTokenizer")
    texts = ["a  <mask>  b", "caf\u00e9<mask>b ''c``", "<mask>", " <mask> <mask>"]
    assert pipelines.rows(ours, texts) == pipelines.rows(theirs, texts)


@pytest.mark.parametrize("kind", ["AlbertTokenizer", "PreTrainedTokenizerFast"])
def test_hangul_after_alberts_clean_up_has_the_ids_of_the_reference(tmp_path, kind):
    whole = albert()
    whole["model"]["vocab"] += [["\uac01", -2.0], ["\u1100\u1161", -2.0]]
    ours, theirs = both(tmp_path, whole, tokenizer_class=kind)
    texts = ["\uac01", "\uac01\uac00 ''a``", "\u1100\u1161 caf\u00e9 \uac00"]
    assert pipelines.rows(ours, texts) == pipelines.rows(theirs, texts)
    assert theirs.encode("\uac00").ids[2] == len(whole["model"]["vocab"]) - 1


def test_a_sentencepiece_file_that_differs_is_followed_with_a_warning(tmp_path):
    whole = albert()
    whole["model"]["vocab"] += [["\uac01", -2.0], ["\u1100\u1161", -2.0]]
    ours, theirs = both(tmp_path, whole, tokenizer_class="AlbertTokenizer")
    texts = ["\uac01 caf\u00e9", "\u1112\u1161\u11ab a", "a \u1100\u1161\u11a8"]
    assert pipelines.rows(ours, texts) == pipelines.rows(theirs, texts)
    (tmp_path / "spiece.model").write_bytes(ours.config.model)
    with pytest.warns(
        UserWarning, match="composes .* such as '\uac01'.*Delete spiece.model"
    ):
        trained = Tokenizer.from_pretrained(tmp_path)
    composed = whole["model"]["vocab"].index(["\uac01", -2.0])
    assert composed in trained.encode(texts[:1])[0]
    assert trained.encode(texts) != pipelines.rows(theirs, texts)
    (tmp_path / "spiece.model").unlink()
    assert pipelines.rows(Tokenizer.from_pretrained(tmp_path), texts) == (
        pipelines.rows(theirs, texts)
    )


def test_offsets_are_those_of_the_reference(xlmr):
    ours, theirs = xlmr
    text = "the  Naïve <mask> end."
    ids, starts, ends = ours.tokenize_with_offsets(tf.constant([text]))
    expected = theirs.encode(text, add_special_tokens=False)
    assert ids.to_list() == [expected.ids]
    found = list(zip(*starts.to_list(), *ends.to_list(), strict=True))
    for mine, reference in zip(found, expected.offsets, strict=True):
        if mine[0] < mine[1]:  # a piece that is nothing but a space is empty here
            assert mine == reference


def test_the_left_side_of_texts_is_cut_where_the_folder_says_so(tmp_path):
    ours, theirs = both(tmp_path, pipelines.xlmr(), truncation_side="left")
    theirs.enable_truncation(9, direction="left")
    texts = ["the cat sat on the mat and slept", "a dog"]
    assert ours.encode(texts, texts[::-1], 9) == [
        row.ids
        for row in theirs.encode_batch(list(zip(texts, texts[::-1], strict=True)))
    ]


def test_words_may_be_short(tmp_path):
    parts = (pipelines.bert_normalizer(), {"type": "BertPreTokenizer"}, None, [])
    whole = pipelines.wordpiece(*parts, longest_word=3)
    ours, theirs = both(tmp_path, whole, **pipelines.SPECIAL_NAMES)
    texts = ["cafe ab ab1 xy"]
    assert ours.encode(texts) == [theirs.encode(texts[0]).ids]


def test_what_is_written_gives_the_same_ids_to_both(tmp_path):
    parts = [dict(part)[name] for part, name in zip(
        PARTS, ("course", "whitespace", "two before", "normalized"), strict=True
    )]  # fmt: skip
    first = pipelines.write(
        tmp_path, pipelines.wordpiece(*parts), **pipelines.SPECIAL_NAMES
    )
    config = read_tokenizer(first)
    (tmp_path / "again").mkdir()
    write_tokenizer(config, tmp_path / "again")
    assert read_tokenizer(tmp_path / "again") == config
    theirs = Reference.from_file(str(tmp_path / "again" / "tokenizer.json"))
    ours = Tokenizer.from_config(config)
    assert pipelines.rows(ours, TEXTS) == pipelines.rows(theirs, TEXTS)
    with pytest.raises(ValueError, match="Write huggingface instead"):
        write_tokenizer(config, tmp_path / "again", "google_tf1")


def test_thousands_of_added_tokens_are_found_at_once(tmp_path):
    size = len(pipelines.WORDPIECE)
    tokens = [pipelines.added(size + i, f"<t{i}>") for i in range(20_000)]
    parts = (pipelines.bert_normalizer(), {"type": "BertPreTokenizer"}, None, tokens)
    ours, theirs = both(
        tmp_path, pipelines.wordpiece(*parts), **pipelines.SPECIAL_NAMES
    )
    texts = ["a <t19999>b<t1><t11> <t1"]
    assert ours.encode(texts) == [theirs.encode(texts[0]).ids]


@pytest.mark.parametrize(
    "part, value, message",
    [
        ("normalizer", {"type": "ByteLevel"}, "normalizer.type='ByteLevel'"),
        ("pre_tokenizer", {"type": "UnicodeScripts"}, "pre_tokenizer.type="),
        (
            "pre_tokenizer",
            {"type": "Split", "pattern": {"Regex": "a|b"}, "behavior": "Isolated",
             "invert": False},
            "pre_tokenizer.pattern",
        ),
        ("padding", {"direction": "Left", "pad_token": "[PAD]", "pad_id": 0},
         "padding.direction='Left'"),
        ("added_tokens", [pipelines.added(99, "<e1>")], "gives the added token"),
        ("post_processor", {"type": "ByteLevelProcessing"}, "post_processor.type="),
    ],
)  # fmt: skip
def test_what_is_not_computed_is_refused_by_name(tmp_path, part, value, message):
    whole = pipelines.wordpiece(None, {"type": "Whitespace"}, None, [])
    folder = pipelines.write(
        tmp_path, {**whole, part: value}, **pipelines.SPECIAL_NAMES
    )
    with pytest.raises(ValueError, match=message):
        read_tokenizer(folder)


@pytest.mark.parametrize(
    "key, value",
    [
        ("padding_side", "left"),
        ("do_basic_tokenize", False),
        ("never_split", ["covid"]),
        ("truncation_side", "middle"),
        ("split_special_tokens", True),
    ],
)
def test_settings_that_ask_for_other_ids_are_refused(tmp_path, key, value):
    whole = pipelines.wordpiece(None, {"type": "Whitespace"}, None, [])
    settings = {**pipelines.SPECIAL_NAMES, key: value}
    with pytest.raises(ValueError, match=key):
        read_tokenizer(pipelines.write(tmp_path, whole, **settings))


def test_every_key_is_in_the_account_and_unknown_ones_are_told(tmp_path):
    whole = pipelines.xlmr()
    folder = pipelines.write(tmp_path, whole, novelty=1)
    account = Account()
    with pytest.warns(UserWarning, match="novelty=1"):
        read_tokenizer(folder, account=account)
    booked = {(entry.file, entry.key) for entry in account.entries}
    assert {("tokenizer.json", key) for key in whole} <= booked
    assert ("tokenizer.json", "normalizer.precompiled_charsmap") in booked
    with pytest.raises(ValueError, match="novelty"):
        Tokenizer.from_pretrained(folder, strict=True)


def test_added_tokens_of_the_small_files_come_after_the_vocabulary(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(pipelines.WORDPIECE), "utf-8")
    size = len(pipelines.WORDPIECE)
    path = tmp_path / "added_tokens.json"
    path.write_text(json.dumps({"<e1>": size}))
    ours = Tokenizer.from_pretrained(tmp_path)
    assert ours.vocabulary_size == size + 1
    assert size in ours.encode(["a<e1>b"])[0]
    path.write_text(json.dumps({"<e1>": size + 7}))
    with pytest.raises(ValueError, match=f"to have the id {size}"):
        Tokenizer.from_pretrained(tmp_path)


def test_half_a_surrogate_pair_is_one_character():
    assert as_utf8(["a\ud83d", b"b"]) == ["a\ufffd".encode(), b"b"]
    assert to_utf8("\ud83d\ude00").decode() == "\ufffd\ufffd"
    with pytest.raises(TypeError, match="position 1"):
        as_utf8(["a", 1])


@pytest.mark.parametrize("lower_case", [True, False])
def test_the_settings_of_albert_change_the_steps_of_its_file(tmp_path, lower_case):
    whole = albert()
    whole["model"]["vocab"] += [["\uac01", -2.0], ["\u1100\u1161", -2.0]]
    ours, _ = both(
        tmp_path, whole, tokenizer_class="AlbertTokenizer", do_lower_case=lower_case
    )
    if not lower_case:
        whole["normalizer"]["normalizers"].remove({"type": "Lowercase"})
    theirs = Reference.from_str(json.dumps(whole))
    texts = ["Ab \uac01<mask> \uac00B", "\u00c9a ``b", *oracle.hard_strings(200, 5)]
    assert pipelines.rows(ours, texts) == pipelines.rows(theirs, texts)


def test_a_tokenizer_with_steps_of_its_own_takes_or_refuses_switches(xlmr):
    config = xlmr[0].config
    with pytest.raises(ValueError, match=r"Expected no lower_case .*tokenizer\.json"):
        Tokenizer.from_config(config, lower_case=not config.lower_case)
    with pytest.raises(TypeError, match="Expected switches of a tokenizer"):
        Tokenizer.from_config(config, lowercase=False)
    assert Tokenizer.from_config(config, max_length=7).config.max_length == 7
