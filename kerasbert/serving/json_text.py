"""JSON as RapidJSON reads and quotes it, which is what TF Serving's clients meet."""

import json

from kerasbert.serving.errors import invalid_argument

__all__ = ["parse_object", "quoted", "type_name"]

_LONGEST_QUOTE = 1000  # characters of a value that an error repeats
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


def parse_object(body):
    """Reads a JSON object.

    Bytes that are not UTF-8 pass: they stay what they are inside strings, as
    surrogates that encode back to them.

    Args:
        body: Bytes.

    Returns:
        A dictionary.

    Raises:
        ServingError: If it is not JSON, or no object.
    """
    if not body:
        raise invalid_argument("JSON Parse error: The document is empty")
    text = body.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        offset = len(text[: error.pos].encode("utf-8", "surrogateescape"))
        raise invalid_argument(
            f"JSON Parse error: {_message(error)} at offset: {offset}"
        ) from None
    except RecursionError:
        raise invalid_argument("JSON Parse error: Nested too deeply.") from None
    except ValueError:  # thousands of digits
        raise invalid_argument(
            "JSON Parse error: Number too big to be stored in double."
        ) from None
    if not isinstance(document, dict):
        raise invalid_argument(f"JSON Value: {quoted(document)} Is not object")
    return document


def _message(error):
    """RapidJSON's words for what a `JSONDecodeError` says."""
    if not error.doc.strip():
        return "The document is empty."
    if error.msg.startswith("Expecting ','"):
        if _is_in_array(error.doc[: error.pos]):
            return "Missing a comma or ] after an array element."
        return "Missing a comma or } after an object member."
    for theirs, ours in _MESSAGES:
        if error.msg.startswith(theirs):
            return ours
    return "Invalid value."


def _is_in_array(beginning):
    """Whether a value that the text ends with is an element: a bracket may follow."""
    try:
        json.loads(beginning + "]")
    except json.JSONDecodeError as error:
        return error.pos > len(beginning)
    return True


def quoted(value):
    """A JSON value as an error repeats it; the end of a long one is left out."""
    text = json.dumps(value, indent=4, ensure_ascii=False)
    return text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "..."


def type_name(value):
    """The name of a JSON value's type."""
    if value is None:
        return "Null"
    if isinstance(value, bool):
        return str(value)
    names = {dict: "Object", list: "Array", str: "String"}
    return names.get(type(value), "Number")
