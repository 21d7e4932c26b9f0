"""`tokenizer.json`s of all kinds of parts, and texts that tell them apart."""

import base64
import json
import random

import tensorflow as tf

from kerasbert.text.ragged import to_lists
from kerasbert.text.sentencepiece_model import parse_model
from tests.text import oracle

WORDPIECE = [
    *"[PAD] [UNK] [CLS] [SEP] [MASK] <s> </s> a b c d e o u 1 2 3".split(),
    *". , ! ? - _ [ ] ab ##a ##b ##c ##o ##1 ##. ##- cafe café Café é E A".split(),
    *"ab1 ... -- 你 好 ##你 xy".split(),
    *"wait what foo ##foo 12 ##2 ß ss ﬁ fi ① 1a ▁a ▁ab ▁ x < >".split(),
]
SPACE = "\u2581"
METASPACE = {
    "type": "Metaspace",
    "replacement": SPACE,
    "prepend_scheme": "always",
    "split": True,
}


def sequence(*steps, name="normalizers"):
    return {"type": "Sequence", name: list(steps)}


def bert_normalizer(**changes):
    return {
        "type": "BertNormalizer",
        "clean_text": True,
        "handle_chinese_chars": True,
        "strip_accents": None,
        "lowercase": True,
        **changes,
    }


def precompiled():
    table = parse_model(
        oracle.sentencepiece_model()
    ).normalizer_spec.precompiled_charsmap
    text = base64.b64encode(table).decode("ascii")
    return {"type": "Precompiled", "precompiled_charsmap": text}


def replace(pattern, content):
    kind = "Regex" if pattern.startswith((" {", "\\")) else "String"
    return {"type": "Replace", "pattern": {kind: pattern}, "content": content}


def kind(name, **values):
    return {"type": name, **values}


def normalizers():
    strip = kind("Strip", strip_left=False, strip_right=True)
    return {
        "null": None,
        "bert": bert_normalizer(),
        "bert cased": bert_normalizer(lowercase=False, strip_accents=True),
        "course": sequence(kind("NFD"), kind("Lowercase"), kind("StripAccents")),
        "lowercase + bert": sequence(kind("Lowercase"), bert_normalizer()),
        "nfkc": sequence(kind("NFKC"), kind("Lowercase")),
        "nfc": kind("NFC"),
        "xlm-r": sequence(precompiled(), strip, replace(" {2,}", SPACE)),
        "albert": sequence(
            replace("``", '"'), kind("NFKD"), kind("StripAccents"), kind("Lowercase")
        ),
        "prepend": sequence(kind("Nmt"), kind("Prepend", prepend=SPACE)),
    }


def pre_tokenizers():
    pair = "pretokenizers"
    digits = kind("Digits", individual_digits=True)
    split = kind(
        "Split", pattern={"String": "-"}, behavior="MergedWithNext", invert=False
    )
    return {
        "null": None,
        "bert": kind("BertPreTokenizer"),
        "whitespace": kind("Whitespace"),
        "whitespace split": kind("WhitespaceSplit"),
        "bert + digits": sequence(kind("BertPreTokenizer"), digits, name=pair),
        "punctuation": sequence(
            kind("WhitespaceSplit"),
            kind("Punctuation", behavior="Contiguous"),
            split,
            name=pair,
        ),
        "metaspace": METASPACE,
        "xlm-r": sequence(kind("WhitespaceSplit"), METASPACE, name=pair),
        "first": {**METASPACE, "prepend_scheme": "first"},
    }


def _special(token, segment):
    return {"SpecialToken": {"id": token, "type_id": segment}}


def _text(name, segment):
    return {"Sequence": {"id": name, "type_id": segment}}


def template(single, pair):
    """A TemplateProcessing from `"[CLS] A [SEP] B:1"`."""
    sides, ids = [], {}
    for side in (single, pair):
        pieces = []
        for word in side.split():
            name, _, segment = word.partition(":")
            if name in ("A", "B"):
                pieces.append(_text(name, int(segment or 0)))
            else:
                pieces.append(_special(name, int(segment or 0)))
                ids[name] = WORDPIECE.index(name)
        sides.append(pieces)
    special = {
        name: {"id": name, "ids": [number], "tokens": [name]}
        for name, number in ids.items()
    }
    return {
        "type": "TemplateProcessing",
        "single": sides[0],
        "pair": sides[1],
        "special_tokens": special,
    }


def templates():
    cls, sep = ["[CLS]", 2], ["[SEP]", 3]
    offsets = {"trim_offsets": True, "add_prefix_space": True}
    return {
        "null": None,
        "bert": template("[CLS] A [SEP]", "[CLS] A [SEP] B:1 [SEP]:1"),
        "xlm-r": template("<s> A </s>", "<s> A </s> </s> B </s>"),
        "two before": template("[CLS] <s> A", "[CLS] <s> A [SEP] B:1"),
        "bert processing": kind("BertProcessing", sep=sep, cls=cls),
        "roberta processing": kind("RobertaProcessing", sep=sep, cls=cls, **offsets),
    }


