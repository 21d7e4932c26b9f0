"""Encoding of Python strings for TensorFlow."""

import re

from kerasbert.account import quoted

_HALVES = re.compile("[\ud800-\udfff]")


def to_utf8(text: str | bytes) -> bytes:
    r"""Encodes a text as UTF-8; bytes are unchanged.

    Lone surrogates, as in scraped JSON, become U+FFFD, so that character offsets stay
    correct.

    Example:
        >>> to_utf8("a\ud83d").decode()
        'a\ufffd'
    """
    if isinstance(text, bytes):
        return text
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        return _HALVES.sub("\ufffd", text).encode("utf-8")


def as_utf8(texts) -> list[bytes]:
    """Encodes one or several texts; a `TypeError` names the position of others."""
    if isinstance(texts, str | bytes):
        texts = [texts]
    rows = []
    for position, text in enumerate(texts):
        if not isinstance(text, str | bytes):
            raise TypeError(
                f"Expected strings, got {type(text).__name__} at position {position}: "
                f"{quoted(text, 60)}."
            )
        rows.append(to_utf8(text))
    return rows


def replace_invalid(texts):
    """Strings in the TensorFlow graph, with U+FFFD for what is not UTF-8.

    Args:
        texts: string tensor of any shape.
    """
    import tensorflow as tf

    return tf.strings.unicode_transcode(
        texts, "UTF-8", "UTF-8", errors="replace", replacement_char=0xFFFD
    )
