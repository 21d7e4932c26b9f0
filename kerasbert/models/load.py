"""Loading a model without knowing which one it is."""


def load_encoder(source, strict=False, **kwargs):
    """Loads the encoder of a checkpoint, BERT or ALBERT, whichever it holds.

    Args:
        source: As in `BertEncoder.from_pretrained`.
        strict: As there.
        **kwargs: As there.

    Returns:
        A `kerasbert.BertEncoder` or a `kerasbert.AlbertEncoder`.
    """
    from kerasbert.checkpoints.models import load
    from kerasbert.models.encoder import Encoder

    return load(Encoder, source, strict=strict, **kwargs)


def load_model(source, strict=False, **kwargs):
    """Loads a checkpoint with the heads that it holds.

    Args:
        source: As in `BertEncoder.from_pretrained`.
        strict: As there.
        **kwargs: As there.

    Returns:
        The model of `kerasbert.models` whose heads are those of the checkpoint, or
        an encoder where it has none.
    """
    from kerasbert.checkpoints.models import load

    return load(None, source, strict=strict, **kwargs)
