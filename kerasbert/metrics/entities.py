"""Entity-level precision, recall and F1, equal to seqeval's.

A tag is `O` outside of entities, or a role in an entity with its type, such as `B-PER`.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from typing import NamedTuple

# The roles of the tag schemes IOB, IOBES, BMES and BILOU.
ROLES = {
    **{"B": "B", "I": "I", "E": "E", "S": "S"},
    **{"M": "I", "L": "E", "U": "S"},  # of BMES and BILOU
}
NO_TYPE = "_"
DELIMITERS = "-_:/.|"
STRICT = ("IOB2", "IOBES")


class Span(NamedTuple):
    """An entity in a text.

    Args:
        type: Type of the entity, such as `"PER"`.
        start: Index of its first word.
        end: Index after its last word.
    """

    type: str
    start: int
    end: int


def split_tag(tag):
    """Splits a tag into role (B, I, E, S or O) and type.

    A tag without a role prefix, such as a part-of-speech tag, has the role `"I"`. BMES
    and BILOU are mapped by `ROLES`.

    Example:
        >>> [split_tag(tag) for tag in ("B-creative-work", "M-ORG", "O", "NOUN")]
        [('B', 'creative-work'), ('I', 'ORG'), ('O', '_'), ('I', 'NOUN')]
    """
    if tag == "O":
        return "O", NO_TYPE
    letter, hyphen, kind = tag.partition("-")
    if letter in ROLES and (hyphen or not kind):
        return ROLES[letter], kind or NO_TYPE
    return "I", tag


class TagFormat(NamedTuple):
    """The notation of tags.

    Args:
        delimiter: Separator of role and type.
        role_last: Whether the type comes first, as in `"PER-B"`.
    """

    delimiter: str = "-"
    role_last: bool = False

    def split(self, tag):
        """Splits a tag into role and type, see `split_tag`."""
        letter, kind = self.parts(tag)
        return (ROLES[letter], kind or NO_TYPE) if letter else split_tag(tag)

    def parts(self, tag):
        """Splits a tag into the role as written, None without one, and the type."""
        if tag in ROLES:
            return tag, ""
        if self.role_last:
            kind, _, letter = tag.rpartition(self.delimiter)
        else:
            letter, _, kind = tag.partition(self.delimiter)
        return (letter, kind) if letter in ROLES and kind else (None, tag)

    def join(self, letter, kind):
        """Joins a role and a type to a tag."""
        if kind == NO_TYPE:
            return letter
        parts = (kind, letter) if self.role_last else (letter, kind)
        return self.delimiter.join(parts)


def format_of(tags):
    """Infers the notation, `B-PER`, `B_PER` or `PER-B`, from all tags of a dataset.

    Example:
        >>> format_of(["O", "B_PER", "I_PER"]).delimiter
        '_'
        >>> format_of(["O", "PER-B", "PER-I"]).role_last, format_of(["VITAMIN-B"])
        (True, TagFormat(delimiter='-', role_last=False))
    """
    typed = {tag for tag in tags if tag not in ("O", *ROLES)}
    usual = TagFormat()
    if not typed or any(usual.parts(tag)[0] for tag in typed):
        return usual
    for role_last in (False, True):
        for delimiter in DELIMITERS:
            found = TagFormat(delimiter, role_last)
            letters = {found.parts(tag)[0] for tag in typed}
            if None not in letters and (len(letters) > 1 or not role_last):
                return found
    return usual


def half_written(tags):
    """Returns tags that look like entity tags among others that do not.

    Example:
        >>> half_written(["PER_B", "PER_I", "NOUN", "i-b"])
        ['PER_B', 'PER_I']
    """
    for role_last in (False, True):
        for delimiter in DELIMITERS:
            found = TagFormat(delimiter, role_last)
            by_type = defaultdict(dict)
            for tag in tags:
                for written in (tag, _capitals(tag, found)):
                    letter, kind = found.parts(written)
                    if letter:
                        by_type[kind][letter] = tag
            for letters in by_type.values():
                if "B" in letters and len(letters) > 1:
                    return sorted({*letters.values()})
    return []


def _capitals(tag, tag_format):
    """Returns a tag with its role, if any, in upper case."""
    pattern = r"[a-z]$" if tag_format.role_last else r"^[a-z]"
    return re.sub(pattern, lambda match: match[0].upper(), tag)


def spans_of(
    tags: Sequence[str], scheme: str | None = None, tag_format: TagFormat | None = None
) -> list[Span]:
    """Extracts entities from tags.

    Args:
        tags: The tags of a text's words.
        scheme: None reads tags like conlleval and seqeval's default mode: an entity
            starts wherever the type changes. `"IOB2"` or `"IOBES"` (also BMES and
            BILOU) reads them like seqeval's strict mode: malformed entities are
            dropped.
        tag_format: The `TagFormat` of the dataset; None infers it from the tags.

    Returns:
        A list of `Span`s, in order.

    Raises:
        ValueError: If the scheme is unknown or does not have one of the tags.

    Example:
        >>> spans_of(["B-PER", "I-PER", "O", "I-LOC"])
        [Span(type='PER', start=0, end=2), Span(type='LOC', start=3, end=4)]
        >>> spans_of(["B-PER", "I-PER", "O", "I-LOC"], "IOB2")
        [Span(type='PER', start=0, end=2)]
    """
    tag_format = tag_format or format_of(tags)
    roles = [tag_format.split(tag) for tag in tags]
    spans = []
    before = ("O", NO_TYPE)
    for index, (role, kind) in enumerate(roles):
        if begins(*before, role, kind):
            spans.append(Span(kind, index, index + 1))
        elif role != "O":
            spans[-1] = spans[-1]._replace(end=index + 1)
        before = (role, kind)
    if scheme is None:
        return spans
    _check_strict(tags, roles, scheme)
    return [
        span
        for span in spans
        if _is_whole([role for role, _ in roles[span.start : span.end]], scheme)
    ]


def begins(role_before, type_before, role, kind):
    """Whether an entity starts at a word, as in conlleval."""
    return role != "O" and (
        role in ("B", "S") or role_before in ("O", "E", "S") or kind != type_before
    )


def span_scores(
    expected: Sequence[Collection], predicted: Sequence[Collection]
) -> dict[str, float]:
    """Computes micro-averaged precision, recall and F1 of spans.

    Args:
        expected: True spans of each text, of any hashable type.
        predicted: Predicted spans of each text.

    Returns:
        `{"precision", "recall", "f1"}`; 0 where undefined.

    Raises:
        ValueError: If the numbers of texts differ.

    Example:
        >>> ada, paris = ("PER", 0, 2), ("LOC", 1, 2)
        >>> scores = span_scores([[ada], []], [[ada], [paris]])
        >>> scores["precision"], scores["recall"]
        (0.5, 1.0)
    """
    return _scores(_counts(expected, predicted, lambda span: None)[None])


def entity_scores(
    expected: Sequence[Sequence[str]],
    predicted: Sequence[Sequence[str]],
    scheme: str | None = None,
) -> dict[str, float]:
    """Computes micro-averaged precision, recall and F1 of the entities of tags.

    Args:
        expected: True tags of each text.
        predicted: Predicted tags of each text.
        scheme: Tag scheme, see `spans_of`.

    Returns:
        `{"precision", "recall", "f1"}`; 0 where undefined.

    Raises:
        ValueError: If the numbers of texts or of words differ.

    Example:
        >>> entity_scores([["B-PER", "I-PER", "O"]], [["B-PER", "O", "O"]])["f1"]
        0.0
    """
    return span_scores(*_spans(expected, predicted, scheme))


def entity_report(
    expected: Sequence[Sequence[str]],
    predicted: Sequence[Sequence[str]],
    scheme: str | None = None,
) -> dict[str, dict[str, float]]:
    """Computes precision, recall and F1 of each entity type.

    Args:
        expected: True tags of each text.
        predicted: Predicted tags of each text.
        scheme: Tag scheme, see `spans_of`.

    Returns:
        Maps types, in order, to `{"precision", "recall", "f1", "support"}`; the support
        is the number of true entities.

    Raises:
        ValueError: If the numbers of texts or of words differ.

    Example:
        >>> report = entity_report([["B-PER", "B-LOC"]], [["B-PER", "B-PER"]])
        >>> report["PER"]["precision"], report["LOC"]["support"]
        (0.5, 1)
    """
    counts = _counts(*_spans(expected, predicted, scheme), lambda span: span.type)
    return {
        kind: {**_scores(counts[kind]), "support": counts[kind]["expected"]}
        for kind in sorted(counts)
    }


def _spans(expected, predicted, scheme):
    for row, (tags, found) in enumerate(zip(expected, predicted, strict=False)):
        if len(tags) != len(found):
            raise ValueError(
                f"Expected {len(tags)} predicted tags for text {row}, one per word, "
                f"got {len(found)}."
            )
    tag_format = format_of(
        {tag for rows in (expected, predicted) for r in rows for tag in r}
    )
    return tuple(
        [spans_of(tags, scheme, tag_format) for tags in rows]
        for rows in (expected, predicted)
    )


def _counts(expected, predicted, key):
    """Counts expected, predicted and correct spans, grouped by a key."""
    if len(expected) != len(predicted):
        raise ValueError(
            f"Expected predictions for {len(expected)} texts, got {len(predicted)}."
        )
    counts = defaultdict(Counter)
    for spans, found in zip(expected, predicted, strict=True):
        groups = {"expected": spans, "predicted": found, "right": {*spans} & {*found}}
        for name, group in groups.items():
            for span in {*group}:
                counts[key(span)][name] += 1
    return counts


def _scores(counts):
    right = counts["right"]
    precision = right / (counts["predicted"] or 1)
    recall = right / (counts["expected"] or 1)
    f1 = 2 * precision * recall / ((precision + recall) or 1)
    return {"precision": precision, "recall": recall, "f1": f1}


def _check_strict(tags, roles, scheme):
    if scheme not in STRICT:
        raise ValueError(f"Expected a scheme of {', '.join(STRICT)}, got {scheme!r}.")
    allowed = "BIO" if scheme == "IOB2" else "BIOES"
    for tag, (role, kind) in zip(tags, roles, strict=True):
        if role not in allowed or kind == tag:
            raise ValueError(f"Expected tags of {scheme}, got {tag!r}.")


def _is_whole(roles, scheme):
    if scheme == "IOB2":
        return roles[0] == "B"
    return roles == ["S"] or (roles[0] == "B" and roles[-1] == "E")
