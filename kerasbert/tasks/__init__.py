"""What a user asks for: text, model, head and decoding in one object."""

from kerasbert.tasks.text_embedder import TextEmbedder as TextEmbedder
from kerasbert.tasks.token_embeddings import TokenEmbeddings as TokenEmbeddings
