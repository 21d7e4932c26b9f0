"""Normalizers and pre-tokenizers of a `tokenizer.json`, as functions of `CodePoints`.

A component that is not implemented raises an error that names it.

Reference:
    Hugging Face `tokenizers`, modules `normalizers` and `pre_tokenizers`.
"""

import base64
import binascii
import re

import tensorflow as tf

from kerasbert.account import KeyTable, refusal
from kerasbert.text.characters import character_set, character_table
from kerasbert.text.charsmap import Charsmap, read_charsmap
from kerasbert.text.code_points import (
    LIMIT,
    CharacterMap,
    CodeSet,
    Spans,
    repeated,
    runs,
    substitute,
)
from kerasbert.text.matching import Matcher
from kerasbert.text.unicode_forms import Composition, Decomposition

_BEHAVIORS = (
    "Removed",
    "Isolated",
    "MergedWithPrevious",
    "MergedWithNext",
    "Contiguous",
)
_REGEX = re.compile(r"(\\[sntr]|\\?[^\w\\]|\w)(\+|\{([1-9]\d{0,3}),\})?", re.DOTALL)
_ESCAPES = {r"\n": "\n", r"\t": "\t", r"\r": "\r"}
_META = frozenset(".^$*+?()[]{}|")


class Reader:
    """Parses the components of a file, and records their keys in an `Account`."""

    def __init__(self, file, account):
        self.file = file
        self.account = account

    def normalizers(self, value, path="normalizer"):
        """Returns the steps of a normalizer; none if it is null."""
        return self._steps(value, path, "normalizers", _NORMALIZERS)

    def pre_tokenizers(self, value, path="pre_tokenizer"):
        """Returns the steps of a pre-tokenizer; none if it is null."""
        return self._steps(value, path, "pretokenizers", _PRE_TOKENIZERS)

    def _steps(self, value, path, inner, kinds):
        if value is None:
            return []
        kind = value.get("type") if isinstance(value, dict) else value
        if kind == "Sequence" and isinstance(value.get(inner), list):
            self._book(value, path, {inner: ""})
            return [
                step
                for number, part in enumerate(value[inner])
                for step in self._steps(part, f"{path}.{inner}.{number}", inner, kinds)
            ]
        if not isinstance(kind, str) or kind not in kinds:
            expected = f"one of {', '.join((*kinds, 'Sequence'))}, or null"
            raise refusal(self.file, f"{path}.type", kind, expected)
        keys, build = kinds[kind]
        self._book(value, path, keys)
        given = {key: value.get(key, default) for key, default in keys.items()}
        for key, entry in given.items():
            if entry is REQUIRED:
                raise ValueError(
                    f"Expected {path}.{key} in {self.file}, where {kind} needs it, but "
                    "it is missing. Write the file again with `tokenizers`."
                )
            self._check(f"{path}.{key}", key, entry)
        try:
            return build(**given)
        except _Refused as error:
            key, expected = error.args
            raise refusal(self.file, f"{path}.{key}", given[key], expected) from None

    def _check(self, path, key, entry):
        expected = _TYPES.get(key)
        if expected is not None and not isinstance(entry, expected):
            names = " or ".join(
                {type(None): "null", bool: "true or false", str: "a string"}.get(
                    kind, kind.__name__
                )
                for kind in expected
            )
            raise refusal(self.file, path, entry, names)

    def _book(self, value, path, keys):
        used = {**dict.fromkeys(keys, "computed in the graph"), "type": "the step"}
        table = KeyTable(used, {"str_rep": "the replacement again"})
        table.settle(value, self.file, self.account, f"{path}.")


class _Refused(Exception):
    """A key has a value that is not implemented."""


REQUIRED = object()
_TYPES = {
    **dict.fromkeys(
        ("clean_text", "handle_chinese_chars", "lowercase", "strip_left", "strip_right",
         "individual_digits", "split", "invert"),
        (bool,),
    ),
    **dict.fromkeys(
        ("prepend", "content", "precompiled_charsmap", "delimiter", "replacement",
         "behavior"),
        (str,),
    ),
    "strip_accents": (bool, type(None)),
    "pattern": (dict,),
}  # fmt: skip

# Normalizers.


def _bert(clean_text, handle_chinese_chars, strip_accents, lowercase):
    steps = []
    if clean_text:
        mapping = dict.fromkeys(character_set("control"), "")
        mapping.update(dict.fromkeys(character_set("blank"), " "))
        steps.append(CharacterMap(mapping))
    if handle_chinese_chars:
        chinese = character_set("chinese")
        steps.append(CharacterMap({c: f" {chr(c)} " for c in chinese}))
    if lowercase if strip_accents is None else strip_accents:
        accents = CharacterMap(dict.fromkeys(character_set("accent"), ""))
        steps += [Decomposition(), accents]
    return [*steps, *_lowercase()] if lowercase else steps


