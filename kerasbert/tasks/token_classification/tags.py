"""Tag schemes: valid transitions, and conversion to entities."""

from collections.abc import Sequence

import numpy as np

from kerasbert.account import quoted
from kerasbert.metrics.entities import (
    ROLES,
    TagFormat,
    format_of,
    half_written,
    spans_of,
)

# The roles that a scheme has. In IOB1, I may begin an entity; in PLAIN a tag is the
# type alone, and words of the same type that stand together are one entity.
SCHEMES = {"IOB1": "BI", "IOB2": "BI", "IOBES": "BIES", "PLAIN": "I"}
OUTSIDE = "O"


def scheme_of(labels):
    """Returns the scheme of labels.

    Example:
        >>> scheme_of(["B-PER", "M-PER", "E-PER", "O"]), scheme_of(["NOUN", "VERB"])
        ('IOBES', 'PLAIN')
    """
    labels = [label for label in labels if label != OUTSIDE]
    split = format_of(labels).split
    typed = [label for label in labels if label and split(label)[1] != label]
    if not typed and "" not in labels:
        if wrong := half_written(labels):
            raise ValueError(
                f"Expected tags of one scheme, such as B-PER and I-PER, got "
                f"{quoted(wrong, 80)}, which look like roles of entities, in small "
                f"letters or beside others, among {quoted(sorted(labels), 80)}. Write "
                "them as B-PER; with scheme='PLAIN' each is a type of its own."
            )
        return "PLAIN"
    if len(typed) < len(labels):
        wrong = [label for label in labels if label not in typed]
        raise ValueError(
            f"Expected tags of a scheme, O or one of the letters {', '.join(ROLES)} "
            f"and a type, such as B-PER; got {', '.join(map(repr, wrong[:8]))} beside "
            f"{', '.join(map(repr, typed[:2])) or 'nothing'}."
        )
    roles = {split(label)[0] for label in labels}
    if roles & {"E", "S"}:
        return "IOBES"
    return "IOB2" if "B" in roles else "IOB1"


def labels_of(targets: Sequence[Sequence[str]]) -> list[str]:
    """Returns the labels that a tagger for a dataset needs.

    Args:
        targets: For each text the tags of its words, or its entities: dictionaries
            with a `type`.

    Returns:
        `"O"`, and for each type, in order, all tags of the scheme that the tags are
        of; IOB2 for entities, and for IOB1, as which it is learnt better.

    Raises:
        ValueError: If no scheme has them all, or there are none.

    Example:
        >>> labels_of([["O", "I-PER"], ["B-LOC"]])
        ['O', 'B-LOC', 'I-LOC', 'B-PER', 'I-PER']
        >>> labels_of([[{"type": "PER", "start": 0, "end": 3}]])
        ['O', 'B-PER', 'I-PER']
        >>> labels_of([["M-A", "E-A"], ["S-A"]])
        ['O', 'B-A', 'M-A', 'E-A', 'S-A']
        >>> labels_of([["B_PER", "O"]])
        ['O', 'B_PER', 'I_PER']
    """
    found = {
        f"B-{tag['type']}" if isinstance(tag, dict) else str(tag)
        for tags in targets
        for tag in tags
    }
    scheme = scheme_of(found)
    if found <= {OUTSIDE}:
        raise ValueError("Expected tags to learn labels from, got none but O.")
    if scheme == "PLAIN":
        return sorted(found, key=lambda tag: (tag != OUTSIDE, tag))
    written = format_of(found)
    kinds = sorted({written.split(tag)[1] for tag in found - {OUTSIDE}})
    letters = _letters(
        {written.parts(tag)[0] for tag in found},
        SCHEMES["IOBES" if scheme == "IOBES" else "IOB2"],
    )
    return [OUTSIDE, *(written.join(let, kind) for kind in kinds for let in letters)]


def _letters(written, roles):
    """Returns how each role is written, given the existing letters."""
    names = {ROLES[letter]: letter for letter in ROLES if letter in written}
    return [names.get(role, role) for role in roles]


