"""Serving signatures of a `TextEmbedder`."""

import tensorflow as tf

from kerasbert.inference.serving_graph import mask_of, text_function
from kerasbert.tasks.embedding.token_embeddings import (
    chosen_layers,
    combination_of_layers,
)

SHORTEST_BUCKET = 16


def signatures(embedder, graph, token_layers=None, combine="concat", xla=False):
    """Returns the serving signatures, see `TextEmbedder.signatures`."""
    if xla and graph.precision == "int8":
        raise ValueError(
            "Expected no signature for XLA beside int8, which XLA does not multiply. "
            "Leave xla out, or export another model in float32 for it."
        )
    functions = {
        "serving_default": text_signature(embedder, graph),
        "tokens": tokens_signature(embedder, graph),
    }
    if token_layers is not None:
        functions["token_embeddings"] = token_embeddings_signature(
            embedder, graph, token_layers, combine
        )
    return {**functions, "xla": xla_signature(embedder, graph)} if xla else functions


def text_signature(embedder, graph):
    """The signature from `text` to `embedding` and `token_count`."""
    compute = graph.rows_function(vector_of(embedder, graph.model, graph.max_length))
    rows_of = _rows_of(embedder, graph)

    def of_text(text):
        rows = rows_of(text)
        embedding = compute(rows.token_ids, rows.segment_ids)
        return {"embedding": embedding, "token_count": rows.token_count}

    return text_function(of_text, "text")


def tokens_signature(embedder, graph):
    """The signature from model inputs, with prompt, to `embedding`."""
    compute = graph.function(vector_of(embedder, graph.model, graph.max_length))

    def of_tokens(token_ids, segment_ids, padding_mask):
        # Stacked, so that inputs of other shapes are refused.
        rows = tf.stack([token_ids, segment_ids, padding_mask], axis=-1)
        mask = tf.cast(rows[..., 2] != 0, tf.int32)  # [B, S]
        # Some poolings read the first slot, masked or not.
        first = tf.one_hot(tf.zeros_like(mask[:, 0]), tf.shape(mask)[1], dtype="int32")
        packed = tf.maximum(mask, first)  # [B, S]
        token_ids, segment_ids, _ = tf.unstack(rows[packed > 0], axis=-1)  # [T]
        return {"embedding": compute(token_ids, segment_ids, packed, mask)}

    names = ("token_ids", "segment_ids", "padding_mask")
    specs = [tf.TensorSpec([None, None], tf.int32, name=name) for name in names]
    return tf.function(of_tokens, input_signature=specs, autograph=False)


def token_embeddings_signature(embedder, graph, layers, combine):
    """The signature from `text` to tokens, offsets and token vectors."""
    chosen = chosen_layers(embedder.encoder.config, layers)
    compute = graph.rows_function(combination_of_layers(chosen, combine))
    preprocessor = embedder.preprocessor.with_length(graph.max_length)
    vocabulary = tf.constant(embedder.tokenizer.vocabulary)

    def of_text(text):
        token_ids, segment_ids, starts, ends, token_count = preprocessor.located(text)
        vectors = compute(token_ids, segment_ids)  # [B, S, ...]
        inside = tf.cast(mask_of(token_ids), "float32")  # [B, S]
        more = [1] * (len(vectors.shape) - 2)
        inside = tf.reshape(inside, tf.concat([tf.shape(inside), more], 0))
        tokens = token_ids.with_values(tf.gather(vocabulary, token_ids.values))
        return {
            "token_embeddings": vectors * inside,
            "token_ids": token_ids.to_tensor(embedder.tokenizer.pad_token_id),
            "tokens": tokens.to_tensor(""),
            "starts": starts.to_tensor(),
            "ends": ends.to_tensor(),
            "token_count": token_count,
        }

    return text_function(of_text, "text")


def xla_signature(embedder, graph):
    """The signature from `text` to `embedding`, compiled by XLA.

    XLA compiles every shape anew, so rows and their number are padded to powers of two.
    """
    compute = graph.compiled(vector_of(embedder, graph.model, graph.max_length))
    rows_of = _rows_of(embedder, graph)

    def of_text(text):
        rows = rows_of(text)
        longest = tf.maximum(tf.reduce_max(rows.token_ids.row_lengths()), 1)
        length = _power_of_two(longest, SHORTEST_BUCKET, graph.max_length)
        count = tf.size(text, tf.int64)
        shape = tf.stack([_power_of_two(count, 1, tf.int64.max), length])
        embedding = compute(
            rows.token_ids.to_tensor(shape=shape),
            rows.segment_ids.to_tensor(shape=shape),
            tf.ones_like(rows.token_ids).to_tensor(shape=shape),
        )
        return {"embedding": embedding[:count], "token_count": rows.token_count}

    return text_function(of_text, "text")


def vector_of(embedder, model, max_length):
    """Returns the function from hidden states to embeddings.

    Where the model does not pool the tokens of a prompt, those of the default prompt
    are left out, with which every row of an export begins.
    """
    left_out = embedder.tokens_left_out(embedder.prompt_of(), max_length)
    size = embedder.size if embedder.truncate_dim else None

    def compute(hidden_states, padding_mask):
        vectors = model.head(hidden_states[-1], padding_mask, prompt_length=left_out)
        return vectors if size is None else vectors[:, :size]  # [B, E]

    return compute


def facts(embedder):
    """Returns the rows of an embedder in a model card."""
    prompt = embedder.prompt_of()
    return {
        "vectors": f"{embedder.size} values, float32",
        "pooling": pooling_of(embedder),
        "similarity": embedder.similarity_fn_name,
        **({"put before every text": f"`{prompt}`"} if prompt else {}),
    }


def pooling_of(embedder):
    """Describes the pooling in words."""
    head = embedder.model.head
    said = [" and ".join(head.poolings)]
    if not head.include_prompt:
        said[0] += " of all but the prompt"
    for projection in head.projections:
        place = "before, " if projection.get("of") == "tokens" else ""
        if projection.get("kind", "dense") == "dense":
            said.append(
                f"{place}dense to {projection['units']}, {projection['activation']}"
            )
        else:
            said.append(place + projection["kind"].replace("_", " "))
    if head.normalize:
        said.append("length 1")
    if embedder.truncate_dim:
        said.append(f"the first {embedder.truncate_dim} values")
    return ", ".join(said)


def _rows_of(embedder, graph):
    preprocessor = embedder.preprocessor.with_length(graph.max_length)
    prompt = embedder.prompt_of()
    return lambda text: preprocessor(text, prompt)


def _power_of_two(size, least, most):
    """Rounds a size up to a power of two from `least` to `most`, int64."""
    powers = tf.constant([1 << i for i in range(31)], tf.int64)
    power = powers[tf.searchsorted(powers, [tf.cast(size, tf.int64)])[0]]
    return tf.clip_by_value(power, least, most)
