"""Precision, recall and F1 of whole entities, equal to seqeval's.

A tag says whether a word is outside of every entity, `O`, or where in an entity of
which type it is, such as `B-PER`.
"""

import re
from collections import Counter, defaultdict
from typing import NamedTuple

# The letters that schemes write for the places of a word in an entity.
ROLES = {
    **{"B": "B", "I": "I", "E": "E", "S": "S"},
    **{"M": "I", "L": "E", "U": "S"},  # of BMES and BILOU
}
NO_TYPE = "_"
DELIMITERS = "-_:/.|"
STRICT = ("IOB2", "IOBES")


class Span(NamedTuple):
    """An entity among the words of a text.

    Args:
        type: What it is, such as `"PER"`.
        start: Its first word.
        end: The word after its last.
    """

    type: str
    start: int
    end: int


def split_tag(tag):
    """The role and the type that a tag says.

    Args:
        tag: Such as `"B-PER"`. What has no letter of a role before a hyphen is all
            type, as in part-of-speech tags, and has the role `"I"`.

    Returns:
        One of B, I, E, S, O (`ROLES` tells how BMES and BILOU are read), and the type.

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
    """How tags are written.

    Args:
        delimiter: What stands between role and type.
        role_last: Whether the type comes first, as in `"PER-B"`.
    """

    delimiter: str = "-"
    role_last: bool = False

    def split(self, tag):
        """The role and the type that a tag says, as `split_tag` gives them."""
        letter, kind = self.parts(tag)
        return (ROLES[letter], kind or NO_TYPE) if letter else split_tag(tag)

    def parts(self, tag):
        """The letter of the role as it is written, and the type; None: it has none."""
        if tag in ROLES:
            return tag, ""
        if self.role_last:
            kind, _, letter = tag.rpartition(self.delimiter)
        else:
            letter, _, kind = tag.partition(self.delimiter)
        return (letter, kind) if letter in ROLES and kind else (None, tag)

    def join(self, letter, kind):
        """The tag of a letter and a type."""
        if kind == NO_TYPE:
            return letter
        parts = (kind, letter) if self.role_last else (letter, kind)
        return self.delimiter.join(parts)


def format_of(tags):
    """How tags are written: `B-PER`, `B_PER` or `PER-B`.

    Args:
        tags: All tags of some data: one alone does not always tell.

    Returns:
        A `TagFormat`; that of `B-PER` unless all tags but `O` are written in another.

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
    """Tags that look like roles of entities, where others of the data do not.

    Args:
        tags: All tags of some data, which are no tags of a scheme.

    Returns:
        Those of a type that occurs with B and with another role, sorted.

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
    """A tag with its role, if it has one, in a capital letter."""
    pattern = r"[a-z]$" if tag_format.role_last else r"^[a-z]"
    return re.sub(pattern, lambda match: match[0].upper(), tag)


def spans_of(tags, scheme=None, tag_format=None):
    """The entities that tags say.

    Args:
        tags: The tags of a text's words.
        scheme: None: as conlleval and seqeval's default mode read them: an entity
            begins wherever a tag is of another type than the one before it, and
            none is lost. `"IOB2"` or `"IOBES"` (BMES and BILOU, too): as seqeval's
            strict mode does: what does not begin and end as the scheme says is none.
        tag_format: The `TagFormat` of the data; None: what `format_of` finds in the
            tags.

    Returns:
        A list of `Span`s, in order.

    Raises:
        ValueError: If there is no such scheme, or a tag that it does not have.

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
    for place, (role, kind) in enumerate(roles):
        if begins(*before, role, kind):
            spans.append(Span(kind, place, place + 1))
        elif role != "O":
            spans[-1] = spans[-1]._replace(end=place + 1)
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
    """Whether an entity begins at a word, as conlleval has it.

    Args:
        role_before: The role of the word before it; `"O"` where there is none.
        type_before: The type of that word.
        role: The role of the word.
        kind: Its type.
    """
    return role != "O" and (
        role in ("B", "S") or role_before in ("O", "E", "S") or kind != type_before
    )


def span_scores(expected, predicted):
    """Precision, recall and F1 of spans, those of all texts together.

    Args:
        expected: For each text the spans that are right; any values that compare.
        predicted: For each text the spans that were found.

    Returns:
        `{"precision", "recall", "f1"}`; 0 where there is nothing to divide by.

    Raises:
        ValueError: If there are more texts of one than of the other.

    Example:
        >>> ada, paris = ("PER", 0, 2), ("LOC", 1, 2)
        >>> scores = span_scores([[ada], []], [[ada], [paris]])
        >>> scores["precision"], scores["recall"]
        (0.5, 1.0)
    """
    return _scores(_counts(expected, predicted, lambda span: None)[None])


def entity_scores(expected, predicted, scheme=None):
    """Precision, recall and F1 of the entities that tags say, micro-averaged.

    Args:
        expected: For each text the tags of its words.
        predicted: The tags that were found.
        scheme: As in `spans_of`.

    Returns:
        As `span_scores`.

    Raises:
        ValueError: If the texts are not as many, or not as long.

    Example:
        >>> entity_scores([["B-PER", "I-PER", "O"]], [["B-PER", "O", "O"]])["f1"]
        0.0
    """
    return span_scores(*_spans(expected, predicted, scheme))


def entity_report(expected, predicted, scheme=None):
    """Precision, recall and F1 of every type of entity.

    Args:
        expected: For each text the tags of its words.
        predicted: The tags that were found.
        scheme: As in `spans_of`.

    Returns:
        From each type, in order, to `{"precision", "recall", "f1", "support"}`, where
        support is how many there are.

    Raises:
        ValueError: As `entity_scores`.

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
                f"Expected a predicted tag for each of the {len(tags)} words of text "
                f"{row}, got {len(found)}."
            )
    tag_format = format_of(
        {tag for rows in (expected, predicted) for r in rows for tag in r}
    )
    return tuple(
        [spans_of(tags, scheme, tag_format) for tags in rows]
        for rows in (expected, predicted)
    )


def _counts(expected, predicted, key):
    """How many spans were expected, predicted, and both, by a key of the spans."""
    if len(expected) != len(predicted):
        raise ValueError(
            f"Expected as many texts predicted as there are, {len(expected)}, got "
            f"{len(predicted)}."
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
