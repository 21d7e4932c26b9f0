"""Decoders: the logits of the next token, for whole rows and token by token."""

from typing import Any

import keras
from keras import ops

from kerasbert.layers import padding_bias
from kerasbert.models.model import Model


class Decoder(Model):
    """A functional model from tokens to the logits of those after them.

    A subclass makes the layers and lays the graph through them. `Continuation` runs
    the same layers token by token.

    Args:
        config: The configuration.
        embeddings: The layer of token and position embeddings.
        blocks: The decoder blocks, in order of execution.
        norm: The layer normalization after the blocks, or None.
        head: The layer from hidden states to logits.
        inputs: The symbolic inputs.
        logits: The symbolic output.
        **kwargs: `name` and `trainable` of a `keras.Model`.
    """

    encoder_size = None  # width of the encoder states, with cross-attention
    prefix_is_bidirectional = False  # whether tokens of a prompt see later ones in it

    def __init__(
        self,
        config: Any,
        embeddings: keras.Layer,
        blocks: Any,
        norm: keras.Layer | None,
        head: Any,
        inputs: Any,
        logits: Any,
        **kwargs: Any,
    ):
        super().__init__(inputs=inputs, outputs={"logits": logits}, **kwargs)
        self.dtype_policy = embeddings.dtype_policy
        self.config = config
        self.embeddings = embeddings
        self.blocks = list(blocks)
        self.norm = norm
        self.head = head

    @property
    def max_positions(self) -> int | None:
        """The longest sequence in tokens; None: there is no end."""
        return self.config.max_position_embeddings

    def embed(self, token_ids: Any, position_ids: Any, generated: bool = False) -> Any:
        """Embeds tokens at given positions.

        Args:
            token_ids: The tokens.
            position_ids: Their positions, `[Q]` or `[B, Q]`.
            generated: Whether they are new, or those of a prompt.

        Shapes:
            token_ids `[B, Q]` -> `[B, Q, D]`.
        """
        return self.embeddings(token_ids, position_ids)

    def logits_of(self, states: Any) -> Any:
        """Computes logits `[B, Q, V]` from the states of the last block."""
        return self.head(states if self.norm is None else self.norm(states))


class Continuation:
    """A batch of prompts that a decoder continues, with a key-value cache.

    The cache has a fixed size: the prompt and `length` new tokens. Prompts of other
    lengths are padded on the right; their padding is masked, and the positions of new
    tokens follow those of their prompt.

    Args:
        decoder: A `Decoder`.
        prompt: Token ids of the prompts, each with one token or more.
        prompt_mask: 1 for tokens and 0 for padding; None: there is no padding.
        encoder_states: Output of the encoder, for a decoder with cross-attention.
        encoder_mask: The mask of its rows.
        length: Maximum number of new tokens; a tensor where the backend takes one.

    Shapes:
        prompt and prompt_mask `[B, P]`, int32; encoder_states `[B, S, D]`,
        encoder_mask `[B, S]`.
    """

    def __init__(
        self,
        decoder: Decoder,
        prompt: Any,
        prompt_mask: Any = None,
        encoder_states: Any = None,
        encoder_mask: Any = None,
        length: Any = 64,
    ):
        rows = prompt.shape[0] or ops.shape(prompt)[0]
        self.offset = prompt.shape[1] or ops.shape(prompt)[1]
        self.decoder = decoder
        self.length = length
        self.beams = 1
        _check_length(decoder, self.offset, length)
        self._encoder_caches = [None] * len(decoder.blocks)
        self._encoder_bias = None
        if encoder_states is not None:
            self._encoder_bias = padding_bias(encoder_mask)  # [B, 1, 1, S]
            self._encoder_caches = [
                block.cross_attention.cache_of(encoder_states)
                for block in decoder.blocks
            ]
        self._bias, prompt_bias = None, None  # [B, 1, 1, K]
        counts = ops.zeros((rows,), "int32") + self.offset  # [B]
        if prompt_mask is not None:
            counts = ops.sum(ops.cast(prompt_mask, "int32"), axis=1)  # [B]
            mask = ops.cast(prompt_mask, "int32")
            self._bias = padding_bias(_lengthened(mask, rows, length, 1))
            prompt_bias = self._bias
        if decoder.prefix_is_bidirectional:
            mask = ops.ones_like(prompt) if prompt_mask is None else mask
            prompt_bias = padding_bias(_lengthened(mask, rows, length, 0))
        self._counts = counts[:, None]  # [B, 1]

        size = self.offset + length
        caches = [block.attention.empty_cache(rows, size) for block in decoder.blocks]
        states = decoder.embed(prompt, ops.arange(self.offset, dtype="int32"))
        causal = not decoder.prefix_is_bidirectional
        states, self.caches = self._blocks(states, caches, 0, prompt_bias, causal)
        last = ops.maximum(counts - 1, 0)[:, None, None]  # [B, 1, 1]
        states = ops.take_along_axis(states, last, axis=1)  # [B, 1, D]
        self.logits = decoder.logits_of(states)[:, 0]  # [B, V], of the first new token

    def repeat(self, beams: Any) -> Any:
        """Makes each row one of several beams that follow each other."""
        self.beams = beams
        self.caches = tuple(ops.repeat(cache, beams, axis=0) for cache in self.caches)
        self.logits = ops.repeat(self.logits, beams, axis=0)
        self._counts = ops.repeat(self._counts, beams, axis=0)
        if self._bias is not None:
            self._bias = ops.repeat(self._bias, beams, axis=0)

    def step(self, token_ids: Any, index: Any, caches: Any) -> Any:
        """Computes the logits after one more token in each row.

        Args:
            token_ids: The new tokens.
            index: How many new tokens came before them, a scalar.
            caches: The caches, from `caches` or the previous step.

        Shapes:
            token_ids `[B]` -> logits `[B, V]` of the next tokens, the updated caches.
        """
        positions = self._counts + index  # [B, 1]
        states = self.decoder.embed(token_ids[:, None], positions, generated=True)
        states, caches = self._blocks(states, caches, self.offset + index, self._bias)
        return self.decoder.logits_of(states)[:, 0], caches

    def _blocks(self, states, caches, position, bias, causal=True):
        updated = []
        for block, cache, encoder_cache in zip(
            self.decoder.blocks, caches, self._encoder_caches, strict=True
        ):
            states, cache = block.call_with_cache(
                states,
                cache,
                position,
                encoder_bias=self._encoder_bias,
                encoder_cache=encoder_cache,
                attention_bias=bias,
                causal=causal,
            )
            updated.append(cache)
        return states, tuple(updated)


def _lengthened(mask, rows, length, filler):
    """Appends columns for the new tokens to the mask of the prompts."""
    more = ops.zeros((rows, length), mask.dtype) + filler
    return ops.concatenate([mask, more], axis=1)  # [B, P + length]


def _check_length(decoder, prompt, length):
    most = decoder.max_positions
    known = isinstance(prompt, int) and isinstance(length, int)
    if most is not None and known and prompt + length > most:
        raise ValueError(
            f"Expected at most {most} tokens (the decoder's positions), got a prompt "
            f"of {prompt} and up to {length} new ones. Shorten the prompt, or pass a "
            f"max_length of at most {most - prompt}."
        )


def decoder_inputs(*names, encoder_size=None):
    """Creates the symbolic inputs of a decoder."""
    inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in names}
    if encoder_size is not None:
        inputs["encoder_states"] = keras.Input(
            (None, encoder_size), name="encoder_states"
        )
        inputs["encoder_mask"] = keras.Input(
            (None,), dtype="int32", name="encoder_mask"
        )
    return inputs
