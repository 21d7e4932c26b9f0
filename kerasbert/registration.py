"""Registration of serializable classes with Keras, without importing Keras.

`keras.models.load_model` finds classes that are registered, which happens when their
module is imported. For `import kerasbert` to suffice, and still import nothing, an
import hook loads the modules with serializable classes right after Keras is imported;
or, if a module of kerasbert imports Keras, right after that module.
"""

import importlib
import importlib.abc
import sys
import threading

# Modules with serializable classes; they import Keras, but no backend.
MODULES = (
    "kerasbert.layers",
    "kerasbert.models",
    "kerasbert.tasks.text_classification.label_metrics",
    "kerasbert.tasks.masked_language_model.masking",
    "kerasbert.tasks.question_answering.loss",
    "kerasbert.text.tokenizer_layer",
    "kerasbert.training.adamw",
    "kerasbert.training.callbacks",
    "kerasbert.training.recipe",
    "kerasbert.training.similarity_losses",
)


class _AfterKeras(importlib.abc.MetaPathFinder):
    """Calls `load_serializable` once Keras and all modules that import it are complete.

    A module of kerasbert that imports Keras is itself only partially initialized at
    that point, so registration waits until it is done.
    """

    def __init__(self):
        self._keras_is_there = False
        self._unfinished = threading.local()  # imports of each thread

    def find_spec(self, name, path=None, target=None):
        if name != "keras" and not name.startswith("kerasbert."):
            return None
        # Skip hooks of earlier imports of kerasbert, too: they would recurse.
        others = [f for f in sys.meta_path if type(f).__module__ != __name__]
        found = (finder.find_spec(name, path, target) for finder in others)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_register(module):
                self._unfinished.count = getattr(self._unfinished, "count", 0) + 1
                try:
                    execute(module)
                finally:
                    self._unfinished.count -= 1
                self._keras_is_there |= name == "keras"
                ready = self._keras_is_there and not self._unfinished.count
                if ready and self in sys.meta_path:
                    sys.meta_path.remove(self)
                    load_serializable()

            spec.loader.exec_module = execute_and_register
        return spec


def load_serializable():
    """Imports all modules that define serializable classes."""
    for module in MODULES:
        importlib.import_module(module)


def register_with_keras():
    """Imports these modules if Keras is imported, else right after Keras is."""
    if sys.modules.get("keras") is not None:
        load_serializable()
    else:
        sys.meta_path.insert(0, _AfterKeras())
