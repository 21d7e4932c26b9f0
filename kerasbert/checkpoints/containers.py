"""Detection of a folder's format, and conversion between formats."""

import dataclasses
import os
import pathlib
import shutil
import warnings
from typing import Any

from kerasbert.account import Account, listed, quoted
from kerasbert.checkpoints import (
    google_tf1,
    huggingface,
    keras_hub,
    sentence_transformers,
    tf_hub,
)
from kerasbert.checkpoints.checkpoint import Checkpoint
from kerasbert.checkpoints.config_keys import check_vocabulary_size
from kerasbert.checkpoints.names import family_of
from kerasbert.checkpoints.packed_writing import pack_folder
from kerasbert.files import inside, new_folder, read_json

# In the order in which a folder is tried.
READERS = (keras_hub, huggingface, tf_hub, google_tf1)
WRITERS = {module.NAME: module for module in (huggingface, google_tf1, keras_hub)}


def read_checkpoint(
    folder: str | os.PathLike, strict: bool = False, account: Account | None = None
) -> Checkpoint:
    """Reads the checkpoint of a folder in any format.

    Args:
        folder: A folder.
        strict: Whether what is otherwise warned about is refused: keys and tensors
            that kerasbert does not know.
        account: A `kerasbert.account.Account` to book the keys of its files in.

    Returns:
        A `Checkpoint`; its weights are read when they are asked for.

    Raises:
        FileNotFoundError: If there is no such folder, or a file of it is missing.
        ValueError: If it is no model, or a broken one.
    """
    folder = model_folder(pathlib.Path(folder))
    for container in READERS:
        if container.recognises(folder):
            return container.read(folder, account or Account(strict))
    names = sorted(file.name for file in folder.iterdir())
    shown = listed(names[:8]) + (", ..." if len(names) > 8 else "")
    raise ValueError(
        f"{folder} is no model that kerasbert reads: expected config.json (Hugging "
        "Face, KerasHub), saved_model.pb (TF Hub) or bert_config.json with a "
        f"checkpoint (Google); found {shown or 'an empty folder'}. Name the folder "
        "that holds these files."
    )


def model_folder(folder):
    """Returns the folder of the encoder, which may be the first module's."""
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder}.")
    modules = folder / "modules.json"
    if not modules.is_file():
        return folder
    entries = read_json(modules)
    first = entries[0] if isinstance(entries, list) and entries else None
    if not isinstance(first, dict) or not isinstance(first.get("path", ""), str):
        raise ValueError(
            f"Expected a list of modules with type and path in {modules}. It may be "
            "incomplete or corrupt; fetch it again."
        )
    kind = str(first.get("type")).rpartition(".")[-1]
    if kind not in sentence_transformers.ENCODERS and not kind.endswith("Transformer"):
        raise ValueError(
            f"Expected a Transformer as the first module of {modules}, got "
            f"{quoted(first.get('type'))}."
        )
    path = first.get("path", "")
    inner = inside(folder, path, modules)
    if not inner.is_dir():
        raise FileNotFoundError(
            f"{modules} names the folder {quoted(path)}, which is not in {folder}. "
            "Was it fetched whole?"
        )
    return inner


# What task a folder of kerasbert is; `kerasbert.load` reads it in every container.
TASK_FILE = "kerasbert.json"


def write_checkpoint(
    checkpoint: Checkpoint,
    folder: str | os.PathLike,
    format: str = "huggingface",
    overwrite: bool = False,
    modules: Any = None,
    beside: Any = (),
    account: Account | None = None,
    bits: int | dict[str, int] | None = None,
) -> None:
    """Writes a checkpoint and its tokenizer in a format.

    Args:
        checkpoint: A `Checkpoint`.
        folder: The folder to make; it appears when it is complete.
        format: A key of `WRITERS`.
        overwrite: Whether a folder that exists is replaced.
        modules: What comes after the encoder of a sentence embedder, as
            `SentenceModules`, which is written beside it in every format.
        beside: Files that are copied along.
        account: The `kerasbert.account.Account` of the folder that it is from.
        bits: Bits of packed weights, see `pack_folder`; None: they stay float32.

    Raises:
        FileExistsError: If the folder exists and `overwrite` is not given.
        ValueError: If there is no such format, or it cannot hold this model.
    """
    if format not in WRITERS:
        raise ValueError(
            f"Expected a format among {', '.join(WRITERS)}, got {quoted(format)}."
        )
    if bits is not None and format != huggingface.NAME:
        raise ValueError(
            f"Expected the format {huggingface.NAME} with bits, got {format}, which "
            "has no place for packed weights. Leave bits out."
        )
    with new_folder(folder, overwrite=overwrite) as partial:
        WRITERS[format].write(checkpoint, partial)
        if bits is not None:
            pack_folder(partial, bits)
        tokenizer = _tokenizer_of(checkpoint, modules, account or Account())
        if tokenizer is not None:
            from kerasbert.checkpoints.vocabulary import write_tokenizer

            family = family_of(checkpoint.config)
            write_tokenizer(tokenizer, partial, format, family)
        if modules is not None:
            _write_modules(checkpoint, modules, tokenizer, partial, format)
        if tokenizer is not None and format != huggingface.NAME:
            _check_read_back(tokenizer, partial, format, modules is not None)
        for file in beside:
            shutil.copyfile(file, partial / file.name)