def added(number, content, **flags):
    off = dict.fromkeys(
        ("single_word", "lstrip", "rstrip", "normalized", "special"), False
    )
    return {"id": number, "content": content, **off, **flags}


def added_tokens():
    size = len(WORDPIECE)
    special = [added(i, WORDPIECE[i], special=True) for i in range(5)]
    mask = added(4, "[MASK]", special=True, lstrip=True)
    word = added(WORDPIECE.index("ab"), "ab", single_word=True)
    return {
        "none": [],
        "special": special,
        "mask takes space": [*special[:4], mask],
        "own": [*special, added(size, "<e1>"), added(size + 1, "o1-x", rstrip=True)],
        "normalized": [
            *special,
            added(size, "Café-1", normalized=True),
            added(WORDPIECE.index("foo"), "foo", normalized=True, single_word=True),
            added(size + 1, "foofoo", lstrip=True, rstrip=True),
        ],
        "single words": [*special, word],
    }


def wordpiece(normalizer, pre_tokenizer, post_processor, tokens, longest_word=100):
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": tokens,
        "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer,
        "post_processor": post_processor,
        "decoder": None,
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": longest_word,
            "vocab": {token: i for i, token in enumerate(WORDPIECE)},
        },
    }


def xlmr(normalizer=None, pre_tokenizer=None, model=None):
    """The layout of XLM-RoBERTa's: a Unigram model that fairseq has moved."""
    message = parse_model(model or oracle.sentencepiece_model())
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    named = {"<unk>", "<s>", "</s>", "<pad>", "<mask>"}
    pieces += [(p.piece, p.score) for p in message.pieces if p.piece not in named]
    pieces.append(("<mask>", 0.0))
    mask = added(len(pieces) - 1, "<mask>", special=True, lstrip=True)
    special = [added(i, pieces[i][0], special=True) for i in range(4)]
    around = [_special("<s>", 0), _text("A", 0), _special("</s>", 0)]
    table = message.normalizer_spec.precompiled_charsmap
    text = base64.b64encode(table).decode("ascii")
    charsmap = {"type": "Precompiled", "precompiled_charsmap": text}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [*special, mask],
        "normalizer": normalizer or charsmap,
        "pre_tokenizer": pre_tokenizer or pre_tokenizers()["xlm-r"],
        "post_processor": {
            "type": "TemplateProcessing",
            "single": around,
            "pair": [*around, _special("</s>", 0), _text("B", 0), _special("</s>", 0)],
            "special_tokens": {
                t: {"id": t, "ids": [i], "tokens": [t]}
                for t, i in (("<s>", 0), ("</s>", 2))
            },
        },
        "decoder": METASPACE,
        "model": {
            "type": "Unigram",
            "unk_id": 3,
            "vocab": [list(piece) for piece in pieces],
            "byte_fallback": False,
        },
    }


def write(folder, whole, **settings):
    """A folder with a tokenizer.json, of a class that takes what it says."""
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", **settings}
    (folder / "tokenizer.json").write_text(json.dumps(whole), "utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), "utf-8")
    return folder


SPECIAL_NAMES = {
    "unk_token": "[UNK]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "mask_token": "[MASK]",
}
_BITS = [
    *WORDPIECE, "Café-1", "café-1", "<e1>", "o1-x", "foofoo", "Foo", " ", "  ", "\t",
    "\n", "``", "''", "3.14", "...", "ÀÉ", "e\u0301", "a\u0302\u0301", "ﬁ\u0301", "Å",
    "가", "\u1100\u1161", "½", "１", "\u00a0", "\u3000", "\u200b", "\ufeff", "\r\n",
]  # fmt: skip


def texts(count, seed=0):
    """Short texts of what the parts treat differently."""
    generator = random.Random(seed)
    return ["", " ", "ab", *(
        "".join(
            generator.choice(_BITS) + generator.choice(["", "", " "])
            for _ in range(generator.randint(1, 7))
        )
        for _ in range(count)
    )]  # fmt: skip


def rows(tokenizer, given):
    """Ids and segments of texts, and of pairs with the texts in reverse.

    Args:
        tokenizer: One of kerasbert, or of `tokenizers`.
        given: The texts.
    """
    if hasattr(tokenizer, "encode_batch"):
        pairs = list(zip(given, given[::-1], strict=True))
        found = [*tokenizer.encode_batch(given), *tokenizer.encode_batch(pairs)]
        return [(row.ids, row.type_ids) for row in found]
    first = tokenizer.tokenize(tf.constant(given))
    both = (tokenizer.pack(first), tokenizer.pack(first, first[::-1]))
    return [
        row
        for ids, segments in both
        for row in zip(to_lists(ids), to_lists(segments), strict=True)
    ]
