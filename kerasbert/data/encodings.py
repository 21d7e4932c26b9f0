"""Detection of the encoding of bytes that are not UTF-8, for error messages."""

import codecs
import unicodedata

__all__ = ["checked_encoding", "encoding_advice", "plausible_encodings"]

LEAST_SCORE = 0.55  # minimum share of plausible characters of a guess
WIDE = {  # which of four bytes are zero in ASCII text
    "utf-16-le": (0, 1, 0, 1),
    "utf-16-be": (1, 0, 1, 0),
    "utf-32-le": (0, 1, 1, 1),
    "utf-32-be": (1, 1, 1, 0),
}


def checked_encoding(encoding):
    """Returns Python's name of a text encoding; raises a `ValueError` if it is unknown.

    Example:
        >>> checked_encoding("GBK"), checked_encoding("Latin-1")
        ('gbk', 'iso8859-1')
    """
    try:
        found = codecs.lookup(encoding)
        "".encode(found.name)
    except (LookupError, ValueError, TypeError):
        raise ValueError(
            f"Expected an encoding such as utf-8, gb18030, big5, shift_jis or cp1252, "
            f"got {encoding!r}."
        ) from None
    return found.name


def encoding_advice(data):
    """Returns sentences that name the likely encodings of bytes, with excerpts."""
    guesses = plausible_encodings(data)
    if not guesses:
        return "It may be a binary file, or mix several encodings."
    shown = [f"--encoding {name} (reads {text!r})" for name, text in guesses[:3]]
    return f"Set its encoding; likely are {', or '.join(shown)}."


def plausible_encodings(data):
    """Returns the likely encodings of bytes, most likely first, with a decoded excerpt.

    Example:
        >>> plausible_encodings("这部电影很好看".encode("gbk"))[0]
        ('gb18030', '这部电影很好看')
        >>> plausible_encodings("Das war schön und gut".encode("cp1252"))[0]
        ('cp1252', 'Das war schön und gut')
    """
    for name, pattern in WIDE.items():
        if _is_wide(data, pattern) and (text := _decoded(data, name)):
            return [(name, _excerpt(text))]
    scores = []
    for name, score in _SCORES.items():
        text = _decoded(data, name)
        if text is not None:
            scores.append((score(text), name, _excerpt(text)))
    scores.sort(key=lambda found: -found[0])
    least = max(LEAST_SCORE, scores[0][0] - 0.2) if scores else 0
    return [(name, text) for score, name, text in scores if score >= least]


def _decoded(data, encoding):
    for cut in range(4):  # the last character may be incomplete
        try:
            return data[: len(data) - cut].decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def _excerpt(text, size=24):
    first = next((n for n, c in enumerate(text) if ord(c) > 127), 0)
    line = text.rfind("\n", 0, first) + 1
    start = max(line, first - size // 2)
    return text[start : start + size].split("\n")[0].strip()


def _is_wide(data, pattern):
    data = data[: len(data) // 4 * 4]
    if len(data) < 4:
        return False
    zeros = [data[index::4].count(0) * 4 / len(data) for index in range(4)]
    return all(
        share > 0.6 if zero else share < 0.2
        for share, zero in zip(zeros, pattern, strict=True)
    )


def _east_asian(encoding, leads, needed=None):
    """Returns a score: the share of characters that are common in an encoding."""

    def score(text):
        others = [c for c in text if ord(c) > 127]
        if not others:
            return 0
        if needed and sum(map(needed, others)) < 0.15 * len(others):
            return 0
        return sum(_is_common(c, encoding, leads) for c in others) / len(others)

    return score


def _is_common(character, encoding, leads):
    if "\u3000" <= character <= "\u303f" or "\uff00" <= character <= "\uff65":
        return True
    try:
        code = character.encode(encoding)
    except UnicodeEncodeError:
        return character in "“”‘’…—·"
    return len(code) == 2 and code[0] in leads


def _is_kana(character):
    return "\u3041" <= character <= "\u30fe"


def _western(text):
    """Scores non-ASCII letters and punctuation that are isolated among ASCII."""
    others = [n for n, c in enumerate(text) if ord(c) > 127]
    if not others:
        return 0
    fine = sum(
        (text[n].isalpha() or text[n] in "“”‘’…–—•€£°«»¿¡§©®½¼¾·\xa0´")
        and not (text[n - 1 : n] > "\x7f" and text[n + 1 : n + 2] > "\x7f")
        for n in others
    )
    return 0.9 * fine / len(others) if len(others) < 0.4 * len(text) else 0


def _cyrillic(text):
    others = [c for c in text if ord(c) > 127]
    lower = sum("а" <= c <= "я" for c in others)
    upper = sum("А" <= c <= "Я" for c in others)
    runs = sum(
        one > "\x7f" and two > "\x7f" for one, two in zip(text, text[1:], strict=False)
    )
    if not others or upper > lower or runs < len(others) / 2:
        return 0
    names = sum(unicodedata.name(c, "").startswith("CYRILLIC") for c in others)
    return 0.8 * names / len(others)


def _korean(text):
    # Common Hangul are hanzi in GB 2312, too: a few characters decide nothing.
    score = _east_asian("euc_kr", range(0xB0, 0xC9))(text)
    return score if sum(c > "\x7f" for c in text) > 8 else 0.9 * score


_SCORES = {
    "euc_kr": _korean,
    "gb18030": _east_asian("gb2312", range(0xB0, 0xD8)),
    "big5": _east_asian("big5", range(0xA4, 0xC7)),
    "shift_jis": _east_asian("euc_jp", range(0xA4, 0xD0), _is_kana),
    "euc_jp": _east_asian("euc_jp", range(0xA4, 0xD0), _is_kana),
    "cp1251": _cyrillic,
    "koi8_r": _cyrillic,
    "cp1252": _western,
    "latin-1": lambda text: 0.99 * _western(text),
}