def convert(
    source: str | os.PathLike,
    folder: str | os.PathLike,
    format: str,
    overwrite: bool = False,
    strict: bool = False,
    bits: int | dict[str, int] | None = None,
) -> None:
    """Converts a checkpoint to another format.

    Args:
        source: As in `BertEncoder.from_pretrained`.
        folder: The folder to make.
        format: `"huggingface"`, `"google_tf1"` or `"keras_hub"`.
        overwrite: Whether a folder that exists is replaced.
        strict: Whether what is otherwise warned about is refused: keys and tensors
            that kerasbert does not know.
        bits: Bits of packed weights, as in `BertEncoder.save_pretrained`.

    Returns:
        The `Checkpoint` that was read.
    """
    from kerasbert.checkpoints.sources import resolve

    source = resolve(source)
    account = Account(strict, source)
    modules = None
    if sentence_transformers.holds_sentence_modules(source):
        modules = sentence_transformers.read_sentence_modules(source, account)
    checkpoint = read_checkpoint(source, account=account)
    beside = [source / TASK_FILE] if (source / TASK_FILE).is_file() else []
    write_checkpoint(
        checkpoint, folder, format, overwrite, modules, beside, account, bits
    )
    return checkpoint


def _write_modules(checkpoint, modules, tokenizer, folder, format):
    """Writes the modules after the encoder in sentence-transformers' layout.

    KerasHub has a task for some of it, which is written, too.
    """
    length = modules.max_length
    if length is None and tokenizer is not None:
        length = tokenizer.max_length
    modules = dataclasses.replace(modules, encoder="", max_length=length)
    size = checkpoint.config.hidden_size
    sentence_transformers.write_sentence_modules(modules, folder, size)
    if format == keras_hub.NAME:
        keras_hub.write_embedder(checkpoint.config, modules, folder)


def _check_read_back(tokenizer, folder, format, is_embedder):
    """Rejects an embedder whose normalization a format cannot store.

    Other models get a warning: their text may be cleaned before it is tokenized.
    """
    from kerasbert.checkpoints.vocabulary import read_tokenizer

    kept, wanted = (
        {
            "lower_case": each.lower_case,
            "strip_accents": each.lower_case
            if each.strip_accents is None
            else each.strip_accents,
            "split_chinese_characters": each.split_chinese_characters,
        }
        for each in (read_tokenizer(folder), tokenizer)
    )
    lost = [f"{key}={value}" for key, value in wanted.items() if kept[key] != value]
    if not lost:
        return
    message = f"{format} has no place for {', '.join(lost)} of this tokenizer: "
    if is_embedder:
        message += "the vectors would be others. Write the format huggingface."
        raise ValueError(message)
    found = ", ".join(f"{key}={kept[key]}" for key in kept if kept[key] != wanted[key])
    message += f"the folder reads back with {found}. The format huggingface keeps it."
    warnings.warn(message, stacklevel=4)


def _tokenizer_of(checkpoint, modules, account):
    """Returns the tokenizer next to a checkpoint, or None."""
    if checkpoint.folder is None:
        return None
    from kerasbert.checkpoints.vocabulary import read_tokenizer

    try:
        tokenizer = read_tokenizer(checkpoint.folder, account=account)
    except FileNotFoundError:
        return None
    except ImportError as error:  # weights alone need less than text does
        warnings.warn(
            f"The tokenizer of {checkpoint.folder} is not written along: {error}. "
            "Install kerasbert with all that it depends on, or copy it by hand.",
            stacklevel=3,
        )
        return None
    if tokenizer.vocabulary:
        size = len(tokenizer.vocabulary)
        check_vocabulary_size(size, checkpoint.config, checkpoint.folder, account)
    if modules is not None and modules.lower_case:
        return sentence_transformers.lower_cased(tokenizer)
    return tokenizer
