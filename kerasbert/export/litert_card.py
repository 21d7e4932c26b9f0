"""The page that goes with a model for LiteRT."""

from kerasbert.export.model_card import facts_of, prompt_row

CARD = """\
# {name}

A LiteRT model that gives vectors of {size} values for texts. It needs `ai-edge-litert`
and `tokenizers`, and no TensorFlow:

    pip install kerasbert[litert]

    import kerasbert
    embedder = kerasbert.LiteRTEmbedder("{name}")
    embedder.encode(["hello world"])  # float32 [1, {size}]

| | |
| --- | --- |
| encoder | {layers} layers, {hidden} wide, {heads} heads; {parameters:.1f} M weights |
| precision | {precision} |
| file | {megabytes:.1f} MB |
| longest text | {max_length} tokens |
| pooling | {pooling} |
| similarity | {similarity} |{prompt}

`model.tflite` takes one text: `token_ids`, `segment_ids` (zeros, for a single text) and
`padding_mask` (ones), int32 `[1, S]` each, where S is the number of its tokens: the
inputs are resized to it. It gives `embedding`, float32 `[1, {size}]`. An accelerator
that wants shapes to be fixed gets them from one resize to a length, and texts padded to
it with zeros in `padding_mask`. `tokenizer.json` is for the library `tokenizers`, in
any of its languages; it adds the special tokens.
"""


def litert_card(embedder, name, settings):
    """The model card of an embedder for LiteRT.

    Args:
        embedder: The `TextEmbedder`.
        name: The name of the folder.
        settings: What is written of it in the folder's settings.

    Returns:
        Markdown.
    """
    return CARD.format(
        **facts_of(embedder),
        name=name,
        precision=settings["precision"],
        megabytes=settings["model_bytes"] / 1e6,
        max_length=settings["max_length"],
        prompt=prompt_row(settings["prompt"]),
    )
