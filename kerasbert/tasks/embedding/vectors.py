"""Batched inference of an embedding model."""

import functools
from numbers import Integral

import numpy as np

from kerasbert.account import quoted
from kerasbert.inference.encoder_runner import EncoderRunner, batches_of_tokens
from kerasbert.models import SentenceEmbeddingModel
from kerasbert.processes import Portable
from kerasbert.tasks.embedding.preprocessor import mean_of_windows
from kerasbert.tasks.embedding.token_embeddings import (
    TokenEmbeddings,
    chosen_layers,
    combination_of_layers,
)
from kerasbert.tasks.examples import chunks_of_strings
from kerasbert.tasks.preprocessor import warn_of_truncation
from kerasbert.tasks.progress import track

BATCH_TOKENS = 4096


def sentence_model(model, *head):
    """Returns the model of an encoder and a head, or a model that has its own head."""
    if not hasattr(model, "encoder"):
        pooling, *others = head
        poolings = [pooling] if isinstance(pooling, str) else pooling
        return SentenceEmbeddingModel(model, poolings, *others)
    if head != ("mean", (), False, True):
        raise ValueError(
            "Expected an encoder where pooling, normalize, projections or "
            f"include_prompt are given, got a {type(model).__name__}, which has a head "
            "of its own. Pass its encoder."
        )
    return model


class VectorRunner(Portable):
    """Computes the vectors of texts and tokens.

    Args:
        model: A `kerasbert.models.SentenceEmbeddingModel`.
        preprocessor: An `EmbeddingPreprocessor`.
    """

    def __init__(self, model, preprocessor):
        self.model = model
        self.preprocessor = preprocessor

    def runner(self, left_out=0):
        """Returns the `EncoderRunner` for rows with unpooled prompt tokens."""
        finish = functools.partial(_embedding, self.model.head, left_out)
        return self._runner(left_out, lambda: finish)

    def texts(self, texts, prompt, long_texts, batch_tokens, show_progress, left_out):
        """Computes the vectors of texts."""
        run = self.runner(left_out)
        size = self.model.output["embedding"].shape[-1]
        max_length, chunk_size = self.preprocessor.max_length, self.preprocessor.chunk
        total = len(texts) if isinstance(texts, list) else None
        counts = []
        with track(total, show_progress, chunk_size) as advance:
            for chunk in chunks_of_strings(texts, chunk_size):
                rows = self.preprocessor.encode(chunk, prompt, long_texts)
                begins_text = np.diff(rows.texts, prepend=-1) > 0  # [rows]
                vectors = np.empty((len(rows.token_ids), size), "float32")
                for batch in batches_of_tokens(map(len, rows.token_ids), batch_tokens):
                    vectors[batch] = run([rows.token_ids[row] for row in batch])
                    advance(begins_text[batch].sum())
                if long_texts == "truncate":
                    counts += rows.token_count[rows.token_count > max_length].tolist()
                if len(vectors) > len(chunk):
                    normalize = self.model.head.normalize
                    vectors = mean_of_windows(vectors, rows.texts, normalize)
                yield vectors
        warn_of_long_texts(counts, max_length)

    def tokens(self, texts, layers, combine):
        """Computes the `TokenEmbeddings` of texts."""
        chosen = chosen_layers(self.model.encoder.config, layers)
        run = self._runner(
            (chosen, combine), lambda: combination_of_layers(chosen, combine)
        )
        tokenizer = self.preprocessor.tokenizer
        embeddings, counts = [], []
        for chunk in chunks_of_strings(texts, self.preprocessor.chunk):
            rows = self.preprocessor.run(self.preprocessor.located, chunk)
            vectors = [None] * len(chunk)
            for batch in batches_of_tokens(map(len, rows.token_ids), BATCH_TOKENS):
                states = run([rows.token_ids[row] for row in batch])  # [B, S, ...]
                for row, row_states in zip(batch, states, strict=True):
                    vectors[row] = row_states[: len(rows.token_ids[row])].copy()
            columns = (rows.token_ids, rows.starts, rows.ends, vectors)
            for ids, starts, ends, states in zip(*columns, strict=True):
                offsets = [*zip(starts.tolist(), ends.tolist(), strict=True)]
                tokens = tokenizer.tokens(ids.tolist())
                embeddings.append(TokenEmbeddings(tokens, offsets, states))
            counts += rows.token_count.tolist()
        warn_of_long_texts(counts, self.preprocessor.max_length)
        return embeddings

    @functools.cached_property
    def _runners(self):
        return {}

    def _runner(self, key, finish):
        if key not in self._runners:
            self._runners[key] = EncoderRunner(self.model, finish())
        return self._runners[key]


def warn_of_long_texts(token_count, max_length):
    """Warns if texts were truncated, and how to embed them completely."""
    warn_of_truncation(
        token_count,
        max_length,
        remedy="max_length changes the limit, up to the model's positions; "
        "encode(..., long_texts='windows') embeds texts whole",
    )


def checked_size(size, largest):
    """Validates the size to truncate embeddings to."""
    if size is None:
        return None
    if not isinstance(size, Integral) or not 1 <= size <= largest:
        raise ValueError(
            f"Expected truncate_dim from 1 to {largest} (the values of a vector), got "
            f"{quoted(size)}."
        )
    return int(size)


def cut(vectors, size, normalize):
    """Truncates vectors, and scales them to unit length if requested."""
    vectors = vectors[:, :size]
    if not normalize:
        return vectors
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def _embedding(head, left_out, hidden_states, padding_mask):
    return head(hidden_states[-1], padding_mask, prompt_length=left_out)  # [B, E]
