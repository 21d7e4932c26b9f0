"""The page that goes with a reusable export."""

from kerasbert.export.model_card import facts_of, prompt_row

CARD = """\
# {name}

An encoder in TF Hub's form, to be used and fine-tuned: its weights are variables. It
needs TensorFlow and TF Text, and no kerasbert:

    import tensorflow as tf
    import tensorflow_hub as hub
    import tensorflow_text  # the operations of the preprocessor

    preprocessor = hub.load("{name}/preprocessor")
    encoder = hub.load("{name}")
    inputs = preprocessor(tf.constant(["hello world"]))
    encoder(inputs)["default"]  # float32 [1, {size}]

In a model of tf_keras it is `hub.KerasLayer("{name}", trainable=True)`, in one of
Keras 3 `keras.layers.TFSMLayer("{name}", call_endpoint="__call__",
call_training_endpoint="train")`. kerasbert reads the folder like any other source.

| | |
| --- | --- |
| encoder | {layers} layers, {hidden} wide, {heads} heads; {parameters:.1f} M weights |
| longest text | {max_length} tokens |
| pooling | {pooling} |
| similarity | {similarity} |{prompt}

| outputs | |
| --- | --- |
| `default` | the vector of a text, float32 [B, {size}] |
| `sequence_output` | vectors of the tokens, float32 [B, S, {hidden}] |
| `encoder_outputs` | those after each layer, {layers} of [B, S, {hidden}] |{pooled}
"""
POOLED = "\n| `pooled_output` | the pooler's vector of a text, float32 [B, {hidden}] |"


def reusable_card(embedder, name, max_length, prompt, has_pooler):
    """The card of a reusable export.

    Args:
        embedder: The `TextEmbedder`.
        name: The name of the folder.
        max_length: The longest text of the preprocessor, in tokens.
        prompt: What the preprocessor puts before every text.
        has_pooler: Whether there is a `pooled_output`.

    Returns:
        Markdown.
    """
    facts = facts_of(embedder)
    return CARD.format(
        **facts,
        name=name,
        max_length=max_length,
        prompt=prompt_row(prompt),
        pooled=POOLED.format(**facts) if has_pooler else "",
    )
