"""The signatures of an exported `TokenClassifier`."""

import tensorflow as tf

from kerasbert.export.task_graph import text_function
from kerasbert.tasks.token_classification.decoding import TagDecoder
from kerasbert.tasks.token_classification.words import WordPieces
from kerasbert.text.ragged import row_numbers

ROWS_AT_ONCE = 64


def token_classifier_signatures(task, graph):
    """From texts to entities, and to tags of words.

    Args:
        task: A `kerasbert.TokenClassifier`.
        graph: Its `TaskGraph`.

    Returns:
        `serving_default`, from `text` to the entities of each: `types` and `texts`,
        `starts` and `ends` in characters, `scores`, `[B, E]` each, of which the first
        `entity_count` are entities. `tags`, from `text` to its words: `words`, `tags`,
        `starts` and `ends`, and `word_count`. Both give `token_count`.
    """
    room = graph.max_length - graph.tokenizer.num_special_tokens()
    stride = min(task.stride, room - 1)
    pieces = WordPieces(graph.tokenizer, graph.max_length, stride)
    decoder = TagDecoder(task.scheme)
    labels = tf.constant(task.labels)  # [C]
    types = tf.constant(task.scheme.types)  # [C]

    def tagged(text):
        words = pieces.of_texts(text)
        logits = words.places.with_values(_logits(graph, words))  # [B, (words), C]
        return words, logits, decoder.tags(logits)

    def entities(text):
        words, logits, tags = tagged(text)
        found = decoder.entities(logits, tags)
        rows = tf.RaggedTensor.from_row_splits(
            tf.gather(types, found.labels), found.row_splits, validate=False
        )
        starts = rows.with_values(tf.gather(words.starts.values, found.first))
        ends = rows.with_values(tf.gather(words.ends.values, found.last))
        return {
            "types": rows.to_tensor(""),
            "texts": _substrings(text, starts, ends).to_tensor(""),
            "starts": starts.to_tensor(),
            "ends": ends.to_tensor(),
            "scores": rows.with_values(found.scores).to_tensor(),
            "entity_count": tf.cast(rows.row_lengths(), tf.int32),
            "token_count": words.token_count,
        }

    def tags(text):
        words, _, tags = tagged(text)
        names = words.places.with_values(tf.gather(labels, tags))
        return {
            "words": _substrings(text, words.starts, words.ends).to_tensor(""),
            "tags": names.to_tensor(""),
            "starts": words.starts.to_tensor(),
            "ends": words.ends.to_tensor(),
            "word_count": tf.cast(names.row_lengths(), tf.int32),
            "token_count": words.token_count,
        }

    return {
        "serving_default": text_function(entities, "text"),
        "tags": text_function(tags, "text"),
    }


def _logits(graph, words):
    """The logits of the words, `[N, C]`.

    A book has thousands of windows; what attention takes for all of them at once no
    machine has. Those beyond the first few, which most requests do not have, are
    computed in a loop, outside of which the weights are constants to the compiler.
    """
    rows = words.token_ids

    def compute(first):
        part = rows[first : first + ROWS_AT_ONCE]
        logits = graph.outputs(part, tf.zeros_like(part))["logits"]  # [W, S, C]
        inside = tf.sequence_mask(part.row_lengths(), tf.shape(logits)[1])
        return tf.boolean_mask(logits, inside)  # [T, C]

    logits = compute(0)
    _, logits = tf.while_loop(
        lambda first, logits: first < rows.nrows(),
        lambda first, logits: (
            first + ROWS_AT_ONCE,
            tf.concat([logits, compute(first)], axis=0),
        ),
        (tf.constant(ROWS_AT_ONCE, tf.int64), logits),
        shape_invariants=(tf.TensorShape([]), tf.TensorShape([None, logits.shape[1]])),
    )
    return tf.gather(logits, words.places.values)


def _substrings(text, starts, ends):
    """Parts of texts, by characters."""
    text = tf.strings.unicode_transcode(
        text, "UTF-8", "UTF-8", errors="replace", replacement_char=0xFFFD
    )
    texts = tf.gather(text, row_numbers(starts))
    parts = tf.strings.substr(
        texts, starts.values, ends.values - starts.values, unit="UTF8_CHAR"
    )
    return starts.with_values(parts)
