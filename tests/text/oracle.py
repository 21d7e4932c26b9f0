"""The reference tokenizers, as transformers configures them, and hard strings."""

import io
import pathlib
import random

import sentencepiece
from tokenizers import AddedToken, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import Unigram, WordPiece

from kerasbert.text import SentencePieceTokenizer, characters
from kerasbert.text.sentencepiece_model import parse_model
from kerasbert.text.tokenizer_config import SpecialTokens

VOCABULARIES = pathlib.Path(__file__).resolve().parents[1] / "fixtures" / "vocab"
SPECIAL = ["[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"]


def byte_pair_model(byte_fallback: bool, kind: str = "bpe") -> bytes:
    """A SentencePiece model of byte pair encoding."""
    words = "a dog and two cats, der Hund läuft 你好 世界 2,010".split()
    draw = random.Random(0)
    texts = [" ".join(draw.choices(words, k=8)) for _ in range(300)]
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=model,
        model_type=kind,
        vocab_size=400 if byte_fallback else 70,
        hard_vocab_limit=False,
        byte_fallback=byte_fallback,
        pad_id=0,
        bos_id=1,
        eos_id=2,
        unk_id=3,
        minloglevel=2,
    )
    return model.getvalue()


def byte_pair_tokenizer(byte_fallback: bool) -> SentencePieceTokenizer:
    return SentencePieceTokenizer(
        byte_pair_model(byte_fallback),
        lower_case=False,
        strip_accents=False,
        special_tokens=SpecialTokens("<s>", "</s>", "<pad>", "<mask>", "<unk>"),
        special_tokens_in_text=False,
    )


def wordpiece_vocabulary() -> list[str]:
    return (VOCABULARIES / "wordpiece.txt").read_text("utf-8").split("\n")[:-1]


def sentencepiece_model() -> bytes:
    return (VOCABULARIES / "sentencepiece.model").read_bytes()


def bert(
    vocabulary,
    lower_case=True,
    strip_accents=None,
    split_chinese_characters=True,
    clean_text=True,
) -> Tokenizer:
    ids = {token: i for i, token in enumerate(vocabulary)}
    tokenizer = Tokenizer(WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(
        clean_text=clean_text,
        handle_chinese_chars=split_chinese_characters,
        strip_accents=strip_accents,
        lowercase=lower_case,
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    tokenizer.add_special_tokens([AddedToken(t, normalized=False) for t in SPECIAL])
    return tokenizer


def albert(model: bytes, lower_case=True, strip_accents=True, added=()) -> Tokenizer:
    message = parse_model(model)
    tokenizer = Tokenizer(Unigram([(p.piece, p.score) for p in message.pieces], 1))
    steps = [normalizers.Replace("``", '"'), normalizers.Replace("''", '"')]
    if strip_accents:
        steps += [normalizers.NFKD(), normalizers.StripAccents()]
    if lower_case:
        steps.append(normalizers.Lowercase())
    table = message.normalizer_spec.precompiled_charsmap
    steps.append(normalizers.Precompiled(table))
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Metaspace(prepend_scheme="always"),
        ]
    )
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    special = ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.add_special_tokens([AddedToken(t, normalized=False) for t in special])
    tokenizer.add_tokens([AddedToken(t, normalized=False) for t in added])
    return tokenizer


def every_kind_of_character(step: int = 23) -> list[int]:
    """Characters that something happens to, and every so manyth of all others."""
    some = {
        *characters.combining_classes(),
        *(
            c
            for name in ("accent", "mark", "blank", "whitespace", "punctuation")
            for c in characters.character_set(name)
        ),
        *(
            c
            for name in ("lower", "canonical", "compatible")
            for c in characters.character_table(name)
        ),
    }
    edges = {
        c + d
        for name in ("control", "chinese", "punctuation", "accent", "mark")
        for c in characters.character_set(name)
        for d in (-1, 1)
        if c + d not in characters.character_set(name)
    }
    everything = {*some, *edges, *range(0, 0x110000, step)}
    return sorted(c for c in everything if 0 <= c < 0xD800 or 0xE000 <= c < 0x110000)


WRITTEN = [
    "[MASK]", "[SEP]", "[[MASK]]", "[MASK", "[mask]", "[UNK]", "<unk>", "<pad>",
    "##ing", "x" * 99, "y" * 100, "z" * 101, "字" * 120, "가" * 33, "가" * 34,
    "é" * 100, "é" * 101, "ก" * 100, "ก" * 101, "don't", "unlikely", "2010,",
    "!!!!", "oooooo", "``", "''", "▁", "\u0301\u302f", "a\u0315\u0301",
    "\u302e\u1b44", "\U0001d15e\u1b44", "x.y", " ", "\t",
]  # fmt: skip


def hard_strings(count: int, seed: int) -> list[str]:
    """Strings of what is hard in every combination."""
    generator = random.Random(seed)
    pools = [
        list(range(0x20, 0x7F)),
        sorted(characters.combining_classes()),
        sorted(characters.character_set("control")),
        sorted(characters.character_set("whitespace")),
        [*range(0x1100, 0x1200), *range(0xAC00, 0xD7A4, 7)],
        list(range(0xC0, 0x250)),
        list(range(0x370, 0x530)),
        sorted(characters.character_set("chinese")),
        sorted(characters.character_set("punctuation")),
        sorted(characters.character_table("canonical")),
        sorted(characters.character_table("compatible")),
        every_kind_of_character(997),
        [0x300, 0x345, 0x302E, 0x302F, 0x1B44, 0x1D165, 0x1D16D, 0x1D15F, 0x200D],
    ]
    strings = []
    for _ in range(count):
        text = ""
        for _ in range(generator.randint(0, 10)):
            if generator.random() < 0.2:
                text += generator.choice(WRITTEN)
            else:
                pool = generator.choice(pools)
                size = generator.randint(1, 6)
                text += "".join(chr(generator.choice(pool)) for _ in range(size))
        strings.append(text)
    return strings
