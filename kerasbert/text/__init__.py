"""Text to ids and back, inside the TensorFlow graph."""

import importlib

_HOME = {
    "SentencePieceTokenizer": "kerasbert.text.sentencepiece",
    "SpecialTokens": "kerasbert.text.tokenizer_config",
    "Tokenizer": "kerasbert.text.tokenizer",
    "TokenizerConfig": "kerasbert.text.tokenizer_config",
    "WordPieceTokenizer": "kerasbert.text.wordpiece",
    "windows": "kerasbert.text.windows",
}

__all__ = sorted(_HOME)


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"module 'kerasbert.text' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *_HOME})
