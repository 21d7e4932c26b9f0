"""What Unicode characters are and become, in frozen tables.

`characters.txt` was read off the reference implementation, character by character, so
that token ids move neither with Python's Unicode tables nor with those of ICU.
"""

import functools
import importlib.resources

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
    """The code points of one section, such as `"punctuation"`."""
    return frozenset(c for text in _sections()[name] for c in _span(text))


@functools.cache
def character_table(name: str) -> dict[int, str]:
    """What each code point of one section, such as `"lower"`, becomes."""
    table = {}
    for entry in _sections()[name]:
        code, _, result = entry.partition("=")
        results = result.split("+") if result else ()
        table[int(code, 16)] = "".join(chr(int(c, 16)) for c in results)
    return table


@functools.cache
def combining_classes() -> dict[int, int]:
    """The canonical combining class of each character that has one."""
    classes = {}
    for entry in _sections()["combining"]:
        order, _, spans = entry.partition(":")
        for span in spans.split(","):
            classes.update(dict.fromkeys(_span(span), int(order)))
    return classes


@functools.cache
def decompositions(compatible: bool = False) -> dict[int, str]:
    """NFD of every character that it changes, or NFKD where `compatible`."""
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
    r"""A regular expression's inside of brackets, for RE2: `\x{41}-\x{5A}`."""
    spans: list[list[int]] = []
    for code in sorted(code_points):
        if spans and spans[-1][1] == code - 1:
            spans[-1][1] = code
        else:
            spans.append([code, code])
    return "".join(rf"\x{{{first:X}}}-\x{{{last:X}}}" for first, last in spans)
