"""The page that goes with an exported model."""

CARD = """\
# {name}

A SavedModel that takes raw text and gives vectors of {size} values. It needs nothing
but TensorFlow and the operations of TF Text, which TF Serving links.

| | |
| --- | --- |
| encoder | {layers} layers, {hidden} wide, {heads} heads; {parameters:.1f} M weights |
| precision | {precision} |
| longest text | {max_length} tokens; `token_count` tells how many a text has |
| pooling | {pooling} |

| signature | inputs | outputs |
| --- | --- | --- |
| `serving_default` | `text` | `embedding`, `token_count` |
| `tokens` | `token_ids`, `segment_ids`, `padding_mask` | `embedding` |

`text` is string [B]; the inputs of `tokens` are int32 [B, S] each; `embedding` is
float32 [B, {size}], `token_count` int32 [B].

    curl -d '{{"instances": ["hello world"]}}' \\
      http://localhost:8501/v1/models/{name}:predict

Batching on the server is safe: texts are strings, and padding is made in the graph.
`batching_params.pbtxt` holds settings for `--enable_per_model_batching_parameters`.
"""


def model_card(embedder, name, precision, max_length):
    """The model card of an exported embedder.

    Args:
        embedder: The `TextEmbedder`.
        name: The name that it is served under.
        precision: The precision of its encoder.
        max_length: The longest text, in tokens.

    Returns:
        Markdown.
    """
    config = embedder.encoder.config
    head = embedder.model.head
    pooling = " and ".join(head.poolings) + (", length 1" if head.normalize else "")
    return CARD.format(
        name=name,
        size=embedder.size,
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        heads=config.num_attention_heads,
        parameters=embedder.encoder.count_params() / 1e6,
        precision=precision,
        max_length=max_length,
        pooling=pooling,
    )
