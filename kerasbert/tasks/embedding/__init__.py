"""Text to vectors: the embedder, its training, and search among vectors."""

from kerasbert.tasks.embedding.search import semantic_search as semantic_search
from kerasbert.tasks.embedding.text_embedder import TextEmbedder as TextEmbedder
from kerasbert.tasks.embedding.token_embeddings import (
    TokenEmbeddings as TokenEmbeddings,
)
