"""The signatures of an exported `TextEmbedder`."""

import keras
import tensorflow as tf

from kerasbert.export.packed_graph import packed_encoder
from kerasbert.export.precision import table_apart, with_precision
from kerasbert.export.products import products_of
from kerasbert.export.stand_ins import standing_in
from kerasbert.tasks.embedding.prompts import prompt_text
from kerasbert.tasks.embedding.token_embeddings import (
    chosen_layers,
    combination_of_layers,
)

SHORTEST_BUCKET = 16


class EmbedderSignatures:
    """Functions of tensors that compute what a `TextEmbedder` does.

    Each is named after a signature, and gives float32 outputs whose first axis is
    the batch.

    Args:
        embedder: A `kerasbert.TextEmbedder`.
        precision: A name of `kerasbert.export.precision.PRECISIONS`.
        max_length: The longest text in tokens.
        calibration: Texts for `"int8"`; by default those of
            `kerasbert.export.calibration_texts`.

    Raises:
        ValueError: If there is no such precision, or not in this TensorFlow.
    """

    def __init__(self, embedder, precision, max_length, calibration=None):
        self.tokenizer = embedder.tokenizer
        self.max_length = max_length
        self.prompt = prompt_text(None, embedder.prompts, embedder.default_prompt)
        self.head = embedder.model.head
        self.head_of = head_of(embedder, max_length)
        self.encoder, constants = with_precision(embedder.encoder, precision)
        head = [(weight, tf.constant(weight.numpy())) for weight in self.head.weights]
        self.constants = table_apart(self.encoder, constants) + head
        self.products = products_of(
            self.encoder,
            self.constants,
            precision,
            lambda texts: self._tokens(texts)[:2],
            calibration,
        )
        self._embed = self._packed(lambda states, mask: self.head_of(states[-1], mask))

    def text(self):
        """From `text` to `embedding` and `token_count`."""

        def of_text(text):
            token_ids, segment_ids, token_count = self._tokens(text)
            mask = _mask(token_ids)  # [B, S]
            embedding = self._embed(token_ids.values, segment_ids.values, mask, mask)
            return {"embedding": embedding, "token_count": token_count}

        return _function(of_text, text=tf.TensorSpec([None], tf.string))

    def tokens(self):
        """From the inputs of a model, prompt included, to `embedding`."""

        def of_tokens(token_ids, segment_ids, padding_mask):
            # Stacked, so that inputs of other shapes are refused.
            rows = tf.stack([token_ids, segment_ids, padding_mask], axis=-1)
            mask = tf.cast(rows[..., 2] != 0, tf.int32)  # [B, S]
            # Some poolings read the first slot, masked or not.
            first = tf.one_hot(
                tf.zeros_like(mask[:, 0]), tf.shape(mask)[1], dtype="int32"
            )
            packed = tf.maximum(mask, first)  # [B, S]
            token_ids, segment_ids, _ = tf.unstack(rows[packed > 0], axis=-1)  # [T]
            return {"embedding": self._embed(token_ids, segment_ids, packed, mask)}

        rows = tf.TensorSpec([None, None], tf.int32)
        return _function(of_tokens, token_ids=rows, segment_ids=rows, padding_mask=rows)

    def token_embeddings(self, layers, combine):
        """From `text` to its tokens, where they stand in it, and their vectors.

        Args:
            layers: Which hidden states, as in `TextEmbedder.encode_tokens`.
            combine: How they become one vector, as there.
        """
        chosen = chosen_layers(self.encoder.config, layers)
        compute = self._packed(combination_of_layers(chosen, combine))
        vocabulary = tf.constant(self.tokenizer.vocabulary)

        def of_text(text):
            ids, starts, ends = self.tokenizer.tokenize_with_offsets(text)
            token_ids, segment_ids = self.tokenizer.pack(ids, None, self.max_length)
            starts, ends = (
                self.tokenizer.pack_beside(values, self.max_length)
                for values in (starts, ends)
            )
            mask = _mask(token_ids)  # [B, S]
            vectors = compute(token_ids.values, segment_ids.values, mask, mask)
            inside = tf.cast(mask, "float32")[:, :, None]  # [B, S, 1]
            tokens = token_ids.with_values(tf.gather(vocabulary, token_ids.values))
            return {
                "token_embeddings": vectors * inside,
                "token_ids": token_ids.to_tensor(self.tokenizer.pad_token_id),
                "tokens": tokens.to_tensor(""),
                "starts": starts.to_tensor(),
                "ends": ends.to_tensor(),
                "token_count": self._count(ids),
            }

        return _function(of_text, text=tf.TensorSpec([None], tf.string))

    def xla(self):
        """From `text` to `embedding` and `token_count`, compiled by XLA.

        XLA compiles every shape anew, so rows and their number are padded to powers
        of two.
        """

        @tf.function(jit_compile=True, autograph=False)
        def compute(token_ids, segment_ids, padding_mask):
            with keras.StatelessScope(self.constants), standing_in(self.products):
                inputs = {
                    "token_ids": token_ids,
                    "segment_ids": segment_ids,
                    "padding_mask": padding_mask,
                }
                states = self.encoder(inputs)["sequence_output"]  # [B, S, D]
                return self.head_of(states, padding_mask)

        def of_text(text):
            token_ids, segment_ids, token_count = self._tokens(text)
            longest = tf.maximum(tf.reduce_max(token_ids.row_lengths()), 1)
            length = _power_of_two(longest, SHORTEST_BUCKET, self.max_length)
            count = tf.size(text, tf.int64)
            shape = tf.stack([_power_of_two(count, 1, tf.int64.max), length])
            embedding = compute(
                token_ids.to_tensor(shape=shape),
                segment_ids.to_tensor(shape=shape),
                tf.ones_like(token_ids).to_tensor(shape=shape),
            )
            return {"embedding": embedding[:count], "token_count": token_count}

        return _function(of_text, text=tf.TensorSpec([None], tf.string))

    def _packed(self, finish):
        return packed_encoder(self.encoder, self.constants, finish, self.products)

    def _tokens(self, text):
        if self.prompt:
            text = tf.strings.join([self.prompt, text])
        ids = self.tokenizer.tokenize(text)
        return *self.tokenizer.pack(ids, None, self.max_length), self._count(ids)

    def _count(self, ids):
        """Number of tokens of each text before it was cut, special tokens included."""
        special = self.tokenizer.num_special_tokens()
        return tf.cast(ids.row_lengths(), tf.int32) + special  # [B]


