"""The tokenizer of a folder, in any format."""

import pathlib

from kerasbert.account import Account
from kerasbert.checkpoints import (
    vocabulary_hub,
    vocabulary_huggingface,
    vocabulary_writing,
)
from kerasbert.checkpoints.vocabulary_files import find_vocabulary, read_vocabulary_file
from kerasbert.text.tokenizer_config import TokenizerConfig

__all__ = ["read_tokenizer", "write_tokenizer"]


def read_tokenizer(folder, account=None) -> TokenizerConfig:
    r"""Reads the tokenizer of a folder.

    Example:
        >>> import tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> tokens = "[PAD] [UNK] [CLS] [SEP] [MASK] hello"
        >>> _ = (folder / "vocab.txt").write_text(tokens.replace(" ", "\n"))
        >>> read_tokenizer(folder).lower_case
        True
    """
    account = Account() if account is None else account
    folder = pathlib.Path(folder).expanduser()
    if folder.is_file():
        return read_vocabulary_file(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"Expected a folder at {folder}, but there is none.")
    if (folder / "saved_model.pb").is_file():
        return vocabulary_hub.read_saved_model(folder)
    if (folder / "assets" / "tokenizer").is_dir():
        return vocabulary_hub.read_keras_hub(folder, account)
    if not vocabulary_huggingface.has_tokenizer(folder):
        inner = vocabulary_huggingface.first_module(folder)
        if inner is not None:
            return vocabulary_huggingface.read(inner, account, folder)
    if vocabulary_huggingface.has_tokenizer(folder):
        return vocabulary_huggingface.read(folder, account)
    return read_vocabulary_file(find_vocabulary(folder))


def write_tokenizer(
    config: TokenizerConfig, folder, container="huggingface", family=None
) -> None:
    """Writes the files of a tokenizer in a format; `family` is that of its model."""
    vocabulary_writing.write(config, pathlib.Path(folder), container, family)
