"""Makes what Keras serialises of kerasbert known to Keras, as soon as Keras is there.

`keras.models.load_model` finds a class if it was registered, which happens where the
class is defined. So that `import kerasbert` alone is enough, and still loads nothing,
the modules that define such classes load right after Keras, whoever imports it.
"""

import importlib
import importlib.abc
import importlib.util
import sys

# All need Keras alone.
MODULES = (
    "kerasbert.layers",
    "kerasbert.models",
    "kerasbert.tasks.label_metrics",
    "kerasbert.tasks.masked_language_model.masking",
    "kerasbert.tasks.question_answering.loss",
    "kerasbert.text.tokenizer_layer",
    "kerasbert.training.adamw",
    "kerasbert.training.callbacks",
    "kerasbert.training.schedule",
    "kerasbert.training.similarity_losses",
)


class _AfterKeras(importlib.abc.MetaPathFinder):
    """Finds Keras as others do, and has it call back once it is loaded."""

    def find_spec(self, name, path=None, target=None):
        if name != "keras":
            return None
        sys.meta_path.remove(self)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            sys.meta_path.insert(0, self)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_register(module):
                execute(module)
                sys.meta_path.remove(self)
                load_serializable()

            spec.loader.exec_module = execute_and_register
        return spec


def load_serializable():
    """Loads all modules that define what Keras serialises."""
    for module in MODULES:
        importlib.import_module(module)


def register_with_keras():
    """Loads these modules now where Keras is there, else right after it."""
    if "keras" in sys.modules:
        load_serializable()
    else:
        sys.meta_path.insert(0, _AfterKeras())
