"""ALBERT's clean-up of text as a map from characters to strings.

Compatibility decomposition, removal of accents and lower-casing act on one character at
a time, so they compose into one map. What else a SentencePiece model does to text is in
the model.

Reference:
    google-research/albert, `tokenization.preprocess_text`.
"""

import functools

from kerasbert.text.characters import (
    character_set,
    character_table,
    decompositions,
)

_VERTICAL_TAB = 0x0B  # a control character to the models, which remove it


@functools.lru_cache(maxsize=8)
def piece_character_map(
    lower_case: bool = True, strip_accents: bool = True
) -> dict[int, str]:
    """Code point -> what it becomes; characters not in it stay as they are.

    Args:
        lower_case: whether to lower-case.
        strip_accents: whether to decompose (NFKD) and remove accents.

    Returns:
        The map for `build_character_map`. It is shared: copy it to change it.
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
