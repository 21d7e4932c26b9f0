"""Unicode tables, and the per-character normalization of BERT and ALBERT.

`characters.txt` was generated from the reference implementation, character by
character, so that token ids depend neither on Python's Unicode version nor on that of
ICU.

Cleaning, decomposition, accent removal, lower-casing and spaces around punctuation and
Chinese characters act on single characters, so each normalization is one map from code
points to strings.

Reference:
    google-research/bert, `tokenization.BasicTokenizer`; google-research/albert,
    `tokenization.preprocess_text`.
"""

import functools
import importlib.resources

_VERTICAL_TAB = 0x0B  # a control character to ALBERT, which removes it
_SYLLABLES = range(0xAC00, 0xD7A4)  # Hangul; 28 finals, 21 vowels, 19 initials


@functools.cache
def _sections() -> dict[str, list[str]]:
    text = importlib.resources.files("kerasbert.text").joinpath("characters.txt")
    sections: dict[str, list[str]] = {}
    for line in text.read_text(encoding="ascii").splitlines():
        if line.startswith("["):
            entries = sections[line[1:-1]] = []
        elif line and not line.startswith("#"):
            entries.extend(line.split())
    return sections


def _span(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first, 16), int(last or first, 16) + 1)


@functools.cache
def character_set(name: str) -> frozenset[int]:
    """Returns the code points of a section, such as `"punctuation"`."""
    return frozenset(c for text in _sections()[name] for c in _span(text))


@functools.cache
def character_table(name: str) -> dict[int, str]:
    """Returns the mapping of a section, such as `"lower"`."""
    table = {}
    for entry in _sections()[name]:
        code, _, result = entry.partition("=")
        results = result.split("+") if result else ()
        table[int(code, 16)] = "".join(chr(int(c, 16)) for c in results)
    return table


@functools.cache
def combining_classes() -> dict[int, int]:
    """Returns the canonical combining class of each character with one."""
    classes = {}
    for entry in _sections()["combining"]:
        order, _, spans = entry.partition(":")
        for span in spans.split(","):
            classes.update(dict.fromkeys(_span(span), int(order)))
    return classes


@functools.cache
def decompositions(compatible: bool = False) -> dict[int, str]:
    """Returns the canonical (NFD) or compatibility (NFKD) decompositions."""
    table = {}
    for syllable in _SYLLABLES:
        initial, rest = divmod(syllable - _SYLLABLES.start, 21 * 28)
        vowel, final = divmod(rest, 28)
        jamo = chr(0x1100 + initial) + chr(0x1161 + vowel)
        table[syllable] = jamo + (chr(0x11A7 + final) if final else "")
    table.update(character_table("canonical"))
    if compatible:
        table.update(character_table("compatible"))
    return table


def character_class(code_points) -> str:
    r"""Returns the inside of a bracket expression for RE2: `\x{41}-\x{5A}`."""
    spans: list[list[int]] = []
    for code in sorted(code_points):
        if spans and spans[-1][1] == code - 1:
            spans[-1][1] = code
        else:
            spans.append([code, code])
    return "".join(rf"\x{{{first:X}}}-\x{{{last:X}}}" for first, last in spans)


@functools.lru_cache(maxsize=8)
def word_character_map(
    lower_case: bool = True,
    strip_accents: bool | None = None,
    split_chinese_characters: bool = True,
    clean_text: bool = True,
) -> dict[int, str]:
    """Returns BERT's normalization as a map; unlisted characters are unchanged.

    After it, words are separated by spaces. The result is cached: copy it to change it.
    """
    strip_accents = lower_case if strip_accents is None else strip_accents
    accents = character_set("accent") if strip_accents else frozenset()
    decomposed = decompositions() if strip_accents else {}
    lowered = character_table("lower") if lower_case else {}
    blanks = character_set("whitespace")
    around = dict.fromkeys(blanks, " ")
    around.update({c: f" {chr(c)} " for c in character_set("punctuation")})

    def become(code: int) -> str:
        text = decomposed.get(code, chr(code))
        text = "".join(c for c in text if ord(c) not in accents)
        text = "".join(lowered.get(ord(c), c) for c in text)
        return "".join(around.get(ord(c), c) for c in text)

    affected = {*around, *accents, *decomposed, *lowered}
    mapping = {code: become(code) for code in affected}
    if split_chinese_characters:
        chinese = character_set("chinese")
        mapping.update({c: f" {mapping.get(c, chr(c))} " for c in chinese})
    if clean_text:
        mapping.update(dict.fromkeys(character_set("control"), ""))
        mapping.update(dict.fromkeys(character_set("blank"), " "))
    return {code: text for code, text in mapping.items() if text != chr(code)}


@functools.lru_cache(maxsize=8)
def piece_character_map(
    lower_case: bool = True, strip_accents: bool = True
) -> dict[int, str]:
    """Returns ALBERT's normalization as a map; unlisted characters are unchanged.

    What else a SentencePiece model does to text is in the model. The result is cached:
    copy it to change it.
    """
    marks = character_set("mark") if strip_accents else frozenset()
    decomposed = decompositions(compatible=True) if strip_accents else {}
    lowered = character_table("lower") if lower_case else {}

    def become(code: int) -> str:
        text = decomposed.get(code, chr(code))
        return "".join(lowered.get(ord(c), c) for c in text if ord(c) not in marks)

    mapping = {code: become(code) for code in {*marks, *decomposed, *lowered}}
    mapping.update(dict.fromkeys(character_set("whitespace") - {_VERTICAL_TAB}, " "))
    return {code: text for code, text in mapping.items() if text != chr(code)}
