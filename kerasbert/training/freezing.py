"""Layers whose weights stay as they are."""


def freeze_layers(encoder, count):
    """Freezes the embeddings and the first layers of an encoder.

    Args:
        encoder: A `BertEncoder` or `AlbertEncoder`.
        count: Number of layers; 0: the embeddings alone.

    Raises:
        ValueError: If the encoder has fewer layers, or shares the weights of a layer
            with one that is not frozen, as ALBERT does.

    Example:
        >>> encoder = kerasbert.BertEncoder.from_pretrained(tiny_bert)
        >>> freeze_layers(encoder, 2)
        >>> [layer.name for layer in encoder.layers if not layer.trainable]
        ['embeddings', 'layer_0', 'layer_1']

    Reference:
        [Lee et al., 2019](https://arxiv.org/abs/1911.03090), section 3.
    """
    layers = encoder.layer_blocks
    if not 0 <= count <= len(layers):
        raise ValueError(
            f"Expected from 0 to {len(layers)} layers to freeze (the encoder's), got "
            f"{count}."
        )
    frozen = {id(block): block for blocks in layers[:count] for block in blocks}
    shared = [block for blocks in layers[count:] for block in blocks]
    if any(id(block) in frozen for block in shared):
        raise ValueError(
            f"Expected 0 or {len(layers)} layers to freeze, got {count}: these layers "
            "share their weights with others."
        )
    for layer in (encoder.embeddings, *frozen.values()):
        layer.trainable = False
