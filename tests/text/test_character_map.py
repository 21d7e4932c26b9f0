import random

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_text as tf_text

from kerasbert.text.character_map import build_character_map
from kerasbert.text.characters import character_class, decompositions

CODES = [*range(0xD800), *range(0xE000, 0x110000)]


def mapped(mapping, texts):
    normalizer = tf_text.FastBertNormalizer(
        model_buffer=tf.constant(build_character_map(mapping))
    )
    return [t.decode() for t in normalizer.normalize(tf.constant(texts)).numpy()]


def test_every_character_becomes_what_the_map_says():
    generator = random.Random(0)
    results = ["", " ", "x", "ß", "你好", " 😀 ", "y" * 63]
    mapping = {c: generator.choice(results) for c in generator.sample(CODES, 30_000)}
    mapping |= dict.fromkeys(range(0xF0000, 0xFFFFE), "")
    mapping |= {c: f" {chr(c)} " for c in range(0x4E00, 0x5000)}
    mapping |= {0: "zero", 0x10FFFF: "last", 0x7F: "del"}
    codes = np.array(CODES)[:: 7 if len(CODES) > 1 else 1].tolist()
    codes += [c for c in mapping if c % 7]
    texts = [f"a{chr(c)}b" for c in codes]
    assert mapped(mapping, texts) == [f"a{mapping.get(c, chr(c))}b" for c in codes]


def test_an_empty_map_changes_nothing():
    assert mapped({}, ["Hello, 你好 \x00 😀"]) == ["Hello, 你好 \x00 😀"]


def test_what_the_operation_cannot_hold_is_refused():
    with pytest.raises(ValueError, match="at most 63 bytes for U\\+0041, got 64"):
        build_character_map({0x41: "x" * 64})


def test_syllables_decompose_as_unicode_says():
    import unicodedata

    table = decompositions()
    for code in range(0xAC00, 0xD7A4, 97):
        assert table[code] == unicodedata.normalize("NFD", chr(code))


def test_a_character_class_holds_its_characters_and_no_others():
    codes = [0x41, 0x42, 0x5D, 0x5E, 0x4E00, 0x10FFFF]
    pattern = f"[{character_class(codes)}]"
    texts = tf.constant([chr(c) for c in [*codes, 0x40, 0x43, 0x5C, 0x5F, 0x4E01]])
    found = tf.strings.regex_full_match(texts, pattern).numpy().tolist()
    assert found == [True] * 6 + [False] * 5