class TagScheme:
    """A tag scheme with its labels.

    Args:
        labels: The labels, in order.
        name: A name of `SCHEMES`; None: what `scheme_of` finds. IOB1 takes any labels
            of B and I, and types beside them; PLAIN takes labels whose last letters
            look like roles, such as `VITAMIN-B` and `VITAMIN-E`.

    Attributes:
        tag_format: The `TagFormat` of the labels.
        roles: The role of each label.
        types: The type of each.
        follows: bool array `[C, C]`, whether the second label may follow the first.
        first: bool array `[C]`, whether a text may begin with it.
        last: bool array `[C]`, whether one may end with it.

    Raises:
        ValueError: If there is no such scheme, or it does not have the labels.

    Example:
        >>> scheme = TagScheme(["O", "B-PER", "I-PER"])
        >>> scheme.follows[0].tolist()  # what may follow O
        [True, True, False]
    """

    def __init__(self, labels, name=None):
        self.labels = list(labels)
        self.name = scheme_of(self.labels) if name is None else name
        if self.name not in SCHEMES:
            raise ValueError(
                f"Expected a scheme among {', '.join(SCHEMES)}, got {self.name!r}."
            )
        self.tag_format = format_of(self.labels)
        types_alone = self.name == "PLAIN" and not _usual(self.labels)
        if types_alone:
            self.tag_format = TagFormat()
        split = self.tag_format.split
        self.roles, self.types = zip(*map(split, self.labels), strict=True)
        foreign = {*self.roles} - {"O", *SCHEMES[self.name]}
        if not types_alone and self.name != "IOB1":
            foreign = foreign or self.name != scheme_of(self.labels)
        if foreign:
            raise ValueError(
                f"Expected labels of {self.name}, got {', '.join(self.labels)}."
            )
        self.numbers = {label: number for number, label in enumerate(self.labels)}
        known = [*zip(self.roles, self.types, strict=True)]
        self._by_role = dict(zip(known, self.labels, strict=True))
        self.follows = np.array([[self._may(a, b) for b in known] for a in known])
        self.first = np.array([self._may(_EDGE, label) for label in known])
        self.last = np.array([self._may(label, _EDGE) for label in known])

    def spans(self, tags):
        """Extracts entities from labels, like conlleval."""
        return spans_of(tags, tag_format=self.tag_format)

    def _may(self, before, label):
        """Whether a role and type may follow others."""
        if self.name in ("PLAIN", "IOB1"):
            return True
        is_open = before[0] == "I" or before[0] == "B"
        if label[0] in ("I", "E"):
            return is_open and before[1] == label[1]
        return self.name == "IOB2" or not is_open

    @property
    def entity_types(self):
        """The entity types of the labels, in order."""
        named = zip(self.labels, self.types, strict=True)
        return sorted({kind for label, kind in named if label != OUTSIDE})

    @property
    def nothing(self):
        """Logits `[C]` of a word without tokens: those of `O`, if it exists."""
        outside = np.array([label == OUTSIDE for label in self.labels])
        return np.where(outside | ~outside.any(), 0.0, -1e4).astype("float32")

    def allows(self, tags):
        """Whether a sequence of labels is valid."""
        numbers = [self.numbers[tag] for tag in tags]
        if not numbers:
            return True
        follow = self.follows[numbers[:-1], numbers[1:]].all()
        return bool(self.first[numbers[0]] and self.last[numbers[-1]] and follow)

    def repaired(self, tags):
        """Rewrites tags as a valid sequence with the same entities."""
        if self.allows(tags):
            return list(tags)
        return self.write(self.spans(tags), len(tags))

    def write(self, spans, length):
        """Converts entities to tags."""
        tags = [OUTSIDE] * length
        for kind, start, end in spans:
            tags[start:end] = self._write(kind, end - start)
        return tags

    def _write(self, kind, count):
        if self.name == "IOBES":
            roles = "S" if count == 1 else "B" + "I" * (count - 2) + "E"
        else:
            has_begin = ("B", kind) in self._by_role
            roles = ("B" if has_begin else "I") + "I" * (count - 1)
        lacking = [role for role in roles if (role, kind) not in self._by_role]
        if lacking or (roles[0] == "I" and self.name == "IOB2"):
            raise ValueError(
                f"Expected labels for a {kind!r} of {count} words, got "
                f"{', '.join(self.labels)}. Name all labels when the task is made."
            )
        return [self._by_role[role, kind] for role in roles]


def _usual(labels):
    """Whether a label is written in the usual notation, such as `B-PER`."""
    return any(TagFormat().parts(label)[0] for label in labels)


_EDGE = ("O", "_")  # before the first word and after the last


def convert_tags(tags: Sequence[str], labels: Sequence[str]) -> list[str]:
    """Converts tags to another scheme.

    Args:
        tags: The tags of a text's words, in any scheme.
        labels: The labels of the other scheme, such as `labels_of` gives.

    Returns:
        A list of tags.

    Raises:
        ValueError: If the labels cannot say an entity.

    Example:
        >>> convert_tags(["B-A", "M-A", "E-A", "S-A"], ["O", "B-A", "I-A"])
        ['B-A', 'I-A', 'I-A', 'B-A']
    """
    return TagScheme(labels).write(spans_of(tags), len(tags))
