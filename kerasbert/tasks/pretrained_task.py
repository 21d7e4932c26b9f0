"""The parts of a task from a published model: encoder, head and tokenizer."""

import re
import warnings

from kerasbert.models import load_encoder

# What transformers and others call classes that nobody has named.
UNNAMED = re.compile(r"(LABEL_)?\d+")


def load_parts(source):
    """What a source holds.

    Args:
        source: As in `BertEncoder.from_pretrained`.

    Returns:
        Its folder, its `Checkpoint`, and its `kerasbert.Tokenizer`.
    """
    from kerasbert.checkpoints import read_checkpoint
    from kerasbert.checkpoints.sources import resolve
    from kerasbert.text import Tokenizer

    folder = resolve(source)
    return folder, read_checkpoint(folder), Tokenizer.from_pretrained(folder)


def model_with_labels(
    model_class, folder, checkpoint, labels=None, dropout=None, dtype=None
):
    """A classification model, with the head of a checkpoint or a new one.

    Args:
        model_class: `SequenceClassificationModel` or `TokenClassificationModel`.
        folder: The folder of the checkpoint.
        checkpoint: The `Checkpoint`.
        labels: Names of the classes; None: those of the checkpoint.
        dropout: Dropout rate of what a new head takes; None: 0.1.
        dtype: A dtype policy of the encoder.

    Raises:
        ValueError: If nobody names classes.
    """
    labels = None if labels is None else checked_labels(labels)
    if has_head(model_class, checkpoint) and _fits(labels, checkpoint.labels):
        model = model_class.from_pretrained(folder, dtype=dtype)
        model.labels = labels or list(checkpoint.labels)
        return model
    if labels is None:
        raise ValueError(
            f"Expected labels: {folder} has no classifier of this kind, so that "
            'nothing names its classes. For example labels=["negative", "positive"].'
        )
    encoder = encoder_of(folder, dtype)
    return model_class(encoder, labels, 0.1 if dropout is None else dropout)


def encoder_of(folder, dtype=None):
    """The encoder of a folder; that its pooler is untrained is no matter here.

    Args:
        folder: A folder in any container.
        dtype: A dtype policy.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*has no pooler.*")
        return load_encoder(folder, dtype=dtype)


def has_head(model_class, checkpoint):
    """Whether a checkpoint holds the head of a classification model.

    Args:
        model_class: As in `model_with_labels`.
        checkpoint: The `Checkpoint`.
    """
    of_tokens = model_class.encoder_output == "sequence_output"
    return (
        "classification_head" in checkpoint.heads
        and bool(checkpoint.token_labels) == of_tokens
    )


def checked_labels(labels):
    """Names of classes as a list of strings.

    Args:
        labels: An iterable of names.

    Raises:
        TypeError: If they are no list, but a string or a number.
        ValueError: If there are none, or one twice.
    """
    if isinstance(labels, str | int):
        raise TypeError(f"Expected a list of names of classes, got {labels!r}.")
    labels = [str(label) for label in labels]
    if not labels or len(set(labels)) < len(labels):
        raise ValueError(f"Expected different names of classes, got {labels}.")
    return labels


def _fits(labels, others):
    """Whether the classes of a head may bear these names."""
    if labels is None or list(labels) == list(others):
        return True
    unnamed = all(UNNAMED.fullmatch(label) for label in others)
    return unnamed and len(labels) == len(others)