def _lowercase():
    return [CharacterMap(character_table("lower"))]


def _strip_accents():
    return [CharacterMap(dict.fromkeys(character_set("mark"), ""))]


def _strip(strip_left, strip_right):
    space = CodeSet(character_set("whitespace"))

    def strip(points):
        is_solid = ~space(points.codes)
        seen = tf.cumsum(tf.cast(is_solid, tf.int32))
        numbers = part_numbers(points)
        before = tf.math.unsorted_segment_min(
            seen - tf.cast(is_solid, tf.int32), numbers, tf.size(seen)
        )
        after = tf.math.unsorted_segment_max(seen, numbers, tf.size(seen))
        kept = tf.ones_like(is_solid)
        if strip_left:
            kept &= seen > tf.gather(before, numbers)
        if strip_right:
            left = seen - tf.cast(is_solid, tf.int32)
            kept &= left < tf.gather(after, numbers)
        return points.keep(kept)

    return [strip] if strip_left or strip_right else []


def part_numbers(points):
    """Returns the part index of each character, without gaps, int32 `[N]`."""
    return tf.cumsum(tf.cast(points.begins, tf.int32)) - 1


def _prepend(prepend):
    def put(points):
        return _prepended(points, points.begins & (points.codes < LIMIT), prepend)

    return [put] if prepend else []


def _prepended(points, positions, text):
    """Inserts a string before the marked characters, with the same offsets."""
    size = len(text)
    lengths = 1 + size * tf.cast(positions, tf.int32)
    sources = repeated(lengths)
    taken = points.take(sources)
    within = tf.range(tf.size(sources))
    within -= tf.gather(tf.cumsum(lengths, exclusive=True), sources)
    new = tf.gather(positions, sources) & (within < size)
    codes = tf.gather(tf.constant([ord(c) for c in text]), tf.minimum(within, size - 1))
    return taken._replace(codes=tf.where(new, codes, taken.codes))


def _replace(pattern, content):
    find = _finder(pattern)
    return [lambda points: substitute(points, find(points), content)]


def _precompiled(precompiled_charsmap):
    if not precompiled_charsmap:
        return []
    try:
        data = base64.b64decode(precompiled_charsmap, validate=True)
        return [Charsmap(read_charsmap(data, "it"))]
    except (binascii.Error, ValueError):
        raise _Refused("precompiled_charsmap", "a table of SentencePiece") from None


def _finder(pattern):
    """Returns a function from `CodePoints` to the `Spans` of a pattern."""
    if pattern.get("String") and pattern.keys() == {"String"}:
        return Matcher([pattern["String"]])
    text = pattern.get("Regex")
    match = isinstance(text, str) and _REGEX.fullmatch(text)
    if not match or pattern.keys() != {"Regex"} or match[1] in _META:
        raise _Refused(
            "pattern",
            r"a String, or a Regex of one character, escaped or \s, as it is, with + "
            "or with {n,}",
        )
    atom, repetition, least = match.groups()
    if atom == r"\s":
        flags = CodeSet(character_set("whitespace"))
    else:
        flags = CodeSet([ord(_ESCAPES.get(atom, atom[-1]))])
    if repetition:
        return lambda points: runs(points, flags(points.codes), int(least or 1))

    def single(points):
        positions = tf.cast(tf.where(flags(points.codes))[:, 0], tf.int32)
        return Spans(positions, positions + 1, tf.zeros_like(positions))

    return single


_NORMALIZERS = {
    "BertNormalizer": (
        dict.fromkeys(
            ("clean_text", "handle_chinese_chars", "strip_accents", "lowercase"),
            REQUIRED,
        ),
        _bert,
    ),
    "Lowercase": ({}, _lowercase),
    "StripAccents": ({}, _strip_accents),
    "NFC": ({}, lambda: [Composition()]),
    "NFD": ({}, lambda: [Decomposition()]),
    "NFKC": ({}, lambda: [Composition(compatible=True)]),
    "NFKD": ({}, lambda: [Decomposition(compatible=True)]),
    "Strip": ({"strip_left": REQUIRED, "strip_right": REQUIRED}, _strip),
    "Replace": ({"pattern": REQUIRED, "content": REQUIRED}, _replace),
    "Prepend": ({"prepend": REQUIRED}, _prepend),
    "Precompiled": ({"precompiled_charsmap": REQUIRED}, _precompiled),
    "Nmt": ({}, lambda: [CharacterMap(character_table("nmt"))]),
}

