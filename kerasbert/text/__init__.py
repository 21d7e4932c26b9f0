"""Tokenizers inside the TensorFlow graph: text to token ids and back."""

from typing import TYPE_CHECKING

from kerasbert.lazy import lazy_names

if TYPE_CHECKING:
    from kerasbert.text.sentencepiece import (
        SentencePieceTokenizer as SentencePieceTokenizer,
    )
    from kerasbert.text.tokenizer import Tokenizer as Tokenizer
    from kerasbert.text.tokenizer_config import SpecialTokens as SpecialTokens
    from kerasbert.text.tokenizer_config import TokenizerConfig as TokenizerConfig
    from kerasbert.text.windows import windows as windows
    from kerasbert.text.wordpiece import WordPieceTokenizer as WordPieceTokenizer

_HOME = {
    "SentencePieceTokenizer": "kerasbert.text.sentencepiece",
    "SpecialTokens": "kerasbert.text.tokenizer_config",
    "Tokenizer": "kerasbert.text.tokenizer",
    "TokenizerConfig": "kerasbert.text.tokenizer_config",
    "WordPieceTokenizer": "kerasbert.text.wordpiece",
    "windows": "kerasbert.text.windows",
}

__all__ = sorted(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
