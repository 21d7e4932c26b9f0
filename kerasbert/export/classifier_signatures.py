"""The signatures of an exported `TextClassifier`, and of a `TextRegressor`."""

import tensorflow as tf

from kerasbert.export.task_graph import text_function


def classifier_signatures(task, graph):
    """From texts, or pairs of them, to labels and scores.

    Args:
        task: A `kerasbert.TextClassifier`.
        graph: Its `TaskGraph`.

    Returns:
        `serving_default`, of `text`, or of `text` and `pair` where the classifier was
        trained on pairs; it gives `label` and `score` `[B]`, the best, and `labels`
        and `scores` `[B, C]`, all; `token_count`. A classifier with `multi_label`
        gives `labels` that are empty where the text does not have them, and no best.
    """
    names = tf.constant(task.labels)  # [C]
    activations = {"softmax": tf.nn.softmax, "sigmoid": tf.sigmoid}
    activation = activations.get(task.activation, tf.identity)

    def of_texts(text, pair=None):
        outputs, token_count = graph.of_texts(text, pair)
        logits = outputs["logits"]  # [B, C]
        count = tf.shape(logits)[0]
        every = tf.repeat(names[None, :], count, axis=0)  # [B, C]
        scores = activation(logits)  # [B, C]
        if task.multi_label:
            labels = tf.where(scores >= task.threshold, every, "")
            answer = {"labels": labels, "scores": scores}
        else:
            label = tf.gather(names, tf.argmax(scores, axis=-1))  # [B]
            score = tf.reduce_max(scores, axis=-1)  # [B]
            answer = {"label": label, "score": score, "labels": every, "scores": scores}
        return {**answer, "token_count": token_count}

    return {"serving_default": text_signature(task, of_texts)}


def regressor_signatures(task, graph):
    """From texts, or pairs of them, to scores.

    Args:
        task: A `kerasbert.TextRegressor`.
        graph: Its `TaskGraph`.

    Returns:
        `serving_default`, of `text`, or of `text` and `pair` where the regressor was
        trained on pairs; it gives `score` `[B]` and `token_count`.
    """

    def of_texts(text, pair=None):
        outputs, token_count = graph.of_texts(text, pair)
        score = task.scores_of(outputs["logits"][:, 0])  # [B]
        return {"score": score, "token_count": token_count}

    return {"serving_default": text_signature(task, of_texts)}


def text_signature(task, function):
    """A signature of `text`, or of `text` and `pair` where a task takes pairs.

    Args:
        task: A task with the attribute `pairs`.
        function: Function of one or two string tensors `[B]`.
    """
    return text_function(function, *(("text", "pair") if task.pairs else ("text",)))
