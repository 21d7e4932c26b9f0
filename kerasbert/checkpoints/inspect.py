"""What a folder holds, as data that `kerasbert inspect` prints."""

import dataclasses
import math
import pathlib

from kerasbert.checkpoints.containers import read_checkpoint
from kerasbert.checkpoints.ledger import Entry
from kerasbert.config import EncoderConfig


@dataclasses.dataclass(frozen=True)
class Inspection:
    """What a folder holds.

    Args:
        folder: Where it lies.
        container: The container's name, such as `"huggingface"`.
        config: The encoder's configuration.
        heads: Names of the heads that it holds.
        labels: The names of the classes of a classification head.
        parameter_count: Number of weights of encoder, pooler and heads.
        tokenizer: What its tokenizer is, a few words by name; empty without one.
        tensors: Every tensor: its name, its shape, and where it goes or why not.
        absent: Optional groups of variables, such as the pooler, that it lacks.
    """

    folder: pathlib.Path
    container: str
    config: EncoderConfig
    heads: tuple[str, ...]
    labels: tuple[str, ...]
    parameter_count: int
    tokenizer: dict
    tensors: tuple[Entry, ...]
    absent: tuple[str, ...]


def inspect(folder, strict=False):
    """Tells what a folder holds, without making a model of it.

    Args:
        folder: A folder in any container.
        strict: Whether configuration keys that nobody knows are refused.

    Returns:
        An `Inspection`.

    Raises:
        FileNotFoundError: If there is no such folder, or a file of it is missing.
        ValueError: If it is no model, or a broken one.
    """
    checkpoint = read_checkpoint(folder, strict)
    ledger = checkpoint.ledger
    return Inspection(
        folder=checkpoint.folder,
        container=checkpoint.container,
        config=checkpoint.config,
        heads=checkpoint.heads,
        labels=checkpoint.labels,
        parameter_count=sum(math.prod(entry.shape) for entry in ledger.used),
        tokenizer=_tokenizer(checkpoint),
        tensors=ledger.entries,
        absent=ledger.absent,
    )


def _tokenizer(checkpoint):
    from kerasbert.checkpoints.vocabulary import read_tokenizer

    try:
        config = read_tokenizer(checkpoint.folder)
    except FileNotFoundError:
        return {}
    except ImportError as error:  # weights alone need less than text does
        return {"not_read": str(error)}
    about = {"kind": config.kind}
    if config.vocabulary:
        about["vocabulary_size"] = len(config.vocabulary)
    names = ("lower_case", "strip_accents", "split_chinese_characters", "max_length")
    return about | {name: getattr(config, name) for name in names}
