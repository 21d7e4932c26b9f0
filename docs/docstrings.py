"""A Griffe extension: `Example:` of Keras' docstrings is `Examples:` of Griffe."""

import griffe


class KerasSections(griffe.Extension):
    """Renames the one section that Griffe's Google style calls otherwise."""

    def on_object(self, *, obj, **_):
        """Changes the docstring of an object before it is parsed."""
        if obj.docstring:
            obj.docstring.value = obj.docstring.value.replace(
                "\nExample:\n", "\nExamples:\n"
            )
