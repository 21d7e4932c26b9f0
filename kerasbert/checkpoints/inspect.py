"""Inspection of a folder, as printed by `kerasbert inspect`."""

import dataclasses
import fnmatch
import math
import pathlib

from kerasbert.account import Account, AccountEntry
from kerasbert.checkpoints import huggingface
from kerasbert.checkpoints.config_keys import check_vocabulary_size
from kerasbert.checkpoints.containers import read_checkpoint
from kerasbert.checkpoints.ledger import Entry
from kerasbert.config import EncoderConfig

# Files that nobody reads, and why not; the first pattern that matches tells.
UNREAD = {
    "README*": "documentation",
    "LICENSE*": "documentation",
    "*.md": "documentation",
    ".git*": "of git",
    ".git/*": "of git",
    ".cache/*": "of a cache",
    "generation_config.json": "of text generation, which encoders do not do",
    "kerasbert.json": "the task, which kerasbert.load reads",
    "litert.*": "for LiteRT, which kerasbert.LiteRTEmbedder reads",
    "model_card.*": "documentation",
    "*.msgpack": "weights of another framework",
    "*.onnx": "weights of another framework",
    "*.ot": "weights of another framework",
    "onnx/*": "weights of another framework",
    "openvino/*": "weights of another framework",
    "coreml/*": "weights of another framework",
    "training_args.bin": "state of a training",
    "trainer_state.json": "state of a training",
    "optimizer.*": "state of a training",
    "scheduler.*": "state of a training",
    "rng_state*": "state of a training",
    "*.ckpt*.meta": "the graph of a training",
    "events.out.*": "logs of a training",
    "runs/*": "logs of a training",
}
# Files that a tokenizer or container reads whole: no keys are booked of them.
READ_WHOLE = (
    *("vocab.txt", "vocabulary.txt", "spiece.model", "30k-clean.model"),
    *("vocabulary.spm", "sentencepiece.bpe.model", "checkpoint", "saved_model.pb"),
    *("tfhub_module.pb", "variables/*", "assets/*", "*.index", "*.data-*"),
    *("*.safetensors", "*.bin", "*.h5", "*.index.json"),
    *("keras_metadata.pb", "fingerprint.pb", "assets.extra/*"),
)


@dataclasses.dataclass(frozen=True)
class Inspection:
    """The content of a folder.

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
        account: What became of every key of every file.
        unread: From the files that nobody reads to the reason, where there is one.
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
    account: tuple[AccountEntry, ...]
    unread: dict


def inspect(folder, strict=False):
    """Inspects a folder without creating a model."""
    folder = pathlib.Path(folder)
    account = Account(strict, folder)
    checkpoint = read_checkpoint(folder, account=account)
    if checkpoint.container == huggingface.NAME:
        huggingface.compare_files(checkpoint.folder, account, checkpoint.config)
    tokenizer = read_beside(folder, account, checkpoint.config)
    ledger = checkpoint.ledger
    return Inspection(
        folder=checkpoint.folder,
        container=checkpoint.container,
        config=checkpoint.config,
        heads=checkpoint.heads,
        labels=checkpoint.labels,
        parameter_count=sum(math.prod(entry.shape) for entry in ledger.used),
        tokenizer=tokenizer,
        tensors=ledger.entries,
        absent=ledger.absent,
        account=account.entries,
        unread=_unread(folder, account.entries),
    )


def read_beside(folder, account, model_config):
    """Reads what a folder contains besides its encoder, and records the keys."""
    from kerasbert.checkpoints.sentence_transformers import read_sentence_modules
    from kerasbert.checkpoints.vocabulary import read_tokenizer

    read_sentence_modules(folder, account=account)
    try:
        config = read_tokenizer(folder, account=account)
    except FileNotFoundError:
        return {}
    except ImportError as error:  # weights alone need less than text does
        return {"not_read": str(error)}
    about = {"kind": config.kind}
    if config.vocabulary:
        about["vocabulary_size"] = len(config.vocabulary)
        check_vocabulary_size(len(config.vocabulary), model_config, folder, account)
    names = ("lower_case", "strip_accents", "split_chinese_characters", "max_length")
    return about | {name: getattr(config, name) for name in names}


def _unread(folder, entries):
    """Returns the files without recorded keys, with the reason."""
    read = {entry.file for entry in entries}
    unread = {}
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        whole = any(fnmatch.fnmatch(name, pattern) for pattern in READ_WHOLE)
        if file.is_dir() or file.name in read or name in read or whole:
            continue
        reasons = (why for pat, why in UNREAD.items() if fnmatch.fnmatch(name, pat))
        unread[name] = next(reasons, "")
    return unread
