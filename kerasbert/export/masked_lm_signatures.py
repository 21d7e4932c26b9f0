"""The signature of an exported `MaskedLM`."""

import tensorflow as tf

from kerasbert.export.task_graph import text_function

TOP_K = 5  # tokens of a mask


def masked_lm_signatures(task, graph):
    """From texts with masks to the likeliest tokens of each mask.

    Args:
        task: A `kerasbert.MaskedLM`.
        graph: Its `TaskGraph`.

    Returns:
        `serving_default`, of `text`; it gives for each text the `tokens` and their
        `scores` `[B, M, K]`, with M the most masks of a text of the batch, the
        likeliest first; `mask_count`, how many masks each text has, those that were
        cut not among them; and `token_count`. Where a text has fewer masks, tokens
        are empty and scores 0.
    """
    tokenizer = task.tokenizer
    count = min(TOP_K, tokenizer.vocabulary_size)
    vocabulary = tf.constant(tokenizer.vocabulary)  # [V]

    def of_texts(text):
        pieces = tokenizer.tokenize(text)
        token_ids, segment_ids = tokenizer.pack(pieces, None, graph.max_length)
        is_mask = tf.ragged.map_flat_values(
            tf.equal, token_ids, tokenizer.mask_token_id
        )
        places = tf.where(is_mask.to_tensor(False))  # [P, 2]
        outputs = graph.outputs_at(token_ids, segment_ids, places)
        # The model may have more tokens, that stand for nothing.
        probs = tf.nn.softmax(outputs["mlm_logits"])[:, : len(tokenizer.vocabulary)]
        scores, best = tf.math.top_k(probs, count)  # [P, K] each
        tokens = tf.gather(vocabulary, best)  # [P, K]
        mask_count = tf.reduce_sum(tf.cast(is_mask, tf.int32), axis=1)  # [B]

        def by_text(values, filler):
            rows = tf.RaggedTensor.from_row_lengths(values, mask_count)
            return rows.to_tensor(filler, shape=[None, None, count])  # [B, M, K]

        return {
            "tokens": by_text(tokens, ""),
            "scores": by_text(scores, 0.0),
            "mask_count": mask_count,
            "token_count": tf.cast(pieces.row_lengths(), tf.int32)
            + tokenizer.num_special_tokens(),
        }

    return {"serving_default": text_function(of_texts, "text")}
