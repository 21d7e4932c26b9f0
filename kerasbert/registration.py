"""Makes what Keras serialises of kerasbert known to Keras, as soon as Keras is there.

`keras.models.load_model` finds a class if it was registered, which happens where the
class is defined. So that `import kerasbert` alone is enough, and still loads nothing,
the modules that define such classes load right after Keras, whoever imports it; or, if
a module of kerasbert does, right after that one.
"""

import importlib
import importlib.abc
import sys
import threading

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
    "kerasbert.training.recipe",
    "kerasbert.training.similarity_losses",
)


class _AfterKeras(importlib.abc.MetaPathFinder):
    """Calls `load_serializable` once Keras is loaded and no module of ours is half so.

    Whichever module of kerasbert imports Keras first is not complete when Keras is:
    what it defines cannot be imported from it yet. So the modules wait for its end.
    """

    def __init__(self):
        self._keras_is_there = False
        self._unfinished = threading.local()  # imports of each thread

    def find_spec(self, name, path=None, target=None):
        if name != "keras" and not name.startswith("kerasbert."):
            return None
        # Not those of an earlier import of kerasbert either, which would ask this one.
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
    """Loads all modules that define what Keras serialises."""
    for module in MODULES:
        importlib.import_module(module)


def register_with_keras():
    """Loads these modules now where Keras is there, else right after it."""
    if sys.modules.get("keras") is not None:
        load_serializable()
    else:
        sys.meta_path.insert(0, _AfterKeras())
