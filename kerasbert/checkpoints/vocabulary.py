"""The tokenizer of a folder, whichever container it is."""

import json
import pathlib

from kerasbert.text.tokenizer_config import TokenizerConfig


def read_tokenizer(folder: pathlib.Path) -> TokenizerConfig:
    """Reads the tokenizer of a folder.

    Args:
        folder: holds at least a vocabulary.

    Returns:
        What the tokenizer is made of.
    """
    vocabulary = read_vocabulary(folder / "vocab.txt")
    settings = {}
    if (folder / "tokenizer_config.json").exists():
        settings = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    return TokenizerConfig(
        kind="wordpiece",
        vocabulary=vocabulary,
        lower_case=settings.get("do_lower_case", is_uncased(vocabulary)),
        strip_accents=settings.get("strip_accents"),
        split_chinese_characters=settings.get("tokenize_chinese_chars", True),
    )


def read_vocabulary(path: pathlib.Path) -> tuple[str, ...]:
    """The tokens of a vocabulary file, a token a line."""
    lines = path.read_bytes().decode("utf-8").removesuffix("\n").split("\n")
    return tuple(line.removesuffix("\r") for line in lines)


def is_uncased(vocabulary) -> bool:
    """Whether no token but special ones has an upper-case letter."""
    plain = (t for t in vocabulary if not t.startswith(("[", "<")))
    return not any(token != token.lower() for token in plain)
