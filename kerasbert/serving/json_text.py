"""JSON parsing with the behavior of RapidJSON, which TF Serving uses."""

import json
import re

import numpy as np
import orjson

from kerasbert.serving.errors import ServingError, invalid_argument

__all__ = ["check_size", "parse_object", "quoted", "type_name"]

_LONGEST_QUOTE = 200  # characters of a value that an error quotes
_MESSAGES = (
    ("Extra data", "The document root must not be followed by other values."),
    ("Expecting property name", "Missing a name for object member."),
    (
        "Illegal trailing comma before end of object",
        "Missing a name for object member.",
    ),
    ("Expecting ':'", "Missing a colon after a name of object member."),
    ("Unterminated string", "Missing a closing quotation mark in string."),
    ("Invalid \\u", "Incorrect hex digit after \\u escape in string."),
    ("Invalid \\", "Invalid escape character in string."),
    ("Invalid control", "Invalid encoding in string."),
)
_OPENING = np.frombuffer(b",[{", np.uint8)
_CHUNK = 2**20  # bytes
# Strings are matched first, so that their content is unchanged.
_SPECIAL = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|-NaN|Inf(?!inity)', re.DOTALL)
_SURROGATE = re.compile(
    r"\\(?:u([dD][89abAB][0-9a-fA-F]{2})(\\u[dD][c-fC-F][0-9a-fA-F]{2})?"
    r"|u([dD][c-fC-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_MAY_OVERFLOW = re.compile(r"[eE]\+?[0-9]{3}|[0-9]{309}")
_TOO_BIG = "JSON Parse error: Number too big to be stored in double."


def check_size(body, most):
    """Raises an error (HTTP 413) if a body has too many values, before parsing."""
    if _count(body) > most and _count_outside_strings(body) > most:
        raise ServingError(
            "RESOURCE_EXHAUSTED",
            f"Expected at most {most} values in a request, got more. Send fewer at a "
            "time.",
            http_status=413,
        )


def _count(body):
    """Returns an upper bound of the number of values, which follow comma or bracket."""
    return body.count(b",") + body.count(b"[") + body.count(b"{")


def _count_outside_strings(body):
    body = body.replace(b"\\\\", b"  ").replace(b'\\"', b"  ")
    count, inside = 0, False
    for first in range(0, len(body), _CHUNK):
        part = np.frombuffer(body[first : first + _CHUNK], np.uint8)
        in_string = np.logical_xor.accumulate(part == ord('"')) ^ inside
        count += np.count_nonzero(np.isin(part, _OPENING) & ~in_string)
        inside = in_string[-1]
    return count


def parse_object(body):
    """Parses a JSON object.

    `NaN`, `Infinity`, `-Infinity`, `Inf`, `-Inf` and `-NaN` are numbers. Bytes that are
    not UTF-8 are preserved in strings as surrogate escapes. Raises a `ServingError` if
    the body is not a JSON object, or has duplicate keys.
    """
    if not body:
        raise invalid_argument("JSON Parse error: The document is empty")
    try:
        document = orjson.loads(body)
    except ValueError:  # malformed, or accepted by RapidJSON only
        document = _parse(body.decode("utf-8", "surrogateescape"))
    if not isinstance(document, dict):
        raise invalid_argument(f"JSON Value: {quoted(document)} Is not object")
    if any(body.count(name) > most for name, most in _expected(document).items()):
        _refuse_duplicates(body)
    return document


def _parse(text):
    text = text.removeprefix("\ufeff")
    try:
        document = _loads(text)
    except json.JSONDecodeError as error:
        document = _parse_special(text, error)
    except RecursionError:
        raise invalid_argument("JSON Parse error: Nested too deeply.") from None
    except ValueError:  # thousands of digits, or infinite
        raise invalid_argument(_TOO_BIG) from None
    if "\\u" in text:
        _check_surrogates(text)
    return document


def _loads(text):
    document = json.loads(text)
    if _MAY_OVERFLOW.search(text):  # Python would make it infinite
        return json.loads(text, parse_float=_finite, parse_int=_finite_integer)
    return document


def _finite(digits):
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise ValueError(digits[:9])
    return value


def _finite_integer(digits):
    _finite(digits)
    return int(digits)


def _parse_special(text, error):
    """Parses again, with spellings of numbers that Python's parser rejects."""
    standard = text
    if "-NaN" in text or "Inf" in text:
        standard = _SPECIAL.sub(_in_standard_spelling, text)
    if standard != text:
        try:
            return _loads(standard)
        except ValueError:
            pass  # the first error has the right offset
    offset = len(text[: error.pos].encode("utf-8", "surrogateescape"))
    raise invalid_argument(
        f"JSON Parse error: {_message(error)} at offset: {offset}"
    ) from None


def _in_standard_spelling(match):
    return {"-NaN": "NaN", "Inf": "Infinity"}.get(match[0], match[0])


def _check_surrogates(text):
    for high, low, alone in _SURROGATE.findall(text):
        if (high and not low) or alone:
            raise invalid_argument(
                "JSON Parse error: The surrogate pair in string is invalid."
            )


def _expected(document):
    """Returns how often the quoted keys of a document may occur."""
    counts = dict.fromkeys(document, 1)
    inputs = document.get("inputs")
    if isinstance(inputs, dict):
        for name in inputs:
            counts[name] = counts.get(name, 0) + 1
    for rows in (document.get("instances"), document.get("examples")):
        if isinstance(rows, list) and rows and isinstance(rows[0], dict):
            for name in rows[0]:
                counts[name] = counts.get(name, 0) + len(rows)
    return {
        b'"%b"' % name.encode("utf-8", "surrogatepass"): count
        for name, count in counts.items()
    }


def _refuse_duplicates(body):
    """Rejects duplicate keys: RapidJSON would use the first, other parsers the last."""

    def members(pairs):
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            name = next(name for name in names if names.count(name) > 1)
            raise invalid_argument(
                f"JSON Value: {quoted(name)} names more than one member of an object"
            )
        return found

    json.loads(
        body.decode("utf-8", "surrogateescape").removeprefix("\ufeff"),
        object_pairs_hook=members,
    )


def _message(error):
    """Returns RapidJSON's message for a `JSONDecodeError`."""
    if not error.doc.strip():
        return "The document is empty."
    if error.msg.startswith(("Expecting ','", "Extra data")):
        before, after = error.doc[error.pos - 1 : error.pos], error.doc[error.pos :][:1]
        if before.isdigit() and after == ".":
            return "Miss fraction part in number."
        if before.isdigit() and after in ("e", "E"):
            return "Miss exponent in number."
    if error.msg.startswith("Expecting ','"):
        if _is_in_array(error.doc[: error.pos]):
            return "Missing a comma or ] after an array element."
        return "Missing a comma or } after an object member."
    for theirs, ours in _MESSAGES:
        if error.msg.startswith(theirs):
            return ours
    return "Invalid value."


def _is_in_array(beginning):
    """Whether a truncated text ends in an array element."""
    try:
        json.loads(beginning + "]")
    except json.JSONDecodeError as error:
        return error.pos > len(beginning)
    return True


def quoted(value):
    """Formats a JSON value for an error message, up to 200 characters."""
    text = ""
    for piece in _pieces(value, "\n"):
        text += piece
        if len(text) > _LONGEST_QUOTE:
            return text[: _LONGEST_QUOTE - 3] + "..."
    return text


def _pieces(value, line):
    """Yields the text of a value lazily."""
    if isinstance(value, list | dict) and value:
        begin, end = "[]" if isinstance(value, list) else "{}"
        inner = line + " " * 4
        for index, item in enumerate(value):
            yield ("," if index else begin) + inner
            if isinstance(value, dict):
                yield from _pieces(item, inner)
                yield ": "
                item = value[item]
            yield from _pieces(item, inner)
        yield line + end
    elif isinstance(value, str):
        yield json.dumps(value[: _LONGEST_QUOTE + 1], ensure_ascii=False)
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) >> 999:
        yield "a number of hundreds of digits"
    else:
        yield json.dumps(value)


def type_name(value):
    """Returns the name of a JSON value's type."""
    if value is None:
        return "Null"
    if isinstance(value, bool):
        return str(value)
    names = {dict: "Object", list: "Array", str: "String"}
    return names.get(type(value), "Number")
