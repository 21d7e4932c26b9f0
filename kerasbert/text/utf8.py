"""The one way in which strings become bytes that TensorFlow takes."""

import re

from kerasbert.account import quoted

_HALVES = re.compile("[\ud800-\udfff]")


def to_utf8(text: str | bytes) -> bytes:
    r"""A text as UTF-8.

    Half a surrogate pair, as scraped JSON has it, is no character. Each becomes U+FFFD,
    so that offsets in characters stay true.

    Args:
        text: a string; bytes stay as they are.

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
    """Texts as UTF-8; one string is taken as a list of one.

    Args:
        texts: an iterable of strings or bytes.

    Raises:
        TypeError: something in it is no string; the message says where.
    """
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
