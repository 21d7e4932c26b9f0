"""BERT and ALBERT for TensorFlow and Keras 3.

Published weights in any container go in; a plain functional `keras.Model` comes
out. Importing this package loads nothing else: a name loads when it is first used,
so that layers and models work where TensorFlow is not installed.
"""

import importlib

from kerasbert.version import __version__

_HOME = {
    "AlbertConfig": "kerasbert.config",
    "AlbertEncoder": "kerasbert.models",
    "BertConfig": "kerasbert.config",
    "BertEncoder": "kerasbert.models",
    "LiteRTEmbedder": "kerasbert.litert",
    "MaskedLM": "kerasbert.tasks",
    "QuestionAnswerer": "kerasbert.tasks",
    "Recipe": "kerasbert.training",
    "TextClassifier": "kerasbert.tasks",
    "TextEmbedder": "kerasbert.tasks",
    "TextRegressor": "kerasbert.tasks",
    "TokenClassifier": "kerasbert.tasks",
    "Tokenizer": "kerasbert.text",
    "load": "kerasbert.tasks",
    "load_encoder": "kerasbert.models",
}

__all__ = ["__version__", *sorted(_HOME)]


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"module 'kerasbert' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *_HOME})
