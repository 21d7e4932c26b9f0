"""Validation of texts, words, tags and entities."""

from collections import Counter

from kerasbert.metrics.entities import Span
from kerasbert.tasks.examples import are_groups
from kerasbert.tasks.labels import LabelIndex, checked_count
from kerasbert.text.utf8 import to_utf8


def are_words(inputs):
    """Whether inputs are lists of words instead of texts."""
    return are_groups(inputs, _is_words, "a list of words")


def _is_words(value):
    return isinstance(value, list | tuple) and all(
        isinstance(word, str | bytes) for word in value
    )


def readable(text):
    """Returns a text as the string in which offsets count characters."""
    return to_utf8(text).decode("utf-8", "replace")


def joined(words):
    """Joins words with spaces.

    Example:
        >>> joined(["New", "York"])
        ('New York', [0, 4], [3, 8])
    """
    words = [readable(word) for word in words]
    starts, ends = [], []
    end = -1
    for word in words:
        starts.append(end + 1)
        end += 1 + len(word)
        ends.append(end)
    return " ".join(words), starts, ends


def checked_tags(inputs, targets, labels):
    """Validates the tags of words."""
    find = LabelIndex(labels)
    targets = [
        [_name(tag, find) for tag in tags]
        for tags in checked_count(targets, len(inputs))
    ]
    for position, (words, tags) in enumerate(zip(inputs, targets, strict=True)):
        if len(words) != len(tags):
            raise ValueError(
                f"Expected a tag for each of the {len(words)} words at position "
                f"{position}, got {len(tags)}."
            )
    _refuse_unknown("tags", targets, labels)
    return targets


def _name(tag, find):
    index = find.get(tag)
    return tag if index is None else find.labels[index]


def checked_entities(texts, targets, types):
    """Validates entity annotations; returns sorted character spans."""
    targets = checked_count(targets, len(texts))
    spans = [
        sorted((_span(entity, text, at) for entity in entities), key=_start)
        for at, (text, entities) in enumerate(zip(texts, targets, strict=True))
    ]
    for position, row in enumerate(spans):
        for one, next_one in zip(row, row[1:], strict=False):
            if next_one.start < one.end:
                raise ValueError(
                    f"Expected entities that do not overlap at position {position}, "
                    f"got {tuple(one)} and {tuple(next_one)}."
                )
    _refuse_unknown("types", [[span.type for span in row] for row in spans], types)
    return spans


def _start(span):
    return span.start


def _span(entity, text, position):
    try:
        span = Span(entity["type"], int(entity["start"]), int(entity["end"]))
    except (TypeError, KeyError, ValueError, IndexError):
        raise ValueError(
            f"Expected entities with start, end and type at position {position}, got "
            f"{str(entity)[:80]}."
        ) from None
    if not 0 <= span.start < span.end <= len(text):
        raise ValueError(
            f"Expected entities within the {len(text)} characters of the text at "
            f"position {position}, got {span.start} to {span.end}."
        )
    return span


def word_spans(spans, starts, ends):
    """Converts character spans to spans of all words that they overlap.

    Example:
        >>> word_spans([Span("LOC", 3, 11)], starts=[0, 3, 7], ends=[2, 6, 11])
        [Span(type='LOC', start=1, end=3)]
    """
    found = []
    word = 0
    for kind, start, end in spans:
        while word < len(starts) and ends[word] <= start:
            word += 1
        first = word
        while word < len(starts) and starts[word] < end:
            word += 1
        if word > first:
            found.append(Span(kind, first, word))
    return found


def _refuse_unknown(what, targets, known):
    unknown = Counter(name for row in targets for name in row if name not in known)
    if not unknown:
        return
    first = next(at for at, row in enumerate(targets) if not set(known).issuperset(row))
    shown = ", ".join(f"{name!r} ({count})" for name, count in unknown.most_common(8))
    raise ValueError(
        f"Expected {what} among {', '.join(sorted(known))}; got {shown}, the first at "
        f"position {first}. Name all labels when the task is made: "
        "kerasbert.tasks.labels_of(targets) finds them. Tags of another scheme are "
        "converted by kerasbert.tasks.convert_tags."
    )
