"""BERT's basic tokenization as a map from characters to strings.

Cleaning, spaces around Chinese characters, removal of accents, lower-casing and spaces
around punctuation all act on one character at a time, so they compose into one map.
After it, words are what lies between spaces.

Reference:
    Devlin et al., BERT (https://arxiv.org/abs/1810.04805); google-research/bert,
    `tokenization.BasicTokenizer`.
"""

import functools

from kerasbert.text.characters import (
    character_set,
    character_table,
    decompositions,
)


@functools.lru_cache(maxsize=8)
def word_character_map(
    lower_case: bool = True,
    strip_accents: bool | None = None,
    split_chinese_characters: bool = True,
    clean_text: bool = True,
) -> dict[int, str]:
    """Code point -> what it becomes; characters not in it stay as they are.

    Args:
        lower_case: whether to lower-case.
        strip_accents: whether to decompose and remove accents; None: as `lower_case`.
        split_chinese_characters: whether each Chinese character is a word.
        clean_text: whether to remove control characters.

    Returns:
        The map for `build_character_map`. It is shared: copy it to change it.
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
