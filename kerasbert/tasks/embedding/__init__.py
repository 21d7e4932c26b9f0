"""Text embedding: inference, training and vector search."""

from typing import TYPE_CHECKING

from kerasbert.lazy import lazy_names

if TYPE_CHECKING:
    from kerasbert.tasks.embedding.search import semantic_search as semantic_search
    from kerasbert.tasks.embedding.text_embedder import TextEmbedder as TextEmbedder
    from kerasbert.tasks.embedding.token_embeddings import (
        TokenEmbeddings as TokenEmbeddings,
    )

_HOME = {
    "TextEmbedder": "kerasbert.tasks.embedding.text_embedder",
    "TokenEmbeddings": "kerasbert.tasks.embedding.token_embeddings",
    "semantic_search": "kerasbert.tasks.embedding.search",
}

__all__ = sorted(_HOME)

__getattr__, __dir__ = lazy_names(__name__, _HOME)