# Pre-tokenizers.


def _bert_words():
    return [*_whitespace_split(), *_punctuation("Isolated")]


def _whitespace_split():
    return [_divide_at(_one_each(CodeSet(character_set("whitespace"))), "Removed")]


def _whitespace():
    word, space = CodeSet(character_set("word")), CodeSet(character_set("whitespace"))

    def split(points):
        is_word, is_space = word(points.codes), space(points.codes)
        begins = is_word != points.previous(is_word, False)
        begins |= is_space | points.previous(is_space, False)
        return points.divide(begins).keep(~is_space)

    return [split]


def _punctuation(behavior):
    return _split_at(CodeSet(character_set("punctuation")), behavior)


def _digits(individual_digits):
    behavior = "Isolated" if individual_digits else "Contiguous"
    return _split_at(CodeSet(character_set("numeric")), behavior)


def _delimiter(delimiter):
    if len(delimiter) != 1:
        raise _Refused("delimiter", "one character")
    return _split_at(CodeSet([ord(delimiter)]), "Removed")


def _split(pattern, behavior, invert):
    _check_behavior(behavior)
    find = _finder(pattern)
    return [_divide_at(find, behavior, invert)]


def _metaspace(replacement, prepend_scheme, split, add_prefix_space):
    if len(replacement) != 1:
        raise _Refused("replacement", "one character")
    if prepend_scheme is None:
        prepend_scheme = "always"  # as older files mean by add_prefix_space
    if prepend_scheme not in ("always", "first", "never"):
        raise _Refused("prepend_scheme", "always, first or never")
    if add_prefix_space is False and prepend_scheme != "never":
        raise _Refused("add_prefix_space", "true, or prepend_scheme never beside it")
    code = ord(replacement)
    replace = CharacterMap({0x20: replacement})
    is_code = CodeSet([code])
    divide = _divide_at(_one_each(is_code), "MergedWithNext")

    def metaspace(points):
        points = replace(points)
        if prepend_scheme != "never":
            positions = points.begins & (points.codes != code) & (points.codes < LIMIT)
            if prepend_scheme == "first":
                positions &= points.first == 0
            points = _prepended(points, positions, replacement)
        return divide(points) if split else points

    return [metaspace]


def _split_at(flags, behavior):
    _check_behavior(behavior)
    return [_divide_at(_one_each(flags), behavior)]


def _check_behavior(behavior):
    if behavior not in _BEHAVIORS:
        raise _Refused("behavior", f"one of {', '.join(_BEHAVIORS)}")


def _one_each(flags):
    """Returns a function that matches each character of a set separately."""

    def find(points):
        positions = tf.cast(tf.where(flags(points.codes))[:, 0], tf.int32)
        return Spans(positions, positions + 1, tf.zeros_like(positions))

    return find


def _divide_at(find, behavior, invert=False):
    """Returns a step that splits parts into matches and the text between them."""

    def divide(points):
        spans, size = find(points), tf.size(points.codes)
        is_match = spans.cover(size) ^ invert
        after = spans._replace(starts=spans.stops).marks(size)
        begins = points.begins | spans.marks(size) | after  # of items
        before = points.previous(is_match, False)
        if behavior == "Contiguous":
            begins &= is_match ^ before
        elif behavior == "MergedWithPrevious":
            begins &= ~is_match | before
        elif behavior == "MergedWithNext":
            begins &= ~before | is_match
        divided = points.divide(begins)
        return divided.keep(~is_match) if behavior == "Removed" else divided

    return divide


def merged(steps):
    """Merges adjacent `CharacterMap`s of a list of steps."""
    result = []
    for step in steps:
        if result and isinstance(step, CharacterMap):
            if isinstance(result[-1], CharacterMap):
                result[-1] = result[-1].then(step)
                continue
        result.append(step)
    return result


_PRE_TOKENIZERS = {
    "BertPreTokenizer": ({}, _bert_words),
    "Whitespace": ({}, _whitespace),
    "WhitespaceSplit": ({}, _whitespace_split),
    "Punctuation": ({"behavior": "Isolated"}, _punctuation),
    "Digits": ({"individual_digits": REQUIRED}, _digits),
    "CharDelimiterSplit": ({"delimiter": REQUIRED}, _delimiter),
    "Split": (
        {"pattern": REQUIRED, "behavior": REQUIRED, "invert": REQUIRED},
        _split,
    ),
    "Metaspace": (
        {
            "replacement": REQUIRED,
            "prepend_scheme": None,
            "split": True,
            "add_prefix_space": None,
        },
        _metaspace,
    ),
}
