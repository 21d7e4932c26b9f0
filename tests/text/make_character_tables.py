"""Writes `kerasbert/text/characters.txt`: what each Unicode character becomes.

The tables are read off Hugging Face `tokenizers`, one character at a time, and frozen,
so that ids move neither with the Unicode tables of Python, nor with those of ICU:

    python -m tests.text.make_character_tables
"""

import pathlib
import textwrap
import unicodedata

import tokenizers
from tokenizers import normalizers, pre_tokenizers

from tests.text.charsmap import charsmap

OUTPUT = (
    pathlib.Path(__file__).resolve().parents[2]
    / "kerasbert"
    / "text"
    / "characters.txt"
)
CODE_POINTS = [*range(0xD800), *range(0xE000, 0x110000)]
HANGUL_SYLLABLES = range(0xAC00, 0xD7A4)  # decomposed by arithmetic, not by table


def bert_normalizer(**switches):
    off = dict.fromkeys(
        ("clean_text", "handle_chinese_chars", "strip_accents", "lowercase"), False
    )
    return normalizers.BertNormalizer(**{**off, **switches}).normalize_str


def turned_into(normalize, result: str) -> list[int]:
    """The characters that `normalize` turns into `result` between two letters."""
    return [c for c in CODE_POINTS if normalize(f"a{chr(c)}b") == f"a{result}b"]


def mapping(normalize) -> dict[int, str]:
    return {c: normalize(chr(c)) for c in CODE_POINTS if normalize(chr(c)) != chr(c)}


def combining_classes(decompose) -> dict[int, int]:
    """The canonical combining class of every character, as `decompose` orders them."""
    lowest, highest = "\u0334", "\u0345"  # classes 1 and 240
    probes = {1: lowest, 240: highest}  # class -> a mark of that class
    for c in CODE_POINTS:
        order, mark = unicodedata.combining(chr(c)), chr(c)
        known = decompose(f"a{highest}{mark}") == f"a{mark}{highest}"
        if order and known and decompose(mark) == mark:
            probes.setdefault(order, mark)
    classes = {}
    for c in CODE_POINTS:
        mark = chr(c)
        if decompose(mark) != mark:
            continue
        last, first = f"a{highest}{mark}", f"a{mark}{lowest}"
        if decompose(last) == last and decompose(first) == first:
            continue  # class 0: it moves past nothing
        same = {
            order
            for order, probe in probes.items()
            if decompose(f"a{mark}{probe}") == f"a{mark}{probe}"
            and decompose(f"a{probe}{mark}") == f"a{probe}{mark}"
        }
        assert len(same) == 1, (hex(c), same)
        classes[c] = same.pop()
    return classes


def graphemes() -> dict[str, set[int]]:
    """How characters join to the grapheme clusters that `Precompiled` looks up.

    A cluster is replaced by what the table holds for its beginning, so a character that
    vanishes beside one of the table belongs to the cluster of the latter.
    """

    def normalizer(*kept):
        table = dict.fromkeys((c for c in CODE_POINTS if c and c not in kept), "Q")
        return normalizers.Precompiled(charsmap(table)).normalize_str

    a, accent = ord("a"), 0x301
    extend, prepend = normalizers.Precompiled(charsmap({a: "Q"})), normalizer(a)
    parted = normalizer(accent)
    return {
        "extend": {c for c in CODE_POINTS if extend.normalize_str(f"a{chr(c)}") == "Q"},
        "prepend": {c for c in CODE_POINTS if c != a and prepend(f"{chr(c)}a") == "Q"},
        # Of characters of four bytes nothing joins what is looked up.
        "parted": {
            c
            for c in CODE_POINTS
            if c != accent
            and len(chr(c).encode()) < 4
            and parted(f"{chr(c)}\u0301").endswith("\u0301")
        },
    }


def ranges(characters) -> str:
    spans: list[list[int]] = []
    for c in sorted(characters):
        if spans and spans[-1][1] == c - 1:
            spans[-1][1] = c
        else:
            spans.append([c, c])
    return " ".join(f"{a:X}" if a == b else f"{a:X}-{b:X}" for a, b in spans)


def pairs(table: dict[int, str]) -> str:
    return " ".join(
        f"{c:X}={'+'.join(f'{ord(x):X}' for x in text)}" for c, text in table.items()
    )


def main() -> None:
    clean = bert_normalizer(clean_text=True)
    spaced = bert_normalizer(handle_chinese_chars=True)
    bert_accents = bert_normalizer(strip_accents=True)
    lower = bert_normalizer(lowercase=True)
    decompose = normalizers.NFD().normalize_str
    decompose_compatibly = normalizers.NFKD().normalize_str
    strip_accents = normalizers.StripAccents().normalize_str
    split = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    pieces = {c: len(split(f"a{chr(c)}b")) for c in CODE_POINTS}

    canonical = {
        c: text for c, text in mapping(decompose).items() if c not in HANGUL_SYLLABLES
    }
    compatible = {
        c: text
        for c, text in mapping(decompose_compatibly).items()
        if c not in HANGUL_SYLLABLES and canonical.get(c) != text
    }
    compose = normalizers.NFC().normalize_str
    words = pre_tokenizers.Whitespace().pre_tokenize_str
    digits = pre_tokenizers.Digits(individual_digits=True).pre_tokenize_str
    joined = graphemes()
    classes = combining_classes(decompose)
    by_class: dict[int, list[int]] = {}
    for c, order in classes.items():
        by_class.setdefault(order, []).append(c)

    sections = {
        "control": ranges(turned_into(clean, "")),
        "blank": ranges(turned_into(clean, " ")),
        "chinese": ranges(c for c in CODE_POINTS if spaced(chr(c)) == f" {chr(c)} "),
        "accent": ranges(set(turned_into(bert_accents, ""))),
        "mark": ranges(turned_into(strip_accents, "")),
        "whitespace": ranges(c for c in CODE_POINTS if pieces[c] == 2),
        "punctuation": ranges(c for c in CODE_POINTS if pieces[c] == 3),
        "word": ranges(c for c in CODE_POINTS if len(words(f"a{chr(c)}b")) == 1),
        "numeric": ranges(c for c in CODE_POINTS if len(digits(f"a{chr(c)}b")) == 3),
        **{name: ranges(members) for name, members in joined.items()},
        "nmt": pairs(mapping(normalizers.Nmt().normalize_str)),
        "uncomposed": ranges(
            c for c in canonical if len(canonical[c]) > 1 and compose(chr(c)) != chr(c)
        ),
        "lower": pairs(mapping(lower)),
        "canonical": pairs(canonical),
        "compatible": pairs(compatible),
        "combining": " ".join(
            f"{order}:{ranges(members).replace(' ', ',')}"
            for order, members in sorted(by_class.items())
        ),
    }
    lines = [
        f"# Characters as Hugging Face tokenizers {tokenizers.__version__} sees them.",
        "# Written by tests/text/make_character_tables.py; hexadecimal code points.",
    ]
    for name, body in sections.items():
        lines += [
            "",
            f"[{name}]",
            *textwrap.wrap(body, 88, break_on_hyphens=False, break_long_words=False),
        ]
    OUTPUT.write_text("\n".join(lines) + "\n", encoding="ascii")
    print(f"{OUTPUT}: {OUTPUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
