"""Sentences of texts, with their places."""

import re

# A sentence ends with its line, or with a mark and what closes behind it, before a
# space; after full-width marks there is none.
END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*(?=\s)|(?<=[。！？])[」』”’）]*|\n+")
# Words whose dot ends no sentence.
SHORT = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|vs|etc|e\.g|i\.e|No|Jr|Sr)|\b[A-Z])\.$"
)


def sentences_of(text):
    """Splits a text into sentences.

    Args:
        text: A string.

    Returns:
        A list of (start, end) of each, in characters, without the spaces around it.

    Example:
        >>> text = "Mr. Li came. He left!"
        >>> [text[start:end] for start, end in sentences_of(text)]
        ['Mr. Li came.', 'He left!']
    """
    spans, start = [], 0
    for match in [*END.finditer(text), None]:
        end = len(text) if match is None else match.end()
        piece = text[start:end]
        if match is not None and SHORT.search(piece.rstrip()):
            continue
        if piece.strip():
            left = start + len(piece) - len(piece.lstrip())
            spans.append((left, left + len(piece.strip())))
        start = end
    return spans
