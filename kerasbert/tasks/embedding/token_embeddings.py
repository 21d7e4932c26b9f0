"""Embeddings of tokens and words."""

from collections.abc import Iterable
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from keras import ops


class TokenEmbeddings(NamedTuple):
    """The vectors of a text's tokens.

    Args:
        tokens: The tokens, `[CLS]` and `[SEP]` included.
        offsets: Where each token stands in the text: the first character and the one
            after the last. Special tokens stand at `(0, 0)`.
        vectors: float32 array `[S, D]`; `[S, K, D]` for K stacked layers.
    """

    tokens: list[str]
    offsets: list[tuple[int, int]]
    vectors: np.ndarray

    def words(self) -> Any:
        """Returns the vectors of words, averaged over their tokens.

        Pieces belong to one word where the tokenizer split it: `##` begins a piece
        that continues a word in WordPiece, `▁` one that does not in SentencePiece,
        where punctuation is part of the word before it.

        Returns:
            `TokenEmbeddings` whose tokens are the pieces of a word, joined; special
            tokens are left out.
        """
        wordpiece = any(token.startswith("##") for token in self.tokens)
        sentencepiece = not wordpiece and any(t.startswith("▁") for t in self.tokens)
        groups = []
        for index, (start, end) in enumerate(self.offsets):
            if start == end:
                continue
            token = self.tokens[index]
            touches = groups and self.offsets[groups[-1][-1]][1] == start
            if sentencepiece:
                continues = touches and not token.startswith("▁")
            else:
                continues = groups and token.startswith("##")
            if continues:
                groups[-1].append(index)
            else:
                groups.append([index])
        shape = self.vectors.shape[1:]
        return TokenEmbeddings(
            tokens=["".join(_surface(self.tokens[i]) for i in g) for g in groups],
            offsets=[(self.offsets[g[0]][0], self.offsets[g[-1]][1]) for g in groups],
            vectors=np.array(
                [self.vectors[g].mean(axis=0) for g in groups], "float32"
            ).reshape(-1, *shape),
        )


def _surface(token):
    return token.removeprefix("##").removeprefix("▁")


# From the hidden states `[B, S, D]` of K layers to one tensor.
COMBINATIONS = {
    "concat": lambda states: ops.concatenate(states, axis=-1),  # [B, S, K * D]
    "sum": lambda states: sum(states[1:], states[0]),  # [B, S, D]
    "mean": lambda states: sum(states[1:], states[0]) / len(states),  # [B, S, D]
    "stack": lambda states: ops.stack(states, axis=-2),  # [B, S, K, D]
}


def chosen_layers(config, layers):
    """Resolves layer indices to non-negative ones."""
    count = config.num_hidden_layers + 1
    if isinstance(layers, str) and layers == "all":
        return tuple(range(count))
    given = list(layers) if isinstance(layers, Iterable) else [layers]
    known = range(-count, count)
    if not given or not all(isinstance(n, Integral) and n in known for n in given):
        raise ValueError(
            f"Expected layers from 0 (the embeddings) to {count - 1} (the last), -1 "
            f"for the last and so on, or 'all'; got {layers!r}."
        )
    return tuple(int(layer) % count for layer in given)


def combination_of_layers(layers, combine):
    """Returns a function that combines the hidden states of layers."""
    if combine not in COMBINATIONS:
        raise ValueError(
            f"Expected combine to be one of {', '.join(COMBINATIONS)}, got {combine!r}."
        )

    def finish(hidden_states, padding_mask):
        states = [ops.cast(hidden_states[layer], "float32") for layer in layers]
        return COMBINATIONS[combine](states)

    return finish