def head_of(embedder, max_length):
    """What an exported embedder makes of the hidden states: its head, and the cut.

    Where the model does not pool the tokens of a prompt, those of the default prompt
    are left out, with which every row of an export begins.

    Args:
        embedder: A `kerasbert.TextEmbedder`.
        max_length: The longest text in tokens.

    Returns:
        A function of sequence_output `[B, S, D]` and padding_mask `[B, S]`; it gives
        the embedding `[B, E]`.
    """
    head, size = embedder.model.head, embedder.size
    prompt = prompt_text(None, embedder.prompts, embedder.default_prompt)
    left_out = embedder.tokens_left_out(prompt, max_length)

    def compute(sequence_output, padding_mask):
        vectors = head(sequence_output, padding_mask, prompt_length=left_out)
        return vectors[:, :size] if embedder.truncate_dim else vectors  # [B, E]

    return compute


def _function(function, **specs):
    specs = [
        tf.TensorSpec(spec.shape, spec.dtype, name=name) for name, spec in specs.items()
    ]
    return tf.function(function, input_signature=specs, autograph=False)


def _mask(rows):
    """The padding mask `[B, S]` of ragged rows; S is at least 1."""
    lengths = tf.cast(rows.row_lengths(), tf.int32)  # [B]
    longest = tf.maximum(tf.reduce_max(lengths), 1)
    return tf.sequence_mask(lengths, longest, dtype=tf.int32)


def _power_of_two(size, least, most):
    """The power of two from `least` to `most` that is at least `size`, int64."""
    powers = tf.constant([1 << i for i in range(31)], tf.int64)
    power = powers[tf.searchsorted(powers, [tf.cast(size, tf.int64)])[0]]
    return tf.clip_by_value(power, least, most)
