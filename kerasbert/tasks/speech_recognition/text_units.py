"""Units of text that a recognizer hears: characters, or words."""

import tensorflow as tf

from kerasbert.account import quoted

KINDS = ("characters", "words")


class TextUnits:
    """Converts texts to numbers of units and back; 0 is no unit.

    Args:
        vocabulary: The units, whose numbers begin with 1.
        kind: `"characters"` or `"words"`.
    """

    def __init__(self, vocabulary, kind):
        if kind not in KINDS:
            raise ValueError(
                f"Expected units to be {' or '.join(KINDS)}, got {quoted(kind)}."
            )
        self.vocabulary = [str(unit) for unit in vocabulary]
        self.kind = kind
        self._numbers = {unit: n for n, unit in enumerate(self.vocabulary, 1)}

    def numbers(self, text, where):
        """Converts a text to a list of numbers; `where` names it in messages."""
        units = split(text, self.kind)
        unknown = [unit for unit in units if unit not in self._numbers]
        if unknown:
            raise ValueError(
                f"Expected {self.kind} of the vocabulary in the text {where}, got "
                f"{quoted(unknown[0])}. The model knows "
                f"{quoted(' '.join(self.vocabulary), 80)}."
            )
        if not units:
            raise ValueError(
                f"Expected a text {where}, got an empty one. Take the recording out."
            )
        return [self._numbers[unit] for unit in units]

    def words(self, numbers, times):
        """Joins units with times to words with times."""
        words, joined = [], False
        for number, (start, end) in zip(numbers, times, strict=True):
            unit = self.vocabulary[number - 1]
            if unit == " ":
                joined = False
            elif joined and self.kind == "characters":
                words[-1]["word"] += unit
                words[-1]["end"] = end
            else:
                words.append({"word": unit, "start": start, "end": end})
                joined = True
        return words

    def texts(self, numbers):
        """Converts rows of numbers to texts, in the graph.

        Shapes:
            int32 `[B, U]`, padded with 0 -> string `[B]`.
        """
        before = " " if self.kind == "words" else ""
        symbols = tf.constant(["", *(before + unit for unit in self.vocabulary)])
        text = tf.strings.reduce_join(tf.gather(symbols, numbers), axis=1)  # [B]
        return tf.strings.regex_replace(tf.strings.strip(text), " +", " ")


def split(text, kind):
    """Splits a text into units."""
    words = text.split()
    return words if kind == "words" else list(" ".join(words))
