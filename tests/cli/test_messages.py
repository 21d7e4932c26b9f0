import warnings

import keras
import pytest

from kerasbert.cli.messages import one_line, warnings_as_lines


class Picky(keras.layers.Layer):
    def call(self, inputs):
        raise ValueError("Expected ids below 120, got 500.\nUse the right vocabulary.")


def test_of_what_keras_makes_of_an_error_the_error_remains():
    with pytest.raises(ValueError, match="Exception encountered") as caught:
        Picky()(keras.ops.zeros([2, 3]))
    assert one_line(str(caught.value)) == (
        "Expected ids below 120, got 500. Use the right vocabulary."
    )


def test_colours_and_line_ends_go():
    message = "\x1b[1mThe tensors:\x1b[0m\n  one (2, 3)\n\n  two (4,)\nand more."
    assert one_line(message) == "The tensors: one (2, 3); two (4,); and more."


def test_a_warning_is_shown_once_and_in_one_line(capsys):
    with warnings_as_lines():
        for _ in range(3):
            warnings.warn("first\n  second", stacklevel=1)
        warnings.warn("another", stacklevel=1)
    assert capsys.readouterr().err == (
        "kerasbert: warning: first; second\nkerasbert: warning: another\n"
    )
