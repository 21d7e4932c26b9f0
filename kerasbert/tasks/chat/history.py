"""What was said before a reply."""

from kerasbert.account import quoted
from kerasbert.inputs import is_dataset


def turns_of(history):
    """Returns the turns of a history: a string is one turn.

    Raises a `TypeError` for what is neither a string nor a list of strings.
    """
    if isinstance(history, str):
        return [history]
    turns = list(history) if isinstance(history, list | tuple) else None
    if not turns or not all(isinstance(turn, str) for turn in turns):
        raise TypeError(
            "Expected what was said before, a string or a list of strings, the last "
            f"one said last, got {quoted(history, 80)}."
        )
    return turns


def histories(inputs):
    """Returns a list of lists of turns."""
    if isinstance(inputs, str) or is_dataset(inputs):
        raise TypeError(
            f"Expected a list of histories, got {type(inputs).__name__}. One history "
            'is a list of one: [["hello", "hi, who are you?"]].'
        )
    return [turns_of(history) for history in inputs]
